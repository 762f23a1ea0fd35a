import numpy as np
import pytest
import tensorflow as tf

from halonet.field_level.clouds import assign_clouds
from halonet.field_level.fourier import irfft3, rfft3
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.density import linear_density
from halonet.initial_conditions.noise import white_noise
from halonet.neural_bias import evolution
from halonet.settings import CosmologySettings

COSMOLOGY = CosmologySettings()
CELLS = 6


def gradient(function, place):
    with tf.GradientTape() as tape:
        tape.watch(place)
        value = function(place)
    return tape.gradient(value, place)


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_the_gradient_of_the_real_transform_is_its_adjoint(compiled):
    """<w, rfft3(x)> for every real-valued w of the modes: dot products on both sides agree."""
    rng = np.random.default_rng(0)
    shape = (CELLS, CELLS, CELLS // 2 + 1)
    real, imaginary, x = rng.standard_normal(shape), rng.standard_normal(shape), rng.standard_normal((CELLS,) * 3)

    def product(field):
        modes = rfft3(field)
        return tf.reduce_sum(tf.math.real(modes) * real + tf.math.imag(modes) * imaginary)

    adjoint = tf.function(lambda f: gradient(product, f), jit_compile=compiled)(tf.zeros((CELLS,) * 3, tf.float64))
    assert np.sum(adjoint.numpy() * x) == pytest.approx(float(product(tf.constant(x))), rel=1e-12)


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_the_gradient_of_the_inverse_real_transform_is_its_adjoint(compiled):
    """Also along modes that no real field has: imaginary parts of the mean, planes that are not Hermitian."""
    rng = np.random.default_rng(1)
    shape = (2, CELLS, CELLS, CELLS // 2 + 1)
    z = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    weights = rng.standard_normal((2, CELLS, CELLS, CELLS))

    def product(modes):
        return tf.reduce_sum(irfft3(modes) * weights)

    adjoint = tf.function(lambda m: gradient(product, m), jit_compile=compiled)(tf.zeros(shape, tf.complex128)).numpy()
    inner = np.sum(adjoint.real * z.real + adjoint.imag * z.imag)
    assert inner == pytest.approx(float(product(tf.constant(z))), rel=1e-12)


@pytest.mark.parametrize(("order", "supersample"), [(1, 1), (1, 2), (2, 2), (2, 3)])
def test_the_same_white_noise_has_the_density_and_displacement_of_the_pipeline(
    make_gravity, spectrum, order, supersample
):
    gravity = make_gravity(12, order, supersample)
    linear = linear_density(Slabs(12), 7, gravity.box_size, *spectrum, COSMOLOGY)
    noise = tf.constant(white_noise(Slabs(12), 7), tf.float64)
    np.testing.assert_allclose(gravity.linear_density(noise), linear, atol=1e-5)
    moved = evolution.displacement(linear, gravity.box_size, COSMOLOGY, order)
    found = gravity.displacement(gravity.linear_modes(noise)).numpy()
    np.testing.assert_allclose(found, moved, atol=1e-4)
    density = evolution.evolved_density(moved, gravity.box_size, supersample)
    np.testing.assert_allclose(gravity.density(noise), density, atol=1e-4)


@pytest.mark.parametrize("order", [1, 2])
def test_a_plane_wave_moves_by_the_zeldovich_displacement_and_has_no_second_order(make_gravity, order):
    gravity = make_gravity(16, order)
    q = (np.arange(16) + 0.5) / 16 * gravity.box_size
    k, height = 2 * np.pi * 3 / gravity.box_size, 0.8
    density = np.broadcast_to(height * np.cos(k * q)[:, None, None], (16,) * 3)
    moved = gravity.displacement(rfft3(tf.constant(density))).numpy()
    expected = np.broadcast_to(-height / k * np.sin(k * q)[:, None, None], (16,) * 3)
    np.testing.assert_allclose(moved[0], expected, atol=1e-12 * gravity.box_size)
    assert np.abs(moved[1:]).max() < 1e-12 * gravity.box_size


def test_the_second_order_of_crossed_waves_is_that_of_the_analytic_source(make_gravity):
    """delta = A cos kx + B cos ky: S = A B cos kx cos ky, whose Laplacian has eigenvalue -2 k^2."""
    first, second = make_gravity(16, 1), make_gravity(16, 2)
    q = (np.arange(16) + 0.5) / 16 * first.box_size
    k, a, b = 2 * np.pi / first.box_size, 0.5, 0.3
    x, y = np.cos(k * q)[:, None, None], np.cos(k * q)[None, :, None]
    modes = rfft3(tf.constant(np.broadcast_to(a * x + b * y, (16,) * 3)))
    more = second.displacement(modes).numpy() - first.displacement(modes).numpy()
    # psi1 has divergence -delta, so eta2 has divergence +S: eta2_x = A B sin kx cos ky / (2 k).
    expected = second.second_order * a * b / (2 * k) * np.sin(k * q)[:, None, None] * y
    np.testing.assert_allclose(more[0], np.broadcast_to(expected, (16,) * 3), atol=1e-12 * first.box_size)


def test_mass_is_conserved_and_supersampling_leaves_no_voxel_empty(make_gravity):
    noise = tf.constant(np.random.default_rng(3).standard_normal((12,) * 3))
    density = make_gravity(12).density(noise).numpy()
    assert density.mean() == pytest.approx(1, abs=1e-12)
    assert density.min() > 0
    assert make_gravity(12, supersample=1).density(noise).numpy().min() < 1e-3


def test_a_particle_at_the_centre_of_a_voxel_lies_in_the_voxel_of_a_halo_at_the_same_place():
    cells, box_size = 8, 60.0
    place = np.array([[2.5, 7.5, 0.5]]) * box_size / cells
    counts = assign_clouds(tf.constant(place.T * cells / box_size - 0.5), cells).numpy()
    (voxel,) = evolution.voxel_of(place, cells, box_size)
    assert counts.ravel()[voxel] == pytest.approx(1)
    assert np.unravel_index(voxel, (cells,) * 3) == (2, 7, 0)


def test_clouds_in_cells_share_out_particles_as_in_the_pipeline_across_the_periodic_faces():
    rng, cells, box_size = np.random.default_rng(2), 6, 30.0
    positions = rng.uniform(-box_size, 2 * box_size, (3, 500))
    found = assign_clouds(tf.constant(positions * cells / box_size - 0.5), cells).numpy()
    np.testing.assert_allclose(found, evolution.assign_clouds(positions, cells, box_size), atol=1e-12)
    assert found.sum() == pytest.approx(500)


def test_the_gradient_of_a_place_is_the_slope_of_the_cloud():
    positions, weights = np.array([[0.3], [4.7], [2.1]]), np.random.default_rng(4).standard_normal((6,) * 3)

    def product(at):
        return tf.reduce_sum(assign_clouds(at, 6) * weights)

    found = gradient(product, tf.constant(positions)).numpy()
    for axis in range(3):
        shift = np.zeros((3, 1))
        shift[axis] = 1e-6
        difference = (product(tf.constant(positions + shift)) - product(tf.constant(positions - shift))) / 2e-6
        assert found[axis, 0] == pytest.approx(float(difference), rel=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"order": 3}, "order 3"), ({"cells": 9}, "9 cells"), ({"cell_size": 0.01}, "the power spectrum covers")],
)
def test_a_forward_model_that_cannot_be_is_refused_with_the_value(make_gravity, changes, message):
    with pytest.raises(ValueError, match=message):
        make_gravity(**({"cells": 8} | changes))
