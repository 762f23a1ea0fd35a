"""0/0 is not 0: what does not exist is null, means say of how many boxes they are, and one value has no scatter."""

import json
import re

import numpy as np
import pytest

from halonet.figures.shown import with_scatter
from halonet.halo_finding.score import Comparison
from halonet.matching import completeness_and_purity, harmonic_mean, match_haloes, mean_over_boxes
from halonet.settings import HaloFindingSettings, StatisticsSettings
from halonet.spheres import ShellSums
from halonet.statistics.combine import combine_pairs
from halonet.statistics.objects import compare_objects
from halonet.statistics.overlap import measure_overlap
from halonet.statistics.spread import curve_spread, spread
from halonet.storage import StorageError, write_json

LARGE = [4.0, 5.0]  # Mpc, some hundred cells
TWO = [(10, 10, 10), (40, 40, 40)]


@pytest.mark.parametrize("true", [True, False])
@pytest.mark.parametrize("found", [True, False])
def test_a_fraction_of_no_haloes_does_not_exist_and_that_of_unmatched_ones_is_0(catalogue, true, found):
    some, other = (catalogue(TWO, LARGE) if there else catalogue([], []) for there in (true, found))
    completeness, purity = completeness_and_purity(some, other, match_haloes(some, other), 100)
    assert np.isnan(completeness) != true
    assert np.isnan(purity) != found
    if true != found:
        assert harmonic_mean(completeness, purity) == 0  # what is there has no partner
    elif not true:
        assert np.isnan(harmonic_mean(completeness, purity))


def test_haloes_below_the_cut_are_none_to_take_a_fraction_of(catalogue):
    small = catalogue(TWO, [2.0, 2.0])
    result = compare_objects(small, small, match_haloes(small, small), StatisticsSettings(minimum_cells=100))
    for name in ("completeness", "purity", "one_sided_completeness", "mass_bias", "mass_scatter", "centre_offset"):
        assert result[name] is None
    json.dumps(result, allow_nan=False)


def test_the_mass_of_a_single_pair_has_a_bias_but_no_scatter(catalogue):
    true, found = catalogue(TWO[:1], [4.0]), catalogue(TWO[:1], [4.2])
    result = compare_objects(true, found, match_haloes(true, found), StatisticsSettings(minimum_cells=100))
    assert result["mass_bias"] == pytest.approx(3 * np.log(4.2 / 4.0), rel=1e-5)
    assert result["mass_scatter"] is None


def test_masks_without_a_halo_have_no_overlap_of_halo_cells():
    empty = np.zeros((4, 4, 4), np.uint8)
    assert np.isnan(measure_overlap(empty, empty.astype(np.float32)).foreground)
    assert measure_overlap(empty, empty.astype(np.float32)).dice == 1


@pytest.mark.parametrize(
    ("values", "mean", "deviation", "known"),
    [
        ([], None, None, 0),
        ([None, np.nan], None, None, 0),
        ([0.8], 0.8, None, 1),
        ([0.8, None, np.nan], 0.8, None, 1),
        ([0.8, None, 0.6], 0.7, 0.2 / 2**0.5, 2),
        ([0.5, 0.5], 0.5, 0.0, 2),
    ],
)
def test_a_mean_over_boxes_leaves_out_what_does_not_exist_and_says_how_many_it_has(values, mean, deviation, known):
    result = spread(values)
    assert result["known"] == known
    for name, expected in (("mean", mean), ("deviation", deviation)):
        assert result[name] == (expected if expected is None else pytest.approx(expected))


def test_every_point_of_a_curve_says_how_many_boxes_know_it():
    result = curve_spread([[1.0, None, 3.0], None, [2.0, None, None]])
    assert result["known"] == [2, 0, 1]
    assert result["mean"] == [1.5, None, 3.0]
    assert result["deviation"] == [pytest.approx(0.5**0.5), None, None]


def test_pairs_in_a_bin_of_one_have_a_mean_and_no_scatter():
    box = {"pairs": [1, 0, 2], "sums": [0.3, 0.0, 1.0], "squares": [0.09, 0.0, 0.52]}
    result = combine_pairs([box])
    assert result["mean"] == [0.3, None, 0.5]
    assert result["scatter"] == [None, None, pytest.approx(0.1)]
    assert result["deviation"] == [None, None, None]


def test_a_shell_of_one_cell_has_a_mean_and_no_deviation():
    sums = ShellSums(np.array([0, 1, 2]), np.array([0.0, 0.4, 1.0]), np.array([0.0, 0.16, 0.52]))
    np.testing.assert_allclose(sums.mean, [np.nan, 0.4, 0.5])
    np.testing.assert_allclose(sums.deviation, [np.nan, np.nan, 0.1])


def test_a_calibration_is_not_drawn_down_by_a_box_without_haloes(catalogue):
    comparison = Comparison(HaloFindingSettings(calibration_cells=100))
    haloes, none = catalogue(TWO, LARGE), catalogue([], [])
    comparison.add(haloes, haloes)
    comparison.add(none, none)
    assert comparison.agreement.completeness == comparison.agreement.purity == comparison.agreement.score == 1
    nothing = Comparison(HaloFindingSettings(calibration_cells=100))
    nothing.add(none, none)
    assert np.isnan(nothing.agreement.completeness)
    assert nothing.agreement.score == 0  # nothing to rank by


def test_fractions_that_no_box_knows_have_no_mean():
    means = mean_over_boxes([(1.0, np.nan), (0.5, np.nan), (np.nan, np.nan)])
    assert means[0] == 0.75
    assert np.isnan(means[1])


def test_numbers_in_the_report_say_none_and_of_how_many_boxes():
    assert with_scatter(spread([None]), ".2f") == "none"
    assert with_scatter(spread([0.5]), ".2f") == "0.50"
    assert with_scatter(spread([0.5, 0.7, None]), ".2f") == "0.60 ± 0.14 (2 of 3 boxes)"


def test_files_of_json_hold_null_for_what_does_not_exist_and_refuse_infinity(tmp_path):
    write_json(tmp_path / "some.json", {"a": [1.0, np.nan], "b": (float("nan"), {"c": np.float64("nan")})})
    assert json.loads((tmp_path / "some.json").read_text()) == {"a": [1.0, None], "b": [None, {"c": None}]}
    with pytest.raises(StorageError, match=re.escape("other.json: a value is infinite")):
        write_json(tmp_path / "other.json", {"a": np.inf})
    assert not (tmp_path / "other.json").exists()
