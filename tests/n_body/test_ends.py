"""Where a short simulation carries the particle of a cell: densities and contractions against their definitions."""

from itertools import product

import numpy as np
import pytest
from thread_ranks import on_ranks

from halonet.cosmology import compute_power_spectrum
from halonet.dataset.symmetries import GROUPS
from halonet.grid.slabs import Slabs
from halonet.grid.windows import top_hat
from halonet.initial_conditions.density import linear_density
from halonet.n_body.deformation import deformation
from halonet.n_body.ends import where_particles_end
from halonet.n_body.forces import Gravity
from halonet.n_body.schedule import plan
from halonet.n_body.short import drift_to_end, simulate_density
from halonet.settings import CosmologySettings, SettingsError, ShortSimulationSettings

CELLS, COSMOLOGY, SHORT = 24, CosmologySettings(), ShortSimulationSettings()


@pytest.fixture(scope="module")
def density():
    k, power = compute_power_spectrum(COSMOLOGY)
    return linear_density(Slabs(CELLS), 5, float(CELLS), k, power, COSMOLOGY)


@pytest.fixture
def displacements():
    return np.random.default_rng(3).normal(scale=3.0, size=(12, 12, 12, 3)).astype(np.float32)


def densities_of(displacements, slabs=None):
    slabs = slabs or Slabs(len(displacements))
    found = np.empty(slabs.shape, np.float32)
    gravity = Gravity(slabs, 1)
    gravity.to_contrast(displacements)
    gravity.read_densities(displacements, found)
    return found


def clouds_by_definition(displacements):
    """1 + delta of clouds in cells around particles that start half-way between points of the mesh, read out alike."""
    side = len(displacements)
    positions = (np.moveaxis(np.indices((side,) * 3), 0, -1) + 0.5 + displacements.astype(float)).reshape(-1, 3)
    lower = np.floor(positions)
    corners = []
    for corner in product((0, 1), repeat=3):
        weight = np.where(corner, positions - lower, 1 - (positions - lower)).prod(axis=1)
        corners.append((tuple((lower + corner).astype(int).T % side), weight))
    mesh = np.zeros((side,) * 3)
    for cell, weight in corners:
        np.add.at(mesh, cell, weight)
    return sum(weight * mesh[cell] for cell, weight in corners).reshape((side,) * 3)


def test_densities_at_particles_are_clouds_in_cells_to_the_rounding_of_their_weights(displacements):
    np.testing.assert_allclose(densities_of(displacements), clouds_by_definition(displacements), rtol=2e-3)


def test_particles_at_rest_have_the_mean_density_and_a_lone_one_an_eighth_at_least(displacements):
    np.testing.assert_array_equal(densities_of(np.zeros((8, 8, 8, 3), np.float32)), 1)
    assert densities_of(displacements).min() >= 1 / 8


def test_contraction_of_a_plane_wave_is_that_of_central_differences():
    phase = 2 * np.pi / 16 * np.arange(16)
    for axis in range(3):
        shape = [16 if i == axis else 1 for i in range(3)]
        wave = np.zeros((16, 16, 16, 3), np.float32)
        wave[..., axis] = np.sin(phase).reshape(shape)
        expected = np.broadcast_to(-np.sin(2 * np.pi / 16) * np.cos(phase).reshape(shape), (16, 16, 16))
        np.testing.assert_allclose(deformation(wave, Slabs(16)).contraction, expected, atol=1e-6)


def test_cells_that_fall_into_one_point_contract_by_three_and_end_dense():
    """All of a cube of five cells ends at its centre: 125 particles in one cloud."""
    displacements = np.zeros((16, 16, 16, 3), np.float32)
    cube = np.indices((5, 5, 5)) - 2
    displacements[5:10, 5:10, 5:10] = -np.moveaxis(cube, 0, -1)
    found = (field[6:9, 6:9, 6:9] for field in deformation(displacements, Slabs(16)))
    for field, expected in zip(found, (3, 0, 0), strict=True):
        np.testing.assert_allclose(field, expected, atol=1e-6)
    assert densities_of(displacements)[7, 7, 7] == pytest.approx(125 / 8, rel=0.01)


def test_cells_at_rest_keep_their_stretch_and_volume_and_mirrored_ones_are_inside_out():
    still = deformation(np.zeros((8, 8, 8, 3), np.float32), Slabs(8))
    for field, expected in zip(still, (0, 3, 1), strict=True):
        np.testing.assert_array_equal(field, expected)
    mirrored = np.zeros((16, 16, 16, 3), np.float32)
    mirrored[5:10, ..., 1] = -2 * np.arange(16)[:, None]  # y to -y, but for the faces of the box
    found = (field[6:9, 1:-1] for field in deformation(mirrored, Slabs(16)))
    for field, expected in zip(found, (2, 3, -1), strict=True):
        np.testing.assert_allclose(field, expected, atol=1e-5)


def test_stretch_and_volume_are_those_of_the_whole_matrix_of_derivatives(displacements):
    """Of sheared and turned cells, too: against numpy's determinant and norm."""
    gradient = np.stack(
        [(np.roll(displacements, -1, axis) - np.roll(displacements, 1, axis)) / 2 for axis in range(3)], axis=-1
    )
    matrix = gradient.astype(float) + np.eye(3)
    found = deformation(displacements, Slabs(12))
    np.testing.assert_allclose(found.stretch, (matrix**2).sum(axis=(-2, -1)), rtol=1e-5)
    np.testing.assert_allclose(found.volume, np.linalg.det(matrix), atol=1e-4 * np.abs(found.volume).max())


