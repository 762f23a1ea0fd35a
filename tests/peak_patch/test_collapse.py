"""Ellipsoidal collapse against independent truth."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, special

from halonet.cosmology import growth_factor, growth_rate
from halonet.peak_patch import kept_tables
from halonet.peak_patch.collapse import (
    FREEZE_OUT,
    growth_table,
    look_up,
    read_collapse_table,
    strain_eigenvalues,
    write_collapse_table,
)
from halonet.peak_patch.ellipsoid import carlson_rd, self_gravity
from halonet.peak_patch.integration import converged_collapse
from halonet.peak_patch.kept_tables import kept_collapse_table
from halonet.peak_patch.published import growth_history, published_collapse
from halonet.settings import CosmologySettings
from halonet.storage import StorageError

LAMBDA_RATIO = 3.0  # 0.75 / 0.25
CHECK_VALUES = [
    (1.686, 0.0, 0.0, 0.9642),
    (2.0, 0.1, 0.0, 1.1902),
    (2.0, 0.2, 0.0, 1.0123),
    (2.5, 0.2, 0.1, 1.5153),
    (2.5, 0.2, -0.1, 1.4014),
    (3.0, 0.3, 0.0, 1.5792),
    (4.0, 0.4, 0.0, 1.7536),
]


@pytest.fixture(scope="module")
def growth(cosmology):
    return growth_table(cosmology)


def collapse(f, e, p, growth, freeze_out=FREEZE_OUT, ratio=LAMBDA_RATIO):
    return converged_collapse(strain_eigenvalues(f, e, p), ratio, growth, np.array(freeze_out))


@pytest.mark.parametrize(("f", "e", "p", "expected"), CHECK_VALUES)
def test_published_integration_gives_the_check_values(f, e, p, expected, cosmology):
    numbers, freeze_out = np.array([f, e, p, LAMBDA_RATIO], np.float32), np.array(FREEZE_OUT, np.float32)
    value = published_collapse(*numbers, growth_history(cosmology), freeze_out)
    assert value == pytest.approx(expected, abs=1e-4)


def test_published_growth_is_that_of_linear_theory_to_the_rounding_of_single_precision(cosmology):
    a, growth, rate = growth_history(cosmology)
    late = a > 0.05  # the growth is that without clustering baryons before 0.001
    np.testing.assert_allclose(growth[late], [growth_factor(cosmology, 1 / x - 1) / x for x in a[late]], rtol=3e-5)
    np.testing.assert_allclose(rate[late], [growth_rate(cosmology, 1 / x - 1) for x in a[late]], rtol=3e-5)
    assert np.all(np.diff(a) > 0)
    assert a[0] < 0.0011
    assert a[-1] > 1.98


@pytest.mark.parametrize(("f", "e", "p", "expected"), CHECK_VALUES)
def test_converged_integration_agrees_within_the_steps_of_the_published_one(f, e, p, expected, growth):
    assert collapse(f, e, p, growth) == pytest.approx(expected, rel=3e-3)


def test_converged_integration_does_not_change_with_a_tighter_tolerance(growth):
    for f, e, p, _ in CHECK_VALUES:
        strain, frozen = strain_eigenvalues(f, e, p), np.array(FREEZE_OUT)
        coarse = converged_collapse(strain, LAMBDA_RATIO, growth, frozen)
        fine = converged_collapse(strain, LAMBDA_RATIO, growth, frozen, 1e-10)
        assert coarse == pytest.approx(fine, rel=1e-5)


def test_a_sphere_without_lambda_collapses_at_the_analytic_overdensity():
    a = 1e-4 * np.arange(30_000)
    einstein_de_sitter = np.stack([a, np.ones_like(a), np.full_like(a, 1e-4)])
    overdensity = 2 * 3 / 20 * (12 * np.pi) ** (2 / 3)
    z = collapse(overdensity, 0.0, 0.0, einstein_de_sitter, (1e-3,) * 3, 0.0)
    # A cycloid through the initial radius and speed; time in 1 / H0, gravity 1 / (2 y^2).
    a_i = 1 / (20 * overdensity)
    y, speed = a_i * (1 - 1 / 60), a_i**-0.5 * (1 - 2 / 60)
    amplitude = 0.25 / (0.5 / y - 0.5 * speed**2)
    angle = np.arccos(1 - y / amplitude)
    time = 2 / 3 * a_i**1.5 + (2 * amplitude**3) ** 0.5 * (2 * np.pi - angle + np.sin(angle))
    assert z == pytest.approx((1.5 * time) ** (-2 / 3), rel=1e-4)
    # Linear theory as a start lets the sphere collapse one per cent late.
    assert z == pytest.approx(2.0, rel=0.015)


def test_a_sphere_with_lambda_follows_the_equation_of_a_shell_in_time(growth):
    overdensity, a = 2.2, 1 / (20 * 2.2)
    d, rate = np.interp(a, 1e-4 * np.arange(growth.shape[1]), growth[0]), 1.0
    hubble = np.sqrt((1 + LAMBDA_RATIO * a**3) / a)
    shell = [a, a * (1 - d * overdensity / 3), hubble * (1 - (1 + rate) * d * overdensity / 3)]

    def motion(t, state):
        background, y, speed = state
        return [
            np.sqrt((1 + LAMBDA_RATIO * background**3) / background),
            speed,
            -0.5 / y**2 + LAMBDA_RATIO * y,
        ]

    def frozen(t, state):
        return state[1] - 0.171 * state[0]

    frozen.terminal = True
    end = integrate.solve_ivp(motion, (0, 10), shell, events=frozen, rtol=1e-10, atol=1e-12).y_events[0][0]
    z = collapse(overdensity, 0.0, 0.0, growth, (0.171,) * 3)
    assert z == pytest.approx(1 / end[0], rel=2e-4)


@pytest.mark.parametrize("axes", [(1.0, 0.7, 0.3), (1.0, 0.95, 0.2), (1.0, 0.5, 0.5), (1.0, 1.0, 1.0)])
def test_self_gravity_is_the_potential_theory_integral_of_an_ellipsoid(axes):
    product = np.prod(axes)
    for axis, share in zip(axes, self_gravity(*axes), strict=True):
        integral = integrate.quad(
            lambda s, axis=axis: product / 2 / ((axis**2 + s) * np.sqrt(np.prod([a**2 + s for a in axes]))), 0, np.inf
        )[0]
        assert share == pytest.approx(integral, abs=1e-6)


def test_self_gravity_does_not_care_how_axes_are_labelled():
    shares = self_gravity(1.0, 0.6, 0.3)
    middle_first = self_gravity(0.6, 1.0, 0.3)
    np.testing.assert_allclose(middle_first, [shares[1], shares[0], shares[2]], atol=1e-7)


def test_elliptic_integral_is_that_of_scipy():
    for x, y, z in [(0.3, 1.0, 0.05), (1e-4, 1.0, 0.5), (0.9, 1.0, 1.1)]:
        assert carlson_rd(x, y, z) == pytest.approx(special.elliprd(x, y, z), rel=1e-7)


def test_published_table_has_the_published_thresholds(table):
    assert table.threshold(0.0) == pytest.approx(1.7163, abs=2e-4)
    assert table.threshold(1.0) == pytest.approx(2.736, abs=2e-3)
    assert np.mean(table.values > 0) == pytest.approx(0.839, abs=1e-3)


def test_look_up_returns_nodes_and_refuses_what_lies_outside(table):
    for i, j, k in [(20, 5, 10), (40, 15, 3)]:
        (f, df), (e, de), (q, dq) = table.axes
        ellipticity = e + de * j
        value = look_up(table.values, table.axes, 10 ** (f + df * i), ellipticity, ellipticity * (q + dq * k))
        assert value == pytest.approx(table.values[i, j, k], rel=1e-9)
    for outside in [(1.4, 0.1, 0.0), (8.1, 0.1, 0.0), (3.0, 0.51, 0.0), (3.0, 0.2, 0.21), (-1.0, 0.1, 0.0)]:
        assert look_up(table.values, table.axes, *outside) == -1


def with_one_wrong_number(path, table):
    """The bytes of a stored table in which one collapse redshift is another's."""
    right, wrong = (table.values[i, 5, 10].tobytes() for i in (20, 21))
    held = path.read_bytes()
    assert right in held
    return held.replace(right, wrong, 1)


