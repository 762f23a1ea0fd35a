"""Positions to first or second order, of the catalogue and of its final-state exclusion, follow the settings."""

from dataclasses import dataclass

import numpy as np
import pytest

from halonet.cosmology import growth_rate, hubble_rate
from halonet.grid.slabs import Slabs
from halonet.peak_patch.finder import find_haloes
from halonet.settings import SettingsError, validate
from halonet.settings.simulation import PeakPatchSettings

N = 48


@dataclass
class Finder:
    density: np.ndarray
    settings: PeakPatchSettings
    rest: tuple

    def __call__(self, **changes):
        cosmology, table = self.rest
        settings = self.settings.model_copy(update=changes)
        return find_haloes(self.density, Slabs(N), 1.0, cosmology, settings, table)


@pytest.fixture(scope="module")
def find(small_box, small_settings, cosmology, table):
    return Finder(small_box, small_settings, (cosmology, table))


def displacement(haloes, order):
    first = haloes.positions(("psi1_x", "psi1_y", "psi1_z"))
    return first if order == "first_order" else first + haloes.positions(("psi2_x", "psi2_y", "psi2_z"))


def apart(some, other):
    return np.abs((some - other + N / 2) % N - N / 2)


@pytest.mark.parametrize("order", ["first_order", "second_order"])
def test_eulerian_positions_are_the_centre_and_the_displacement_of_the_order_asked_for(find, order):
    haloes = find(positions=order)
    expected = haloes.positions() + displacement(haloes, order)
    assert apart(haloes.positions(("x", "y", "z")), expected).max() < 1e-4


def test_first_order_velocities_are_the_growth_rate_times_the_first_order_displacement(find, cosmology):
    haloes = find(positions="first_order")
    rate = hubble_rate(cosmology, 0.0) * growth_rate(cosmology, 0.0)
    velocities = haloes.positions(("vx", "vy", "vz"))
    np.testing.assert_allclose(velocities, rate * displacement(haloes, "first_order"), rtol=1e-4, atol=0.01)


@pytest.mark.parametrize("order", ["first_order", "second_order"])
def test_the_exclusion_takes_the_smaller_of_two_haloes_that_meet_in_the_positions_it_is_given(find, order):
    every = find(final_state_exclusion=None)
    final = (every.positions() + displacement(every, order)) % N
    radii, alive = every["raw_radius"].astype(float), np.ones(len(every), bool)
    # From the largest raw radius down, as the method goes; pairs on the very limit decide otherwise in float32.
    ranking = np.argsort(-radii, kind="stable")
    for place, i in enumerate(ranking):
        if alive[i]:
            later = ranking[place + 1 :]
            distances = np.sqrt((apart(final[later], final[i]) ** 2).sum(axis=1))
            alive[later[distances < 0.5 * (radii[i] + radii[later])]] = False
    kept = find(final_state_exclusion=0.5, exclusion_positions=order)
    assert 0 < len(kept) < len(every)  # at half of the radii it does exclude
    cells = [{tuple(row) for row in np.floor(c).astype(int)} for c in (kept.positions(), every.positions()[alive])]
    assert len(cells[0] ^ cells[1]) <= 0.01 * len(kept)


def test_the_order_of_exclusion_moves_no_halo_and_that_of_the_catalogue_excludes_none(find):
    one, other = (find(positions=order, final_state_exclusion=None) for order in ("first_order", "second_order"))
    np.testing.assert_array_equal(one.positions(), other.positions())
    assert apart(one.positions(("x", "y", "z")), other.positions(("x", "y", "z"))).max() > 0.01
    final = find(final_state_exclusion=0.5, exclusion_positions="first_order")
    before = {tuple(row): x for row, x in zip(other.positions(), other["x"], strict=True)}
    assert all(before[tuple(row)] == x for row, x in zip(final.positions(), final["x"], strict=True))


@pytest.mark.parametrize("value", ["third_order", "1", None])
@pytest.mark.parametrize("key", ["positions", "exclusion_positions"])
def test_an_order_that_there_is_not_is_refused_by_name(key, value):
    with pytest.raises(SettingsError, match=key):
        validate(PeakPatchSettings, {key: value}, "settings")
