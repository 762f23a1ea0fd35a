"""Second order by differences: analytic waves, the exact theory of smooth fields, and turns of the axes."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from halonet.grid.slabs import Slabs
from halonet.n_body.differences import potential, second_order_source_by_differences, slope_of_row
from halonet.n_body.growth import Growth
from halonet.n_body.start import start_particles, start_particles_quickly

CELLS = 48
SLABS = Slabs(CELLS, threads=2)
K = 2 * np.pi / CELLS


@pytest.fixture(scope="module")
def smooth_density():
    """48^3 cells without structure below some 8 cells, as rough as the sky at a redshift of three."""
    smooth = gaussian_filter(np.random.default_rng(3).standard_normal((CELLS,) * 3), 2.5, mode="wrap")
    return (0.4 / smooth.std() * smooth).astype(np.float32)


def source(density):
    return second_order_source_by_differences(potential(SLABS.forward(density), SLABS), SLABS)


def test_the_source_of_crossed_waves_is_the_analytic_one_up_to_the_faces_of_the_box():
    """delta = cos k1 x + cos k2 y gives S = cos k1 x cos k2 y; second differences fall short by k^4 / 90, here 3e-4."""
    q, k1, k2 = np.arange(CELLS) + 0.5, 2 * K, 3 * K
    x, y = np.cos(k1 * q), np.cos(k2 * q)
    density = np.broadcast_to(x[:, None, None] + y[None, :, None], SLABS.shape).astype(np.float32)
    for axes in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        found = source(np.ascontiguousarray(density.transpose(axes)))
        expected = np.broadcast_to((x[:, None] * y)[..., None], SLABS.shape).transpose(axes)
        np.testing.assert_allclose(found, expected, atol=4e-4)


def test_waves_along_a_diagonal_have_no_second_order():
    """Products of 0.18, the amplitude of phi_xx phi_yy, cancel each other."""
    q = np.arange(CELLS) + 0.5
    wave = np.cos(2 * K * q[:, None, None] + 3 * K * q[:, None] - K * q).astype(np.float32)
    assert np.abs(source(wave)).max() < 1e-3


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slopes_are_those_of_a_wave_in_every_row(axis):
    q = np.arange(CELLS) + 0.5
    wave = np.cos(2 * K * q).astype(np.float32).reshape([-1 if i == axis else 1 for i in range(3)])
    field = np.pad(np.broadcast_to(wave, SLABS.shape), ((2, 2), (0, 0), (0, 0)), mode="wrap")
    found, expected = np.empty(CELLS, np.float32), -2 * K * np.sin(2 * K * q)
    for plane, row in [(0, 0), (5, 1), (20, 46), (47, 47)]:
        slope_of_row(field[plane : plane + 5], row, axis, found)
        at = (plane, row, slice(None))[axis]
        np.testing.assert_allclose(found, np.broadcast_to(expected[at], CELLS), atol=1e-4)


def test_a_quick_start_is_the_exact_one_of_a_smooth_density(smooth_density, cosmology):
    """Second order, a tenth of the first, is right to some percent; without it both would be a tenth off."""
    growth, exact, quick = (
        Growth(cosmology),
        *(start(smooth_density, SLABS, Growth(cosmology), 0.5) for start in (start_particles, start_particles_quickly)),
    )
    first = start_particles(smooth_density * np.float32(1e-3), SLABS, growth, 0.5)
    for right, found, linear in zip(exact, quick, first, strict=True):
        second = (right - 1000 * linear).std()
        assert second > 0.02 * right.std()
        assert (found - right).std() < 0.04 * second