def test_a_table_is_solved_once_for_each_cosmology_and_again_if_the_kept_one_is_damaged(
    table, cosmology, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    solved = []

    def solve(asked, *how, **ranks):
        solved.append(asked.omega_m)
        return replace(table, omega_m=asked.omega_m, omega_b=asked.omega_b)

    monkeypatch.setattr(kept_tables, "solve_collapse_table", solve)
    for _ in range(2):
        np.testing.assert_array_equal(kept_collapse_table(cosmology, "published").values, table.values)
        assert solved == [cosmology.omega_m]
    (kept,) = (tmp_path / "halonet/collapse").iterdir()
    for damaged in (kept.read_bytes()[:500], with_one_wrong_number(kept, table)):
        kept.write_bytes(damaged)
        np.testing.assert_array_equal(kept_collapse_table(cosmology, "published").values, table.values)
    assert solved == 3 * [cosmology.omega_m]
    other = CosmologySettings(omega_cdm=0.25)
    for asked in (other, cosmology):  # neither takes the room of the other
        kept_collapse_table(asked, "published")
    monkeypatch.setattr(kept_tables, "code_digest", lambda source: "of other code")
    kept_collapse_table(cosmology, "published")
    assert solved == [*3 * [cosmology.omega_m], other.omega_m, cosmology.omega_m]


def test_a_stored_table_is_read_back_and_one_of_another_cosmology_is_refused(table, cosmology, tmp_path):
    path = tmp_path / "table.h5"
    write_collapse_table(path, table, {})
    np.testing.assert_array_equal(read_collapse_table(path, cosmology, "published").values, table.values)
    with pytest.raises(StorageError, match="omega_m"):
        read_collapse_table(path, CosmologySettings(omega_cdm=0.25), "published")
    with pytest.raises(StorageError, match="omega_b"):
        read_collapse_table(path, CosmologySettings(omega_b=0.05, omega_cdm=0.2), "published")
    with pytest.raises(StorageError, match=r"'published'.*'fine'"):
        read_collapse_table(path, cosmology, "fine")
