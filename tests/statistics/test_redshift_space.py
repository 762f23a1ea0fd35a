"""Multipoles in redshift space against linear theory and against what symmetry demands."""

import numpy as np
import pytest

from halonet.grid.slabs import Slabs
from halonet.initial_conditions.displacement import first_order_displacement
from halonet.spectra import halo_overdensity, measure_spectra
from halonet.statistics.redshift_space import redshift_space_multipoles

CELLS, SIDE = 64, 256.0


@pytest.fixture(scope="module")
def moved():
    """A lattice that a faint Gaussian field with power at the largest scales has displaced, and its displacements."""
    rng = np.random.default_rng(3)
    modes = np.fft.rfftn(rng.normal(size=(CELLS,) * 3))
    k = np.sqrt(sum(np.square(each) for each in np.meshgrid(*[np.fft.fftfreq(CELLS, 1 / CELLS)] * 3, indexing="ij")))
    modes *= np.exp(-((k[..., : CELLS // 2 + 1] / 8) ** 2))
    density = np.fft.irfftn(modes).astype(np.float32)
    density *= 0.01 / density.std()
    slabs = Slabs(CELLS)
    forward = slabs.forward(density)
    shifts = np.stack([first_order_displacement(forward, slabs, SIDE / CELLS, axis) for axis in range(3)], axis=-1)
    lattice = (np.indices((CELLS,) * 3) + 0.5) * (SIDE / CELLS)
    return lattice.reshape(3, -1).T, shifts.reshape(-1, 3)


def kaiser_ratios(beta):
    """Monopole and quadrupole over the spectrum in real space (Kaiser 1987; Hamilton 1998)."""
    return 1 + 2 * beta / 3 + beta**2 / 5, 4 * beta / 3 + 4 * beta**2 / 7


def linear_hexadecapole(field, bins, beta):
    """Sum of 9 L_4 (1 + beta mu^2)^2 |delta|^2 over the modes of a field: their few directions are no continuum."""
    k = np.stack(np.meshgrid(*[np.fft.fftfreq(CELLS, 1 / CELLS)] * 3, indexing="ij"))
    length = np.maximum(np.linalg.norm(k, axis=0), 1e-9)
    power = np.abs(np.fft.fftn(field) / CELLS**3 / np.prod(np.sinc(k / CELLS), axis=0) ** 2) ** 2 * SIDE**3
    squared = k**2 / length**2
    seen = 9 / 8 * (35 * squared**2 - 30 * squared + 3) * (1 + beta * squared) ** 2
    return (power * seen.mean(axis=0))[(np.rint(length) > 0) & (np.rint(length) <= bins)].sum()


@pytest.mark.parametrize(("bias", "growth"), [(1.0, 0.0), (1.0, 0.5), (1.0, 1.0), (2.0, 0.8)])
def test_linear_multipoles_are_those_of_kaiser(moved, bias, growth):
    lattice, shifts = moved
    positions = np.mod(lattice + bias * shifts, SIDE)
    found = redshift_space_multipoles(positions, growth * shifts, SIDE, 8, CELLS)
    field = halo_overdensity(positions, CELLS, SIDE, "cloud_in_cell")
    real = measure_spectra(field, field, SIDE, "cloud_in_cell").first[:8]
    expected = kaiser_ratios(growth / bias)
    weights = found.modes * real
    for multipole, kaiser in zip((found.monopole, found.quadrupole), expected, strict=True):
        assert (found.modes * multipole).sum() / weights.sum() == pytest.approx(kaiser, abs=0.03)
    seen = linear_hexadecapole(field, 8, growth / bias) / weights.sum()
    assert (found.modes * found.hexadecapole).sum() / weights.sum() == pytest.approx(seen, abs=0.03)


def test_without_velocities_the_monopole_is_the_spectrum_in_real_space(moved):
    lattice, shifts = moved
    positions = np.mod(lattice + shifts, SIDE)
    found = redshift_space_multipoles(positions, np.zeros_like(shifts), SIDE, 10, CELLS)
    field = halo_overdensity(positions, CELLS, SIDE, "cloud_in_cell")
    real = measure_spectra(field, field, SIDE, "cloud_in_cell")
    np.testing.assert_allclose(found.monopole, real.first[:10], rtol=1e-5)
    np.testing.assert_allclose(found.k, real.k[:10])
    np.testing.assert_array_equal(found.modes, real.modes[:10])


def test_haloes_at_random_have_their_shot_noise_and_no_quadrupole():
    rng = np.random.default_rng(5)
    positions = rng.uniform(0, SIDE, (20_000, 3))
    found = redshift_space_multipoles(positions, rng.normal(size=(20_000, 3)), SIDE, 16, CELLS)
    noise = SIDE**3 / len(positions)
    error = noise / np.sqrt(found.modes / 2)
    assert np.abs((found.monopole - noise) / error).max() < 4
    assert np.abs(found.quadrupole / error).max() < 4 * np.sqrt(5)


def test_a_shift_of_the_box_and_an_exchange_of_axes_change_nothing():
    rng = np.random.default_rng(7)
    positions, shifts = rng.uniform(0, SIDE, (500, 3)), rng.normal(scale=3, size=(500, 3))
    found = redshift_space_multipoles(positions, shifts, SIDE, 8, 32)
    moved = np.mod(positions[:, [2, 0, 1]] + 5 * SIDE / 32, SIDE)
    same = redshift_space_multipoles(moved, shifts[:, [2, 0, 1]], SIDE, 8, 32)
    np.testing.assert_allclose(same.monopole, found.monopole, rtol=1e-4)
    np.testing.assert_allclose(same.quadrupole, found.quadrupole, rtol=1e-4, atol=1e-3 * found.monopole.max())


def test_bins_beyond_half_of_the_nyquist_frequency_are_refused():
    with pytest.raises(ValueError, match="bins = 9 reach beyond half of the Nyquist frequency of 32 cells; 8 fit"):
        redshift_space_multipoles(np.zeros((1, 3)), np.zeros((1, 3)), SIDE, 9, 32)
