"""Haloes that were planted, with everything a catalogue says of them."""

import numpy as np
import pytest

from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY
from halonet.cosmology import mean_matter_density
from halonet.friends_of_friends.columns import UNIT
from halonet.friends_of_friends.groups import find_groups
from halonet.friends_of_friends.haloes import find_haloes, own_fractions
from halonet.friends_of_friends.spherical_overdensity import LEAST_PARTICLES, particles_within
from halonet.particles import Particles
from halonet.settings import CosmologySettings, NBodySettings
from halonet.storage import FieldHeader

N, CELL = 24, 2.0
SIDE = N * CELL
# Centres (cells), semi-axes (cells), where they collapse to (cells), mean velocity (km/s).
PLANTED = (
    ((12.5, 12.5, 12.5), (5.0, 4.0, 3.0), (13.0, 12.0, 11.5), (100.0, -50.0, 20.0)),
    ((1.0, 23.0, 6.0), (3.0, 3.0, 3.0), (23.9, 0.2, 6.0), (-300.0, 0.0, 10.0)),
)
SETTINGS = NBodySettings(minimum_cells=20)


def lattice():
    return np.stack(np.meshgrid(*[np.arange(N) + 0.5] * 3, indexing="ij"), axis=-1)


def nearest(difference, side=N):
    return difference - side * np.round(difference / side)


def members(centre, axes):
    return ((nearest(lattice() - centre) / axes) ** 2).sum(axis=-1) <= 1


@pytest.fixture(scope="module")
def planted():
    """Particles at rest on their lattice, but for protohaloes that have shrunk to a twentieth of their size."""
    random = np.random.default_rng(1)
    displacements, velocities = np.zeros((N, N, N, 3)), np.zeros((N, N, N, 3))
    for centre, axes, place, velocity in PLANTED:
        inside = members(centre, axes)
        here = lattice()[inside]
        target = np.array(place) + nearest(here - centre) / 20
        displacements[inside] = nearest(target - here) * CELL
        velocities[inside] = velocity + random.normal(0, 200, (inside.sum(), 3))
    header = FieldHeader(SIDE, 0.0, CosmologySettings().model_dump())
    return Particles(displacements.astype("f4"), velocities.astype("f4"), header)


@pytest.fixture(scope="module")
def found(planted):
    return find_haloes(planted, CosmologySettings(), SETTINGS)


