"""Statistics of haloes whose true cells are known: shared cells, and distances from boundaries."""

import json

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from halonet.cosmology import WAVENUMBERS
from halonet.dataset.targets import find_membership
from halonet.settings import CosmologySettings, StatisticsSettings
from halonet.statistics.boundaries import REACH, boundary_profiles
from halonet.statistics.box import measure_box
from halonet.statistics.shared_cells import compare_cells, share_cells
from halonet.statistics.summary import summarise

SETTINGS = StatisticsSettings(number_cuts=[30000.0])
N = 64
POWER = 2e4 * (WAVENUMBERS / 0.02) / (1 + (WAVENUMBERS / 0.02) ** 2.5)


@pytest.fixture(scope="module")
def apart(catalogue):
    """Spheres that do not touch, one across faces of the box that do not halve it, sorted by mass."""
    centres = [(2.5, 62.0, 33.0), (30.2, 30.7, 30.1), (50.0, 12.0, 12.5), (12.0, 12.0, 12.0)]
    return catalogue(centres, [9.0, 7.0, 4.0, 2.5])


@pytest.fixture(scope="module")
def owners(apart):
    return find_membership(apart).rows


def test_spheres_whose_cells_are_the_truth_match_themselves_and_cover_all_their_cells(apart, owners):
    record = compare_cells(owners, apart, apart, 27)
    assert record["completeness"] == record["purity"] == record["spheres"] == 1
    assert record["true_matched"] == record["found_matched"] == record["spheres_matched"]
    assert sum(record["covered"]["sums"]) == sum(record["covered"]["pairs"]) == 4


def test_shared_cells_are_counted_as_in_a_table_of_all_pairs():
    random = np.random.default_rng(5)
    one, other = random.integers(-1, 7, (2, 12, 12, 12)).astype(np.int32)
    shared = share_cells(one, other, 8, 9)  # of either, halo 7 and beyond has no cells
    table = np.zeros((8, 9), int)
    both = (one >= 0) & (other >= 0)
    np.add.at(table, (one[both], other[both]), 1)
    found = np.zeros((8, 9), int)
    found[shared.true_rows, shared.found_rows] = shared.cells
    np.testing.assert_array_equal(found, table)
    np.testing.assert_array_equal(shared.true_cells, [(one == row).sum() for row in range(8)])
    np.testing.assert_array_equal(shared.found_cells, [(other == row).sum() for row in range(9)])
    covered = table.max(axis=1) / np.maximum(shared.true_cells, 1)
    np.testing.assert_allclose(shared.covered(), covered)


@pytest.mark.parametrize(("cells", "matched"), [(6, True), (5, False)])
def test_partners_hold_more_than_half_of_the_cells_of_each(cells, matched):
    one, other = np.full((2, 4, 4, 4), -1, np.int32)
    one.ravel()[:10] = 0
    other.ravel()[10 - cells : 20 - cells] = 0
    matches = share_cells(one, other, 1, 1).matches()
    assert matches.true_matched.tolist() == matches.found_matched.tolist() == [matched]


def test_a_small_halo_within_a_large_one_is_no_partner_of_it():
    one, other = np.full((2, 4, 4, 4), -1, np.int32)
    one.ravel()[:30] = 0
    other.ravel()[:10], other.ravel()[10:14] = 0, 1
    assert not share_cells(one, other, 1, 2).matches().true_matched.any()


def test_a_protohalo_that_is_no_sphere_is_known_as_one_that_spheres_cannot_match(catalogue):
    """A rod, and a sphere of its volume at its centre."""
    owners = np.full((N, N, N), -1, np.int32)
    owners[10:60, 20:24, 20:24] = 0
    rod = catalogue([(35.0, 22.0, 22.0)], [(3 * 800 / (4 * np.pi)) ** (1 / 3)])
    record = compare_cells(owners, rod, rod, 27)
    assert record["completeness"] == record["spheres"] == 0
    assert 0 < record["covered"]["sums"][np.flatnonzero(record["covered"]["pairs"])[0]] < 0.5


