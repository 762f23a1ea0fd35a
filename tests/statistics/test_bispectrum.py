"""Bispectrum against the analytic one of fields with a known second order, and against every triangle one by one."""

from itertools import product

import numpy as np
import pytest

from halonet.spectra import measure_spectra
from halonet.statistics.bispectrum import bispectrum_of_field, bispectrum_of_points, shot_noise
from halonet.statistics.wide_bins import MockError, WideBins, wide_bins

SIDE, CELLS = 200.0, 48
SECOND = 0.5  # b2 / 2
DEVIATION = 0.1
BINS = WideBins(2 * np.pi / SIDE, 2, 5)
LARGEST = 10.5  # |k| of the Gaussian field, in fundamentals


def gaussian(seed, slope):
    """Gaussian field, its power a power of the number of the bin, without the modes whose square the mesh lacks."""
    k = np.fft.fftfreq(CELLS, 1 / CELLS)
    length = np.sqrt(k[:, None, None] ** 2 + k[:, None] ** 2 + k[: CELLS // 2 + 1] ** 2)
    power = np.where((length > 0) & (length < LARGEST), np.maximum((np.rint(length) + 1) // 2, 1) ** slope, 0)
    noise = np.fft.rfftn(np.random.default_rng(seed).normal(size=(CELLS,) * 3))
    field = np.fft.irfftn(noise * np.sqrt(power))
    weights = np.where(np.arange(CELLS // 2 + 1) % (CELLS // 2) == 0, 1, 2)
    scale = DEVIATION / np.sqrt((power * weights).sum() / CELLS**3)  # of the ensemble
    return scale * field


def wide_power(field):
    spectra = measure_spectra(field, field, SIDE)
    return BINS.means(spectra.modes, spectra.first)


@pytest.mark.parametrize("slope", [0.0, -1.0])
def test_a_field_with_a_second_order_has_its_tree_level_bispectrum(slope):
    """delta + c (delta^2 - <delta^2>) has B = 2 c (P1 P2 + P2 P3 + P3 P1); the odd part alone, where noise is least."""
    sums = np.zeros((4, BINS.number))
    for seed in range(40):
        field = gaussian(seed, slope)
        modes, power = wide_power(field)
        square = SECOND * (field**2 - DEVIATION**2)
        plus, minus = (bispectrum_of_field(field + sign * square, SIDE, BINS) for sign in (1, -1))
        sums[0] += (plus.equilateral - minus.equilateral) / 2
        sums[1, 1:] += (plus.squeezed - minus.squeezed) / 2
        sums[2] += power**2
        sums[3, 1:] += (2 * power[0] * power[1:] + power[1:] ** 2) / 3
    # The product of powers measured in one box is that of the ensemble, within one bin with its variance 2 / modes.
    expected = [6 * SECOND * sums[2] / (1 + 2 / modes), 6 * SECOND * sums[3]]
    weights = plus.triangles, np.append(0, plus.squeezed_triangles)
    for found, wanted, weight in zip(sums[:2], expected, weights, strict=True):
        assert (weight * found).sum() / (weight * wanted).sum() == pytest.approx(1, abs=0.05)


def test_the_sum_over_a_mesh_is_the_mean_over_every_closed_triangle():
    bins = WideBins(2 * np.pi / SIDE, 1, 2)
    field = np.random.default_rng(4).normal(size=(8, 8, 8))
    modes = np.fft.fftn(field) / field.size
    within = [k for k in product(range(-2, 3), repeat=3) if 1 <= round(np.linalg.norm(k)) <= 2]
    shell = {k: round(np.linalg.norm(k)) for k in within}
    sums = {}
    for one, other in product(within, repeat=2):
        third = tuple(-a - b for a, b in zip(one, other, strict=True))
        if third in shell:
            key = shell[one], shell[other], shell[third]
            value = (modes[one] * modes[other] * modes[third]).real
            sums[key] = sums.get(key, 0) + np.array([value, 1])
    found = bispectrum_of_field(field, SIDE, bins)
    expected = [SIDE**6 * sums[key][0] / sums[key][1] for key in ((1, 1, 1), (2, 2, 2), (1, 2, 2))]
    np.testing.assert_allclose([*found.equilateral, *found.squeezed], expected, rtol=1e-10)
    assert [*found.triangles, *found.squeezed_triangles] == [sums[key][1] for key in ((1, 1, 1), (2, 2, 2), (1, 2, 2))]


def test_points_at_random_have_the_bispectrum_of_shot_noise():
    points, boxes, density = 300, 60, 300 / SIDE**3
    rng = np.random.default_rng(8)
    found = [bispectrum_of_points(rng.uniform(0, SIDE, (points, 3)), SIDE, BINS) for _ in range(boxes)]
    for name in ("equilateral", "squeezed"):
        values = np.array([getattr(each, name) for each in found]) * density**2
        error = values.std(axis=0) / boxes**0.5
        assert np.abs((values.mean(axis=0) - 1) / error).max() < 4
        assert error[-1] < 0.2
    power = np.full(BINS.number, 1 / density)
    np.testing.assert_allclose(shot_noise(power, density), density**-2)
    np.testing.assert_allclose(shot_noise(power, density, squeezed=True), np.full(BINS.number - 1, density**-2))


def test_bins_are_the_same_whatever_the_largest_wavenumber_and_none_is_refused():
    few, many = wide_bins(1000.0, 0.1), wide_bins(1000.0, 0.3)
    assert few.together == many.together == 4
    assert few.number < many.number
    with pytest.raises(MockError, match=r"largest_k_per_mpc = 0.02 is below the first bin of the box, 0.0628 per Mpc"):
        wide_bins(100.0, 0.02)


def test_the_shot_noise_of_squeezed_triangles_has_one_long_side_and_two_of_the_bin():
    power, density = np.array([50.0, 20.0, 10.0]), 0.5
    np.testing.assert_allclose(shot_noise(power, density), [292, 112, 52])
    np.testing.assert_allclose(shot_noise(power, density, squeezed=True), [172, 132])
