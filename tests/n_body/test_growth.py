"""Growth to second order, factors of kicks and drifts, and the times of the steps."""

from itertools import pairwise

import numpy as np
import pytest

from halonet.cosmology import expansion_rate, matter_fraction
from halonet.n_body.growth import Growth
from halonet.n_body.schedule import plan, scale_factors
from halonet.settings import CosmologySettings, NBodySettings, SettingsError


@pytest.fixture(scope="module")
def growth(cosmology):
    return Growth(cosmology)


def slope(function, a, step=1e-4):
    return (function(a + step) - function(a - step)) / (2 * step)


def test_second_order_growth_is_three_sevenths_of_the_square_early_and_larger_today(growth):
    """Values of an independent integration, for Om = 0.25."""
    assert growth.second(0.001) / growth.first(0.001) ** 2 == pytest.approx(3 / 7, rel=1e-5)
    assert growth.second(0.1) / growth.first(0.1) ** 2 == pytest.approx(0.4286, abs=1e-4)
    assert growth.second(1.0) == pytest.approx(0.4328, abs=1e-4)


@pytest.mark.parametrize("a", [0.1, 0.4, 0.9])
def test_momenta_are_derivatives_of_displacements(growth, cosmology, a):
    weight = a**3 * expansion_rate(cosmology, 1 / a - 1)
    assert growth.first_momentum(a) == pytest.approx(weight * slope(growth.first, a), rel=1e-5)
    assert growth.second_momentum(a) == pytest.approx(weight * slope(growth.second, a), rel=1e-5)


@pytest.mark.parametrize(("a0", "a1"), [(0.1, 0.3), (0.7, 0.72)])
def test_kick_and_drift_are_equations_13_and_14_of_fastpm(growth, cosmology, a0, a1):
    middle = (a0 * a1) ** 0.5
    rate = expansion_rate(cosmology, 1 / middle - 1)
    drift = (growth.first(a1) - growth.first(a0)) / slope(growth.first, middle) / (middle**3 * rate)
    assert growth.drift(a0, a1, middle) == pytest.approx(drift, rel=1e-5)
    force = growth.first_momentum
    kick = (force(a1) - force(a0)) / slope(force, middle) / (middle**2 * rate) * 1.5 * cosmology.omega_m
    assert growth.kick(a0, a1, middle) == pytest.approx(kick, rel=1e-5)


def test_growth_holds_in_matter_domination_too():
    nearly_flat = Growth(CosmologySettings(omega_b=0.05, omega_cdm=0.9499999))
    assert nearly_flat.second(1.0) == pytest.approx(3 / 7, rel=1e-4)
    assert nearly_flat.first(0.25) == pytest.approx(0.25, rel=1e-4)
    assert matter_fraction(nearly_flat.cosmology, 0.0) == pytest.approx(1)


@pytest.mark.parametrize("snapshots", [[1.0], [0.5, 1.0], [0.11, 0.5, 0.52, 1.0]])
def test_steps_hit_every_snapshot_exactly_and_are_even_between_them(snapshots):
    times = scale_factors(0.1, snapshots, 12)
    assert len(times) == 13
    assert times[0] == 0.1
    assert set(snapshots) <= set(times)
    lengths = np.diff(times)
    edges = [0, *(int(np.flatnonzero(times == a)[0]) for a in snapshots)]
    for first, last in pairwise(edges):
        np.testing.assert_allclose(lengths[first:last], lengths[first], rtol=1e-9)
    assert lengths.max() < 2.2 * 0.9 / 12


def test_kicks_of_a_plan_join_at_half_steps_and_sum_to_the_growth_of_the_momentum(cosmology):
    """With a linear force D1 psi the momentum ends at G1 psi, whatever the steps."""
    growth, psi = Growth(cosmology), 1.0
    schedule = plan(cosmology, NBodySettings(steps=7), [0.0, 1.0])
    place, momentum = growth.first(0.1) * psi, growth.first_momentum(0.1) * psi
    momentum += schedule.first_kick * growth.first(0.1) * psi
    for step in schedule.steps:
        place += step.drift * momentum
        momentum += (step.kick_to_end + step.kick_beyond) * growth.first(step.a) * psi
    assert place == pytest.approx(growth.first(1.0), rel=1e-9)
    assert momentum == pytest.approx(growth.first_momentum(1.0), rel=1e-9)
    assert [step.snapshot for step in schedule.steps if step.snapshot is not None] == [1.0, 0.0]


@pytest.mark.parametrize(
    ("settings", "redshifts", "words"),
    [
        ({"start": 0.1}, [0.0, 9.0], ["n_body.start = 0.1", "redshift 9.0", "not after the start"]),
        ({"start": 0.5}, [2.0], ["scale factor 0.3333", "not after the start"]),
        ({"steps": 5}, [0, 1, 2, 3, 4, 5], ["n_body.steps = 5", "6 snapshots"]),
    ],
)
def test_snapshots_that_steps_cannot_reach_are_refused_by_name(cosmology, settings, redshifts, words):
    with pytest.raises(SettingsError) as error:
        plan(cosmology, NBodySettings(**settings), redshifts)
    for word in words:
        assert word in str(error.value)
