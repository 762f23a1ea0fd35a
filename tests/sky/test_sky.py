"""Distances, growth, coordinates and regions against direct computation."""

import numpy as np
import pytest
from scipy import integrate

from halonet.cosmology import growth_factor, growth_rate, hubble_rate
from halonet.initial_conditions.displacement import second_order_coefficient
from halonet.settings import CircleSettings, CosmologySettings, LightConeSettings, SettingsError, validate
from halonet.sky.coordinates import (
    declination,
    directions,
    observed_redshift,
    radial_velocities,
    right_ascension,
)
from halonet.sky.crossing import cross
from halonet.sky.epochs import SPEED_OF_LIGHT, Epochs
from halonet.sky.region import Region, region_of

COSMOLOGY = CosmologySettings(omega_cdm=0.26)
REDSHIFTS = np.array([0.0, 0.0013, 0.3, 0.777, 1.5, 2.9])


@pytest.fixture(scope="module")
def epochs():
    return Epochs(COSMOLOGY, 3.0)


def test_distances_are_the_integral_of_light_travelling(epochs):
    def step(z):
        return SPEED_OF_LIGHT / hubble_rate(COSMOLOGY, z)

    expected = [integrate.quad(step, 0, z, epsabs=0, epsrel=1e-13)[0] for z in REDSHIFTS]
    np.testing.assert_allclose(epochs.distance(REDSHIFTS), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(epochs.redshift(epochs.distance(REDSHIFTS)), REDSHIFTS, rtol=1e-9, atol=1e-11)


def test_growth_and_velocities_are_those_of_boxes_at_the_redshift(epochs):
    for name, expected in {
        "growth": lambda z: growth_factor(COSMOLOGY, z),
        "second_order": lambda z: second_order_coefficient(COSMOLOGY, z) * growth_factor(COSMOLOGY, z) ** 2,
        "velocity": lambda z: hubble_rate(COSMOLOGY, z) / (1 + z) * growth_rate(COSMOLOGY, z),
    }.items():
        values = getattr(epochs, name)(REDSHIFTS)
        np.testing.assert_allclose(values, [expected(z) for z in REDSHIFTS], rtol=1e-8, err_msg=name)


def test_a_longer_table_gives_the_same_bits(epochs):
    short, z = Epochs(COSMOLOGY, 0.9), np.random.default_rng(1).uniform(0, 0.9, 1000)
    for name in ("distance", "growth", "velocity"):
        np.testing.assert_array_equal(getattr(short, name)(z), getattr(epochs, name)(z))
    d = epochs.distance(z)
    np.testing.assert_array_equal(short.redshift(d), epochs.redshift(d))


def test_coordinates_go_round_and_come_back():
    vectors = np.random.default_rng(2).normal(size=(500, 3))
    vectors[:4] = [[1, 0, 0], [0, 2, 0], [0, 0, -3], [1, -1e-30, 0]]
    ra, dec = right_ascension(vectors), declination(vectors)
    np.testing.assert_allclose(ra[:4], [0, 90, 0, 0], atol=1e-12)
    np.testing.assert_allclose(dec[:4], [0, 0, -90, 0])
    assert ((ra >= 0) & (ra < 360)).all()
    lengths = np.sqrt((vectors**2).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(directions(ra, dec) * lengths, vectors, atol=1e-12)


def test_the_observed_redshift_stretches_light_twice():
    positions, velocities = np.array([[3.0, 4.0, 0.0], [0.0, 0.0, 0.0]]), np.array([[300.0, 400.0, 9e9], [1.0, 1, 1]])
    radial = radial_velocities(positions, velocities)
    np.testing.assert_allclose(radial, [500.0, 0.0])
    expected = 1.5 * (1 + 500 / 299792.458) - 1
    np.testing.assert_allclose(observed_redshift(np.array([0.5, 0.5]), radial), [expected, 0.5])


def test_a_halo_is_seen_where_light_from_it_left_for_the_observer(epochs):
    random = np.random.default_rng(4)
    lagrangian = directions(random.uniform(0, 360, 200), random.uniform(-90, 90, 200))
    lagrangian *= random.uniform(1, 3000, (200, 1))
    first, second = random.normal(0, 8, (200, 3)), random.normal(0, 2, (200, 3))
    positions, redshifts = cross(lagrangian, first, second, epochs)
    np.testing.assert_allclose(np.sqrt((positions**2).sum(axis=1)), epochs.distance(redshifts), atol=2e-7)
    for i in range(0, 200, 20):  # where the halo is at that time, by what a box at that redshift has
        z = redshifts[i]
        growth = growth_factor(COSMOLOGY, z)
        moved = lagrangian[i] + growth * first[i] + second_order_coefficient(COSMOLOGY, z) * growth**2 * second[i]
        np.testing.assert_allclose(positions[i], moved, atol=1e-6)


OPENINGS = [
    "full_sky",
    "hemisphere",
    "octant",
    CircleSettings(right_ascension=40.0, declination=-20.0, radius=25.0),
    CircleSettings(declination=90.0, radius=140.0),
]


@pytest.mark.parametrize("opening", OPENINGS)
def test_the_distance_outside_a_region_is_no_more_than_the_distance_to_it(opening):
    region, random = Region(opening, 300.0, 900.0), np.random.default_rng(5)
    points = random.uniform(-1200, 1200, (4000, 3))
    outside, inside = region.outside(points), points[region.holds(points)]
    assert (outside[region.holds(points)] <= 0).all()
    for point, distance in zip(points[:200], outside[:200], strict=True):
        assert distance <= np.sqrt(((inside - point) ** 2).sum(axis=1)).min() + 1e-9
    others = points + random.normal(0, 30, points.shape)
    moved = np.sqrt(((others - points) ** 2).sum(axis=1))
    assert (np.abs(region.outside(others) - outside) <= moved + 1e-9).all()


@pytest.mark.parametrize("opening", OPENINGS)
def test_an_opening_has_its_fraction_of_the_sky(opening):
    points = np.random.default_rng(6).normal(size=(40_000, 3))
    region = Region(opening, 0.0, 100.0)
    assert region.holds(points).mean() == pytest.approx(region.fraction_of_sky(), abs=0.008)


def test_regions_of_redshift_ranges_join_without_a_seam(epochs):
    near, far = (region_of(LightConeSettings(redshift_range=each), epochs) for each in ([0.0, 0.4], [0.4, 1.0]))
    points = directions(np.full(3, 10.0), np.full(3, 10.0)) * (near.farthest + np.array([[-1e-9], [0.0], [1e-9]]))
    assert near.farthest == far.nearest
    np.testing.assert_array_equal(near.holds(points) ^ far.holds(points), True)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"redshift_range": [0.5, 0.5]}, r"\[0.5, 0.5\] must ascend"),
        ({"opening": "quarter"}, "opening"),
        ({"opening": {"radius": 200.0}}, "less than or equal to 180"),
        ({"observer": [0.0, 1.0]}, "observer"),
    ],
)
def test_a_light_cone_that_cannot_be_is_refused(values, message):
    with pytest.raises(SettingsError, match=message):
        validate(LightConeSettings, values, "test")