def test_the_mean_around_a_particle_is_that_of_the_sphere_in_real_space(displacements):
    """Against the distances of all mesh points, from which a sphere with a rough edge differs a little."""
    slabs = Slabs(12)
    gravity, around = Gravity(slabs, 1), np.empty((12,) * 3, np.float32)
    gravity.to_contrast(displacements)
    contrast = gravity.mesh.own.astype(float)
    gravity.mesh.smooth(4.0)
    squares = np.minimum(np.arange(12), 12 - np.arange(12)) ** 2
    sphere = (squares[:, None, None] + squares[:, None] + squares <= 16).astype(float)
    mean = np.fft.ifftn(np.fft.fftn(contrast) * np.fft.fftn(sphere / sphere.sum())).real
    assert np.corrcoef(gravity.mesh.own.ravel(), mean.ravel())[0, 1] > 0.98
    assert gravity.mesh.own.mean(dtype=float) == pytest.approx(0, abs=1e-6)
    gravity.read_densities(np.zeros_like(displacements), around)  # half-way between points: the mean of eight
    eight = sum(np.roll(gravity.mesh.own, (-i, -j, -k), (0, 1, 2)) for i, j, k in product((0, 1), repeat=3)) / 8
    np.testing.assert_allclose(around, 1 + eight, atol=1e-5)


@pytest.mark.parametrize("redshift", [0.0, 1.0])
def test_a_faint_density_contracts_as_linear_theory_says(redshift):
    """-div psi is the linear density at the redshift; long waves, as central differences damp short ones."""
    waves = sum(np.cos(2 * np.pi / 32 * (grid + 0.3)) for grid in np.indices((32,) * 3)).astype(np.float32)
    faint, cosmology = np.float32(0.003) * waves, COSMOLOGY.model_copy(update={"redshift": redshift})
    ends = where_particles_end(faint, Slabs(32), cosmology, SHORT)
    assert np.abs(ends.deformation.contraction - faint).max() < 0.03 * faint.max()
    # Read out by clouds, a wave is damped by (sin(k/2) / (k/2))^4, by half a percent here; by the sphere besides.
    assert np.abs(ends.density - 1 - faint).max() < 0.04 * faint.max()
    assert np.abs(ends.around - 1 - top_hat(2 * np.pi / 32 * SHORT.around_cells) * faint).max() < 0.04 * faint.max()


def test_displacements_are_those_of_the_whole_simulation_bit_for_bit(density):
    slabs, schedule = Slabs(CELLS), plan(COSMOLOGY, SHORT, [0.0])
    _, state = simulate_density(density, slabs, COSMOLOGY, schedule, Gravity(slabs, 1))
    found = drift_to_end(density, slabs, COSMOLOGY, schedule, Gravity(slabs, 1))[1].displacements
    np.testing.assert_array_equal(found, state.displacements)
    ends = where_particles_end(density, slabs, COSMOLOGY, SHORT)
    np.testing.assert_array_equal(ends.deformation, deformation(found, slabs))


def fields_at_the_end(density, slabs):
    """All of them, (5, planes, N, N)."""
    ends = where_particles_end(density, slabs, COSMOLOGY, SHORT)
    return np.stack([ends.density, ends.around, *ends.deformation])


def test_a_density_in_double_precision_is_simulated_in_single(density):
    slabs = Slabs(CELLS)
    np.testing.assert_array_equal(
        fields_at_the_end(density.astype(np.float64), slabs), fields_at_the_end(density, slabs)
    )


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_ranks_and_threads_change_no_bit(density, ranks):
    whole = fields_at_the_end(density, Slabs(CELLS))

    def work(communicator):
        slabs = Slabs(CELLS, communicator)
        return fields_at_the_end(density[slabs.start : slabs.stop], slabs)

    np.testing.assert_array_equal(np.concatenate(on_ranks(ranks, work)[0], axis=1), whole)
    np.testing.assert_array_equal(fields_at_the_end(density, Slabs(CELLS, threads=ranks)), whole)


def test_they_move_and_turn_with_the_periodic_box(density):
    """To the rounding of positions, which small scales amplify."""
    whole, shift = fields_at_the_end(density, Slabs(CELLS)), (5, -3, 1)
    turns = [lambda field: np.roll(field, shift, (0, 1, 2)), *GROUPS["cube"][7::13]]
    for turn in turns:
        turned = fields_at_the_end(np.ascontiguousarray(turn(density)), Slabs(CELLS))
        for one, other in zip(turned, whole, strict=True):
            assert np.corrcoef(one.ravel(), turn(other).ravel())[0, 1] > 0.9999


def test_a_redshift_before_the_start_is_refused(density):
    early = COSMOLOGY.model_copy(update={"redshift": 3.5})
    with pytest.raises(SettingsError, match=r"redshift 3\.5 .* is not after the start"):
        where_particles_end(density, Slabs(CELLS), early, SHORT)