def test_boundaries_are_as_far_as_distance_transforms_of_each_halo_say(apart, owners):
    probability = np.random.default_rng(2).random((N, N, N)).astype(np.float32)
    profiles = boundary_profiles(probability, apart, owners)
    expected = {name: np.zeros((len(profiles), 2 * (REACH - 1))) for name in ("counts", "distances", "sums", "squares")}
    # Far enough beyond the faces that the transform, which knows no periodic box, sees every neighbour.
    padded = np.pad(owners, REACH, mode="wrap")
    inner = (slice(REACH, -REACH),) * 3
    nearest = distance_transform_edt(padded < 0, return_indices=True)
    distance, owner = nearest[0][inner], padded[tuple(nearest[1])][inner]
    for row in range(len(apart)):
        mass_class = next(i for i, stack in enumerate(profiles) if apart["cells"][row] < stack["cells"][1])
        depth = distance_transform_edt(padded == row)[inner]
        for signed, cells in ((0.5 - depth, owners == row), (distance - 0.5, (owners < 0) & (owner == row))):
            bins = np.where(signed < 0, np.ceil(signed - 0.5), np.floor(signed + 0.5)).astype(int)
            for i in range(1, REACH):
                chosen = cells & (np.abs(bins) == i)
                side = REACH - 1 - i if signed[cells].max() < 0 else REACH - 2 + i
                weights = (np.ones(chosen.sum()), signed[chosen], probability[chosen], probability[chosen] ** 2.0)
                for name, values in zip(expected, weights, strict=True):
                    expected[name][mass_class, side] += values.sum(dtype=float)
    assert [stack["haloes"] for stack in profiles] == [0, 1, 1, 0, 1, 1, 0]
    for name, table in expected.items():
        np.testing.assert_allclose([stack[name] for stack in profiles], table, rtol=1e-6, atol=1e-9, err_msg=name)


@pytest.fixture(scope="module")
def measured(apart, owners):
    mask = (owners >= 0).astype(np.uint8)
    probability = (0.1 + 0.8 * mask).astype(np.float32)
    return measure_box(mask, probability, apart, apart.select(slice(1, 4)), SETTINGS, owners=owners)


def test_a_box_and_its_summary_tell_what_is_shared_and_how_the_probability_falls_at_boundaries(measured):
    json.dumps(measured, allow_nan=False)
    assert measured["shared_cells"]["completeness"] == pytest.approx(2 / 3)  # of those above 100 cells
    assert measured["shared_cells"]["purity"] == 1
    summary = summarise([measured, measured], CosmologySettings(), WAVENUMBERS, POWER)
    json.dumps(summary, allow_nan=False)
    assert summary["shared_cells"]["completeness"]["mean"] == pytest.approx(2 / 3)
    assert summary["shared_cells"]["true_matched"] == [2 * n for n in measured["shared_cells"]["true_matched"]]
    for stack in (stack for stack in summary["boundary_profiles"] if stack["haloes"]):
        distance, mean = (np.array(stack[name], float) for name in ("distance", "mean"))
        known = np.isfinite(distance)
        np.testing.assert_allclose(mean[known], np.where(distance[known] < 0, 0.9, 0.1), rtol=1e-6)
        assert (np.diff(distance[known]) > 0).all()


def test_a_truth_of_spheres_has_neither_and_the_rest_of_its_numbers_is_the_same(apart, owners, measured):
    mask = (owners >= 0).astype(np.uint8)
    probability = (0.1 + 0.8 * mask).astype(np.float32)
    without = measure_box(mask, probability, apart, apart.select(slice(1, 4)), SETTINGS)
    assert without["shared_cells"] is None
    assert without["boundary_profiles"] is None
    for name in set(without) - {"shared_cells", "boundary_profiles", "roc"}:
        assert without[name] == measured[name], name
    summary = summarise([without], CosmologySettings(), WAVENUMBERS, POWER)
    assert summary["shared_cells"] is summary["boundary_profiles"] is None


def test_a_box_without_predicted_haloes_shares_no_cells(apart, owners):
    record = compare_cells(owners, apart, apart.select(np.zeros(0, int)), 27)
    assert record["completeness"] == 0
    assert record["purity"] is None  # there is nothing of which a fraction could be taken
    assert record["spheres"] == 1
    assert sum(record["covered"]["sums"]) == 0
