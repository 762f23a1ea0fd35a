"""Means over the particles that gather: their limits, known answers and symmetries."""

import numpy as np
import pytest

from halonet.grid.shells import shells_within
from halonet.halo_finding.gathering import gathered_means
from halonet.particles import Particles
from halonet.settings import CosmologySettings, DisplacementSettings, SettingsError, validate
from halonet.spheres import mean_within
from halonet.storage import FieldHeader

CELLS, SIZE = 32, 2.0  # Mpc a cell
HEADER = FieldHeader(CELLS * SIZE, 0.0, CosmologySettings().model_dump(), 5)
RADIUS = np.array([5.0])


def random_particles():
    rng = np.random.default_rng(3)
    return Particles(*rng.normal(0, 3, (2, CELLS, CELLS, CELLS, 3)).astype(np.float32), HEADER)


def from_centre(centre):
    """Cells as seen from a centre (Mpc), the short way round the box, shape (N, N, N, 3)."""
    axis = np.arange(CELLS) + 0.5
    away = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1) - centre
    return (away - CELLS * np.round(away / CELLS)) * SIZE


def test_without_weights_the_mean_is_that_over_the_sphere_bit_for_bit():
    particles, rng = random_particles(), np.random.default_rng(4)
    cells, radii = rng.integers(0, CELLS, (20, 3)), rng.uniform(2, 6, 20)
    moved, velocity = gathered_means(particles, cells + 0.5, radii, reach=1, kernel=np.inf)
    for axis in range(3):
        expected = mean_within(particles.displacements[..., axis], cells, radii)
        np.testing.assert_array_equal(moved[:, axis], expected)
        np.testing.assert_array_equal(velocity[:, axis], mean_within(particles.velocities[..., axis], cells, radii))


@pytest.mark.parametrize("centre", [(16.5, 16.5, 16.5), (0.1, 31.9, 7.3)])
def test_a_sphere_that_collapses_to_a_point_is_found_there_wherever_its_centre_lies_in_a_cell(centre):
    centre, point = np.array(centre), np.array([4.0, -7.0, 1.5])
    collapse = (point - from_centre(centre)).astype(np.float32)
    particles = Particles(collapse, np.full_like(collapse, 70.0), HEADER)
    moved, velocity = gathered_means(particles, centre[None], RADIUS)
    np.testing.assert_allclose(moved[0], point, atol=1e-5)
    np.testing.assert_allclose(velocity[0], 70.0)


def test_particles_of_the_sphere_that_end_elsewhere_do_not_count_and_those_beyond_it_that_join_do():
    # An ellipsoid collapses to a point far away; what surrounds it stays behind at rest.
    centre = np.array([10.5, 12.5, 20.5])
    away = from_centre(centre)
    own = ((away / (np.array([6.4, 4.4, 4.4]) * SIZE)) ** 2).sum(axis=-1) <= 1
    point = np.array([30.0, 0.0, 0.0])
    moves = np.where(own[..., None], point - away, 0).astype(np.float32)
    speeds = np.where(own[..., None], 300.0, 0.0) * np.ones(3, np.float32)
    particles = Particles(moves, speeds.astype(np.float32), HEADER)
    sphere, slow = gathered_means(particles, centre[None], RADIUS, reach=1, kernel=np.inf)
    moved, velocity = gathered_means(particles, centre[None], RADIUS)
    assert np.abs(sphere[0] - point).max() > 1
    assert np.abs(moved[0] - point).max() < 0.05 * np.abs(sphere[0] - point).max()
    assert slow.max() < 270
    assert 299 < velocity.min() <= 300


def test_a_shift_of_the_box_by_whole_cells_changes_nothing():
    particles, shift = random_particles(), np.array([3, 30, 11])
    centres, radii = np.array([[1.2, 3.3, 30.9], [15.5, 0.5, 8.1]]), np.array([3.0, 5.5])
    fields = (np.roll(each, shift, (0, 1, 2)) for each in (particles.displacements, particles.velocities))
    shifted = gathered_means(Particles(*fields, HEADER), centres + shift, radii)
    for one, other in zip(gathered_means(particles, centres, radii), shifted, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-9)


def test_every_particle_that_can_count_is_looked_at():
    # All particles end at one point, and so weigh the same: the mean velocity counts those within the reach.
    centre, reach = np.array([16.9, 15.1, 16.2]), 1.3
    away = from_centre(centre)
    inside = np.sqrt((away**2).sum(axis=-1)) <= reach * RADIUS[0] * SIZE
    speeds = np.random.default_rng(5).normal(0, 100, away.shape).astype(np.float32)
    particles = Particles((-away).astype(np.float32), speeds, HEADER)
    _, velocity = gathered_means(particles, centre[None], RADIUS, reach=reach)
    np.testing.assert_allclose(velocity[0], speeds[inside].mean(axis=0, dtype=np.float64), atol=1e-4)
    assert inside.sum() > len(shells_within(5).offsets)


def test_no_haloes_have_no_means():
    moved, velocity = gathered_means(random_particles(), np.zeros((0, 3)), np.zeros(0))
    assert moved.shape == velocity.shape == (0, 3)


def test_perturbation_theory_has_no_particles_that_gather_and_is_refused():
    with pytest.raises(SettingsError, match="average is 'gathered', which needs method = 'particle_mesh'"):
        validate(DisplacementSettings, {"average": "gathered"}, "settings.yaml")


def test_the_smallest_halo_at_the_corner_of_a_cell_has_a_finite_mean():
    moved, velocity = gathered_means(random_particles(), np.array([[7.0, 7.0, 7.0]]), np.array([0.62]))
    assert np.isfinite(moved).all()
    assert np.isfinite(velocity).all()
