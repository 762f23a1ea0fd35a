"""Power spectra of samples whose spectrum is known."""

import numpy as np
import pytest

from halonet.spectra import halo_overdensity, measure_spectra

CELLS, BOX = 64, 200.0


@pytest.fixture(scope="module")
def random_points():
    return np.random.default_rng(11).uniform(0, BOX, (20000, 3))


@pytest.mark.parametrize("assignment", ["nearest", "cloud_in_cell"])
def test_a_poisson_sample_has_the_shot_noise_power_spectrum(random_points, assignment):
    field = halo_overdensity(random_points, CELLS, BOX, assignment)
    spectra = measure_spectra(field, field, BOX, assignment)
    # With clouds, aliased power falls short of white noise towards the Nyquist wavenumber; a third of it is safe.
    low = spectra.k < np.pi * CELLS / BOX * (1 if assignment == "nearest" else 1 / 3)
    expected = BOX**3 / len(random_points)
    mean = np.average(spectra.first[low], weights=spectra.modes[low])
    assert mean == pytest.approx(expected, rel=0.03)
    scatter = (spectra.first[low] / expected - 1) * np.sqrt(spectra.modes[low] / 2)
    assert np.abs(scatter).max() < 4.5


def gaussian_modes(rng, cells, box, power):
    """Field with the power spectrum ``power`` of k, drawn from white noise."""
    k = np.fft.fftfreq(cells, box / cells / (2 * np.pi))
    kz = np.fft.rfftfreq(cells, box / cells / (2 * np.pi))
    absolute = np.sqrt(k[:, None, None] ** 2 + k[None, :, None] ** 2 + kz**2)
    amplitude = np.sqrt(power(np.maximum(absolute, 1e-9)) * cells**3 / box**3)
    amplitude[0, 0, 0] = 0
    return np.fft.irfftn(np.fft.rfftn(rng.standard_normal((cells,) * 3)) * amplitude, axes=(0, 1, 2))


def lognormal_power(power, cells, box):
    """Power spectrum of exp(g) / <exp(g)> - 1 on the grid: the correlation function xi becomes exp(xi) - 1."""
    k = np.fft.fftfreq(cells, box / cells / (2 * np.pi))
    absolute = np.sqrt(k[:, None, None] ** 2 + k[None, :, None] ** 2 + k**2)
    spectrum = power(np.maximum(absolute, 1e-9))
    spectrum[0, 0, 0] = 0
    correlation = np.fft.ifftn(spectrum).real * cells**3 / box**3
    transformed = np.fft.fftn(np.expm1(correlation)).real * box**3 / cells**3
    shells = np.rint(absolute * box / (2 * np.pi)).astype(int).ravel()
    means = np.bincount(shells, transformed.ravel()) / np.bincount(shells)
    return means[1 : cells // 2 + 1]


def test_a_lognormal_sample_has_its_known_spectrum_to_2_percent():
    def power(k):
        return 300 * np.exp(-((k / 0.4) ** 2))

    expected = lognormal_power(power, CELLS, BOX)
    measured = []
    for seed in range(6):
        field = np.exp(gaussian_modes(np.random.default_rng(seed), CELLS, BOX, power))
        field = (field / field.mean() - 1).astype(np.float32)
        measured.append(measure_spectra(field, field, BOX))
    band = (measured[0].k > 0.15) & (measured[0].k < 0.6)  # enough modes, and power above rounding
    weights = measured[0].modes[band]
    ratio = np.mean([spectra.first[band] for spectra in measured], axis=0) / expected[band]
    assert np.average(ratio, weights=weights) == pytest.approx(1, abs=0.02)
    assert np.abs(ratio - 1).max() < 0.1


def test_a_single_wave_lies_in_its_bin_with_its_power():
    x = (np.arange(CELLS) + 0.5) / CELLS
    wave = np.broadcast_to(np.cos(2 * np.pi * 5 * x)[:, None, None], (CELLS,) * 3).astype(np.float32)
    spectra = measure_spectra(wave, wave, BOX)
    total = spectra.first * spectra.modes / BOX**3  # Parseval: the sum over modes is the variance
    assert total[4] == pytest.approx(0.5, rel=1e-5)
    assert np.delete(total, 4).max() < 1e-8


def test_identical_catalogues_are_perfectly_correlated(random_points):
    field = halo_overdensity(random_points[:500], CELLS, BOX)
    spectra = measure_spectra(field, field.copy(), BOX)
    np.testing.assert_allclose(spectra.correlation, 1, rtol=1e-6)
    np.testing.assert_allclose(spectra.ratio, 1, rtol=1e-6)


def test_independent_samples_are_uncorrelated(random_points):
    one, other = (halo_overdensity(part, CELLS, BOX) for part in (random_points[::2], random_points[1::2]))
    spectra = measure_spectra(one, other, BOX)
    assert np.average(spectra.correlation, weights=spectra.modes) == pytest.approx(0, abs=0.01)


def test_counts_are_conserved_and_periodic():
    points = np.array([[0.1, BOX - 0.1, 100.0], [BOX - 1e-3, 0.0, 3.0]])
    for assignment in ("nearest", "cloud_in_cell"):
        counts = (halo_overdensity(points, 16, BOX, assignment).astype(float) + 1) * 2 / 16**3
        assert counts.sum() == pytest.approx(2, rel=1e-5)
    nearest = halo_overdensity(points, 16, BOX)
    assert np.argwhere(nearest > 0).tolist() == [[0, 15, 8], [15, 0, 0]]


def test_clouds_are_shared_between_the_neighbouring_cells():
    size = BOX / 16
    point = np.array([[4.75 * size, 4.5 * size, 4.5 * size]])  # a quarter of a cell above the centre of cell 4
    counts = (halo_overdensity(point, 16, BOX, "cloud_in_cell").astype(float) + 1) / 16**3
    assert counts[4, 4, 4] == pytest.approx(0.75, rel=1e-4)
    assert counts[5, 4, 4] == pytest.approx(0.25, rel=1e-4)


def test_the_cloud_window_is_corrected_for():
    # A wave sampled by many points, at a wavelength of 8 cells where the window would take 20% of the power.
    rng = np.random.default_rng(8)
    x = rng.uniform(0, BOX, (400000, 3))
    kept = x[rng.random(len(x)) < 0.5 * (1 + 0.8 * np.cos(2 * np.pi * 8 * x[:, 0] / BOX))]
    field = halo_overdensity(kept, CELLS, BOX, "cloud_in_cell")
    corrected = measure_spectra(field, field, BOX, "cloud_in_cell")
    plain = measure_spectra(field, field, BOX)
    variance = corrected.first[7] * corrected.modes[7] / BOX**3
    assert variance == pytest.approx(0.8**2 / 2, rel=0.03)
    assert plain.first[7] < 0.92 * corrected.first[7]