@pytest.mark.parametrize("row", [0, 1])
def test_a_planted_halo_is_found_with_its_cells_positions_velocity_and_shape(planted, found, row):
    haloes, owners = found
    centre, axes, _, velocity = PLANTED[row]
    inside = members(centre, axes)
    assert len(haloes) == 2
    np.testing.assert_array_equal(owners == row, inside)
    assert haloes["cells"][row] == inside.sum()
    assert haloes["mass"][row] == pytest.approx(inside.sum() * CELL**3 * mean_matter_density(CosmologySettings()))
    assert haloes["radius"][row] == pytest.approx((3 * inside.sum() / (4 * np.pi)) ** (1 / 3) * CELL, rel=1e-6)
    for names, values, size in (
        (LAGRANGIAN, lattice()[inside] * CELL, SIDE),
        (EULERIAN, planted.positions()[inside], SIDE),
    ):
        first = values[0]
        expected = (first + nearest(values - first, size).mean(axis=0)) % size
        apart = nearest(haloes.positions(names)[row] - expected, size)
        assert np.abs(apart).max() < 1e-4
    v = planted.velocities[inside].astype(float)
    np.testing.assert_allclose(haloes.positions(VELOCITY)[row], v.mean(axis=0), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(haloes["velocity_dispersion"][row], np.sqrt(v.var(axis=0).mean()), rtol=1e-5)
    assert np.abs(v.mean(axis=0) - velocity).max() < 60


def test_extent_and_axes_are_those_of_the_protohalo(found):
    haloes, _ = found
    longest = [max(axes) * CELL for _, axes, _, _ in PLANTED]
    assert (haloes["extent"] <= np.array(longest) * 1.05).all()
    assert (haloes["extent"] > np.array(longest) * 0.85).all()
    for i in range(3):
        expected = [sorted(axes)[::-1][i] * CELL for _, axes, _, _ in PLANTED]
        np.testing.assert_allclose(haloes[f"axis_{i + 1}"], expected, rtol=0.08)


def test_a_sphere_owns_the_cells_within_its_radius_and_an_ellipsoid_does_not(found):
    haloes, _ = found
    assert haloes["own_fraction"][1] > 0.95
    assert 0.6 < haloes["own_fraction"][0] < 0.9


def test_own_fractions_count_cells_of_other_haloes_as_not_own():
    owners = np.full((8, 8, 8), -1, np.int32)
    owners[:4], owners[4:] = 0, 1
    centres, radii = np.array([[4.0, 4, 4], [6.0, 4, 4]]), np.array([2.5, 1.9])
    np.testing.assert_allclose(own_fractions(owners, centres, radii), [0.5, 1.0])


def test_haloes_below_the_least_number_of_particles_are_left_out(planted):
    smaller = int(members(*PLANTED[1][:2]).sum())
    settings = NBodySettings(minimum_cells=smaller)
    assert len(find_haloes(planted, CosmologySettings(), settings)[0]) == 2
    settings = NBodySettings(minimum_cells=smaller + 1)
    haloes, owners = find_haloes(planted, CosmologySettings(), settings)
    assert len(haloes) == 1
    assert owners.max() == 0


def test_a_box_without_haloes_has_an_empty_catalogue():
    nothing = np.zeros((8, 8, 8, 3), np.float32)
    header = FieldHeader(16.0, 0.0, CosmologySettings().model_dump())
    haloes, owners = find_haloes(Particles(nothing, nothing, header), CosmologySettings(), SETTINGS)
    assert len(haloes) == 0
    assert (owners == -1).all()


def sphere_by_all_distances(positions, cells, centre, threshold):
    """Particles within the first sphere that is below the threshold, from sorted distances to all."""
    apart = np.abs(positions.astype(np.int64) - centre.astype(np.int64))
    apart = np.minimum(apart, cells * UNIT - apart) / UNIT
    distances = np.sort(np.sqrt((apart**2).sum(axis=1)))
    density = np.arange(1, len(distances) + 1) / (4 / 3 * np.pi * np.maximum(distances, 1e-9) ** 3)
    below = np.flatnonzero((density < threshold) & (np.arange(len(distances)) >= LEAST_PARTICLES))
    return below[0] if len(below) else len(distances)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_spherical_overdensities_are_those_of_all_distances(seed):
    cells, random = 12, np.random.default_rng(seed)
    size = 0.4 * random.uniform(0, 1, (900, 1)) ** 2
    middles, cloud_of = random.uniform(0, cells, (3, 3)), random.integers(0, 3, 900)
    middles[0] = 0  # across all faces of the box
    cloud = middles[cloud_of] + size * random.normal(0, 1, (900, 3))
    positions = np.concatenate([cloud, random.uniform(0, cells, (828, 3))])
    positions = (np.floor(positions * UNIT).astype(np.int64) % (cells * UNIT)).astype(np.uint32)
    groups = find_groups(positions, cells, 0.2)
    across = np.flatnonzero(cloud_of == 0)[:2]
    centres, counts = positions[[*across, 5, 17, 1000]], np.array([300, 20, 20, 5, 2])
    thresholds = [200.0, 800.0]
    within = particles_within(groups.columns, centres, counts, thresholds)
    for i, threshold in enumerate(thresholds):
        expected = [sphere_by_all_distances(positions, cells, centre, threshold) for centre in centres]
        np.testing.assert_array_equal(within[i], expected)


def test_spherical_mass_is_measured_around_the_densest_member_with_particles_of_no_group(planted):
    """Of planted haloes with nothing around them, all members and no more are within 200 times the mean."""
    haloes, _ = find_haloes(planted, CosmologySettings(), SETTINGS)
    np.testing.assert_allclose(haloes["m200m"], haloes["mass"], rtol=1e-6)
    assert (haloes["m200c"] <= haloes["m200m"]).all()
    density = haloes["m200m"] / (4 / 3 * np.pi * haloes["r200m"].astype(float) ** 3)
    np.testing.assert_allclose(density, 200 * mean_matter_density(CosmologySettings()), rtol=1e-5)
