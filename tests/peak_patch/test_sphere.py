"""Weights of displacements around a sphere."""

import numpy as np
import pytest
from scipy import integrate

from halonet.grid.slabs import Slabs
from halonet.peak_patch.measurement import mean_within, published_limits, starting_shells
from halonet.peak_patch.measurement_loops import _eigenvalues
from halonet.peak_patch.sphere import sphere, spline, spline_integral


def test_the_spline_kernel_is_normalised():
    assert integrate.quad(lambda x: 4 * np.pi * x**2 * spline(x), 0, 2)[0] == pytest.approx(1)


@pytest.mark.parametrize("u", [0.0, 0.4, 1.0, 1.7])
def test_closed_form_of_the_kernel_integral_is_the_integral(u):
    integral = integrate.quad(lambda x: 4 * np.pi * spline(x) * x * (7.0 - x**2), u, 2, points=[1.0])[0]
    assert spline_integral(u, 7.0) == pytest.approx(integral, rel=1e-9)


@pytest.mark.parametrize("shell", [10, 60, 200])
def test_the_strain_of_a_uniformly_strained_field_is_that_strain(shell):
    ball, strain = sphere(20), np.array([[0.3, 0.1, 0.0], [0.1, 0.2, -0.05], [0.0, -0.05, 0.4]])
    psi = -ball.offsets @ strain
    result = np.zeros((3, 3))
    for i, m in enumerate(range(ball.first[shell], ball.last[shell] + 1)):
        cells = slice(ball.starts[m], ball.starts[m + 1])
        total = psi[cells].T @ ball.offsets[cells]
        result += ball.weights[ball.weight_starts[shell] + i] * (total + total.T) / 2
    np.testing.assert_allclose(result, strain, rtol=0.03, atol=0.003)


def test_eigenvalues_are_those_of_linear_algebra():
    generator = np.random.default_rng(1)
    for _ in range(50):
        xx, yy, zz, yz, xz, xy = values = generator.normal(size=6)
        expected = np.linalg.eigvalsh([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])[::-1]
        np.testing.assert_allclose(_eigenvalues(values), expected, atol=1e-10)


def test_mean_within_a_sphere_wraps_around_the_box():
    field = np.random.default_rng(2).normal(size=(16, 16, 16)).astype(np.float32)
    ball, shell = sphere(5), 12
    mean = mean_within(field[..., None], 0, np.array([0]), np.array([shell]), ball)[0, 0]
    x, y, z = (ball.offsets[: ball.starts[shell + 1]] % 16).T
    assert mean == pytest.approx(field[x, y, z].astype(float).mean(), rel=1e-6)


def test_search_starts_beyond_one_and_three_quarter_filter_radii():
    ball = sphere(31)
    shells = starting_shells(np.array([2.0, 5.0]), 1.0, ball)
    np.testing.assert_array_equal(ball.squares[shells], [13, 77])
    assert (published_limits(np.array([1.0, 2.0]), 1.0, ball) == [0, 2]).all()


def test_ghost_planes_are_those_of_the_periodic_neighbours():
    field = np.arange(8**3, dtype=np.float32).reshape(8, 8, 8)
    planes = Slabs(8).fetch_planes(field, [(-2, 12)])
    np.testing.assert_array_equal(planes, field[np.arange(-2, 10) % 8])
