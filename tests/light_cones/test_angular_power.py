"""Angular power spectra against analytic ones: points at random, a known modulation, rotations, linear theory."""

import numpy as np
import pytest
from scipy.special import eval_legendre
from scipy.stats import special_ortho_group

from halonet.columns import REQUIRED_OF_LIGHT_CONES
from halonet.light_cones.angular_power import LARGEST, angular_power, bands, limber, measure_angular_power
from halonet.mocks.super_sample import halo_bias
from halonet.settings import CircleSettings, CosmologySettings, LightConeSettings
from halonet.sky.catalogue import LightConeCatalogue
from halonet.sky.epochs import Epochs
from halonet.sky.region import Region
from halonet.storage import FieldHeader

CIRCLE = CircleSettings(right_ascension=40.0, declination=-20.0, radius=25.0)


def on_the_sky(number, seed=3):
    directions = np.random.default_rng(seed).normal(size=(number, 3))
    return directions / np.sqrt((directions**2).sum(axis=1))[:, None]


def banded(power, fraction):
    multipoles, edges = np.arange(LARGEST + 1), bands(fraction)
    modes = np.histogram(multipoles, edges, weights=2 * multipoles + 1)[0]
    return np.histogram(multipoles, edges, weights=(2 * multipoles + 1) * power)[0] / modes, modes


@pytest.mark.parametrize("opening", ["full_sky", "hemisphere", "octant", CIRCLE], ids=str)
def test_points_at_random_have_shot_noise_and_no_power(opening):
    region = Region(opening, 0.0, 2.0)
    points = on_the_sky(200_000)
    points = points[region.holds(points)]
    fraction = region.fraction_of_sky()
    power, shot = angular_power(points, region)
    assert shot == pytest.approx(4 * np.pi * fraction / len(points), rel=0.01)
    found, modes = banded(power, fraction)
    deviations = found / shot / np.sqrt(2 / (modes * fraction))
    assert np.abs(deviations).max() < 4
    assert deviations.std() < 1.6


@pytest.mark.parametrize("multipole", [6, 40])
def test_a_modulation_by_one_legendre_polynomial_has_the_power_of_that_multipole_alone(multipole):
    points, half = on_the_sky(400_000), 0.5
    dice = np.random.default_rng(4).random(len(points))
    points = points[dice < (1 + half * eval_legendre(multipole, points[:, 2])) / (1 + half)]
    power, shot = angular_power(points, Region("full_sky", 0.0, 2.0))
    expected = half**2 * 4 * np.pi / (2 * multipole + 1) ** 2
    assert power[multipole] == pytest.approx(expected, rel=0.12)
    assert np.abs(np.delete(power, multipole)[3:]).max() < 3 * shot
    turned = points @ special_ortho_group.rvs(3, random_state=5)
    assert angular_power(turned, Region("full_sky", 0.0, 2.0))[0][multipole] == pytest.approx(
        power[multipole], rel=0.01
    )


def light_cone(positions, masses, opening="octant"):
    distance = np.sqrt((positions**2).sum(axis=1))
    columns = {name: np.zeros(len(masses)) for name in REQUIRED_OF_LIGHT_CONES} | {"mass": masses, "distance": distance}
    columns |= dict(zip("xyz", positions.T, strict=True))
    header = FieldHeader(512.0, None, CosmologySettings().model_dump(exclude={"redshift"}), 1)
    return LightConeCatalogue(columns, header, settings=LightConeSettings(opening=opening, redshift_range=[0.1, 0.3]))


def test_linear_theory_of_a_thin_shell_and_a_power_law_is_the_integral_by_hand():
    epochs = Epochs(CosmologySettings(), 0.3)
    near, far = epochs.distance([0.2, 0.2001])
    positions = on_the_sky(5000) * np.linspace(near, far, 5000)[:, None]
    k = np.geomspace(1e-4, 10, 50)
    at = np.array([20.0, 60.0])
    predicted = limber(light_cone(positions, np.full(5000, 1e14)), epochs, (k, 1e3 / k), at)
    middle, growth = (near + far) / 2, float(epochs.growth(np.array([0.20005]))[0])
    bias = float(halo_bias(np.array([1e14]), CosmologySettings(redshift=0.20005))[0])
    expected = (bias * growth / middle) ** 2 / (far - near) * 1e3 * middle / (at + 0.5)
    assert predicted == pytest.approx(expected, rel=1e-3)


def test_openings_too_narrow_and_haloes_too_few_have_no_angular_power():
    spectrum = (np.geomspace(1e-4, 10, 50), np.ones(50))
    positions = np.abs(on_the_sky(200)) * 600
    assert measure_angular_power(light_cone(positions, np.full(200, 1e14)), spectrum, 1e15) is None
    narrow = CircleSettings(right_ascension=0.0, declination=0.0, radius=5.0)
    assert measure_angular_power(light_cone(positions, np.full(200, 1e14), narrow), spectrum, 1e13) is None
    measured = measure_angular_power(light_cone(positions, np.full(200, 1e14)), spectrum, 1e13)
    assert measured["haloes"] == 200
    assert len(measured["l"]) == len(measured["power"]) == len(measured["linear"]) == len(bands(1 / 8)) - 1
