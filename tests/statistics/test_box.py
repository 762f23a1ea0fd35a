"""All statistics of a box, and their summary over boxes."""

import json
from dataclasses import replace

import numpy as np
import pytest

from halonet.catalogue import EULERIAN, LAGRANGIAN
from halonet.cosmology import WAVENUMBERS
from halonet.settings import CosmologySettings, StatisticsSettings
from halonet.statistics.box import measure_box
from halonet.statistics.combine import LEVELS, quantiles_of_counts
from halonet.statistics.objects import MATCHING_EDGES
from halonet.statistics.summary import SummaryError, summarise

SETTINGS = StatisticsSettings(number_cuts=[30000.0])
COSMOLOGY = CosmologySettings()
POWER = 2e4 * (WAVENUMBERS / 0.02) / (1 + (WAVENUMBERS / 0.02) ** 2.5)


@pytest.fixture(scope="module")
def fields():
    mask = (np.random.default_rng(1).random((64, 64, 64)) < 0.3).astype(np.uint8)
    return mask, (0.05 + 0.9 * mask).astype(np.float32)


@pytest.fixture(scope="module")
def moved(many_haloes):
    """The haloes with Eulerian positions."""
    positions = (many_haloes.positions() + np.array([3.0, -2.0, 7.0])) % 63.99
    columns = dict(zip(EULERIAN, positions.T.astype(np.float32), strict=True))
    return replace(many_haloes, columns=many_haloes.columns | columns)


@pytest.fixture(scope="module")
def perfect(fields, moved):
    density = np.random.default_rng(2).normal(0.5, 2, fields[0].shape).astype(np.float32)
    return measure_box(fields[0], fields[0].astype(np.float32), moved, moved, SETTINGS, density)


@pytest.fixture(scope="module")
def partial(fields, many_haloes):
    return measure_box(*fields, many_haloes, many_haloes.select(slice(0, 300)), SETTINGS)


def test_a_perfect_prediction_is_perfect_in_every_statistic(perfect, many_haloes):
    assert perfect["overlap"]["dice"] == 1
    assert perfect["mass_function"]["true"] == perfect["mass_function"]["found"]
    assert (perfect["matching"]["completeness"], perfect["matching"]["purity"]) == (1, 1)
    for cut in perfect["power_spectrum"]["cuts"] + perfect["eulerian_power_spectrum"]["cuts"]:
        np.testing.assert_allclose(cut["correlation"], 1, rtol=1e-6)
        np.testing.assert_allclose(cut["ratio"], 1, rtol=1e-6)
    np.testing.assert_allclose(perfect["power_spectrum"]["masks"]["correlation"], 1, rtol=1e-6)
    assert {curve["auc"] for curve in perfect["roc"]["classes"] if curve["cells"]} == {1}
    for space in ("lagrangian", "eulerian"):
        assert all(cut["true"] == cut["found"] for cut in perfect["correlation_function"][space])
    assert perfect["shapes"]["true"] == perfect["shapes"]["found"]
    assert np.sum(perfect["shapes"]["true"]["unmatched"]["overdensity"]) == 0
    for sums in perfect["matching"]["pairs_by_mass"].values():
        assert sum(sums["pairs"]) == np.histogram(many_haloes["cells"], MATCHING_EDGES)[0].sum()
        np.testing.assert_allclose(sums["sums"], 0, atol=1e-9)


def test_results_are_plain_json_without_nan(partial):
    json.dumps(partial, allow_nan=False)


def test_eulerian_spectra_are_those_of_the_moved_positions(fields, moved):
    rng = np.random.default_rng(5)
    elsewhere = {name: rng.uniform(0, 63.9, len(moved)).astype(np.float32) for name in LAGRANGIAN}
    other = replace(moved, columns=moved.columns | elsewhere)
    result = measure_box(*fields, moved, other, SETTINGS)
    np.testing.assert_allclose(result["eulerian_power_spectrum"]["cuts"][-1]["correlation"], 1, rtol=1e-6)
    modes, correlation = result["power_spectrum"]["modes"], result["power_spectrum"]["cuts"][-1]["correlation"]
    assert abs(np.average(correlation, weights=modes)) < 0.05
    spaces = result["correlation_function"]
    assert spaces["eulerian"][-1]["true"] == spaces["eulerian"][-1]["found"]
    assert spaces["lagrangian"][-1]["true"] != spaces["lagrangian"][-1]["found"]


def test_what_a_box_lacks_is_left_out(partial, perfect):
    assert partial["shapes"] is None
    assert partial["eulerian_power_spectrum"] is None
    assert partial["correlation_function"]["eulerian"] is None
    summary = summarise([perfect, partial], COSMOLOGY, WAVENUMBERS, POWER)
    assert summary["shapes"] is None
    assert summary["eulerian_power_spectrum"] is None
    assert summary["correlation_function"]["lagrangian"]


def test_number_cuts_scale_with_the_volume_and_all_haloes_come_last(partial):
    cuts = partial["power_spectrum"]["cuts"]
    assert [cut["most_massive"] for cut in cuts] == [round(30000 * (64 / 512) ** 3), None]
    assert cuts[0]["true"] == cuts[0]["found"] == 59


def test_cuts_beyond_the_end_of_a_catalogue_are_left_out(fields, many_haloes):
    few = many_haloes.select(slice(0, 20))
    cuts = measure_box(*fields, many_haloes, few, SETTINGS)["power_spectrum"]["cuts"]
    assert [cut["most_massive"] for cut in cuts] == [None]


def test_a_box_without_predicted_haloes_is_measured(fields, many_haloes):
    none = many_haloes.select(np.zeros(0, int))
    result = measure_box(*fields, many_haloes, none, SETTINGS)
    assert result["matching"]["completeness"] == 0
    assert result["power_spectrum"]["cuts"][-1]["ratio"] is None
    summary = summarise([result], COSMOLOGY, WAVENUMBERS, POWER)
    json.dumps(summary, allow_nan=False)


def test_counts_of_boxes_add_up_and_ratios_are_of_the_sums(perfect, partial):
    summary = summarise([perfect, partial], COSMOLOGY, WAVENUMBERS, POWER)
    counts = summary["mass_function"]
    for name in ("true", "found"):
        expected = np.add(perfect["mass_function"][name], partial["mass_function"][name])
        np.testing.assert_array_equal(counts[name], expected)
    first = counts["key"][0]
    assert first["ratio"] == pytest.approx(first["found"] / first["true"])
    assert first["judged"] == (first["true"] >= 100)
    assert sum(summary["matching"]["true"]) == 2 * sum(perfect["matching"]["true"])


def test_means_and_scatter_are_over_boxes(perfect, partial):
    overlap = summarise([perfect, partial], COSMOLOGY, WAVENUMBERS, POWER)["overlap"]["dice"]
    values = [perfect["overlap"]["dice"], partial["overlap"]["dice"]]
    assert overlap["mean"] == pytest.approx(np.mean(values))
    assert overlap["deviation"] == pytest.approx(np.std(values, ddof=1))
    assert overlap["boxes"] == values


def test_large_scales_are_the_mode_weighted_mean_below_the_limit(partial):
    summary = summarise([partial], COSMOLOGY, WAVENUMBERS, POWER)["power_spectrum"]
    k, modes = np.array(summary["k"]), np.array(partial["power_spectrum"]["modes"])
    ratio = np.array(partial["power_spectrum"]["cuts"][-1]["ratio"])
    low = k < 0.2
    assert low.sum() >= 1
    expected = np.average(ratio[low], weights=modes[low])
    assert summary["cuts"][-1]["ratio"]["large_scales"]["mean"] == pytest.approx(expected)


def test_pairs_of_boxes_add_up_to_one_correlation_function_with_poisson_errors(perfect, partial):
    summary = summarise([perfect, partial], COSMOLOGY, WAVENUMBERS, POWER)["correlation_function"]
    boxes = [box["correlation_function"]["lagrangian"][-1]["found"] for box in (perfect, partial)]
    pairs, expected = (sum(np.array(box[name]) for box in boxes) for name in ("pairs", "expected"))
    curve = summary["lagrangian"][-1]["found"]
    np.testing.assert_allclose(np.array(curve["xi"]), pairs / expected - 1)
    some = pairs > 0
    np.testing.assert_allclose(np.array(curve["poisson_error"])[some], (np.sqrt(pairs) / expected)[some])
    per_box = [np.array(box["pairs"]) / np.array(box["expected"]) for box in boxes]
    np.testing.assert_allclose(curve["deviation"], np.std(per_box, axis=0, ddof=1), atol=1e-12)


def test_roc_curves_are_averaged_over_the_boxes_that_have_the_class(perfect, partial):
    summary = summarise([perfect, partial], COSMOLOGY, WAVENUMBERS, POWER)["roc"]
    other = partial["roc"] | {"classes": [c | {"tpr": None, "auc": None} for c in partial["roc"]["classes"][:1]]}
    other["classes"] += partial["roc"]["classes"][1:]
    alone = summarise([perfect, partial | {"roc": other}], COSMOLOGY, WAVENUMBERS, POWER)["roc"]["classes"][0]
    assert alone["auc"]["mean"] == perfect["roc"]["classes"][0]["auc"]
    np.testing.assert_allclose(alone["tpr"]["mean"], perfect["roc"]["classes"][0]["tpr"])
    for curve, *boxes in zip(summary["classes"], perfect["roc"]["classes"], partial["roc"]["classes"], strict=True):
        if not curve["cells"]:
            assert curve["tpr"] is None
            continue
        assert curve["auc"]["mean"] == pytest.approx(np.mean([box["auc"] for box in boxes]))
        np.testing.assert_allclose(curve["tpr"]["mean"], np.mean([box["tpr"] for box in boxes], axis=0))
        assert curve["cells"] == sum(box["cells"] for box in boxes)


def test_masses_and_centres_of_pairs_are_summarised_by_mass(fields, many_haloes, catalogue):
    smaller = catalogue(many_haloes.positions() + 0.05, 0.9 * many_haloes["radius"])
    box = measure_box(*fields, many_haloes, smaller, SETTINGS)
    summary = summarise([box, box], COSMOLOGY, WAVENUMBERS, POWER)["matching"]["pairs_by_mass"]
    masses, offsets = summary["log_mass_ratio"], summary["centre_offset"]
    known = np.array(masses["pairs"]) > 0
    np.testing.assert_allclose(np.array(masses["mean"], float)[known], 3 * np.log(0.9), rtol=1e-4)
    np.testing.assert_allclose(np.array(masses["scatter"], float)[known], 0, atol=1e-3)
    np.testing.assert_allclose(np.array(masses["deviation"], float)[known], 0, atol=1e-9)
    assert (np.array(offsets["mean"], float)[known] < 0.05).all()


def test_quantiles_are_those_of_the_values_behind_the_counts():
    values = np.random.default_rng(3).normal(2, 0.5, 20000)
    edges = np.linspace(-0.5, 5.5, 61)
    counts = np.histogram(values, edges)[0]
    found = quantiles_of_counts(np.stack([counts, 0 * counts]), edges, LEVELS)
    np.testing.assert_allclose(found[:, 0], np.quantile(values, LEVELS), atol=0.06)
    np.testing.assert_allclose(found[2:5, 0], [1.5, 2.0, 2.5], atol=0.02)
    assert np.isnan(found[:, 1]).all()
    few = quantiles_of_counts(np.eye(61, 60, k=20)[:1].astype(int) * 20, edges, LEVELS)[:, 0]
    assert np.isfinite(few).tolist() == [False, False, True, True, True, False, False]


def test_boxes_of_different_size_are_refused(partial):
    other = partial | {"box": partial["box"] | {"cells": 128}}
    with pytest.raises(SummaryError, match="128"):
        summarise([partial, other], COSMOLOGY, WAVENUMBERS, POWER)


def test_stacked_profiles_show_the_probability_inside_and_the_rest_outside(catalogue):
    axis = np.arange(64) - 32
    distance = np.sqrt(sum(o**2 for o in np.meshgrid(axis, axis, axis, indexing="ij")))
    probability = np.where(distance <= 5.3, 0.9, 0.1).astype(np.float32)
    halo = catalogue([(32.5, 32.5, 32.5)], [5.3])
    mask = (distance <= 5.3).astype(np.uint8)
    summary = summarise([measure_box(mask, probability, halo, halo, SETTINGS)], COSMOLOGY, WAVENUMBERS, POWER)
    stack = next(stack for stack in summary["profiles"] if stack["haloes"])
    assert stack["mean_radius"] == pytest.approx(5.3)
    np.testing.assert_allclose(stack["mean"][:5], 0.9, rtol=1e-6)
    np.testing.assert_allclose(stack["mean"][6:], 0.1, rtol=1e-6)
    assert stack["deviation"][0] is None  # of the central cell of one halo
    np.testing.assert_allclose(stack["deviation"][1:5], 0, atol=1e-3)


def test_haloes_grown_from_true_centres_tell_what_the_network_has_lost(fields, many_haloes):
    half = many_haloes.select(slice(0, None, 2))
    boxes = [measure_box(*fields, many_haloes, half, SETTINGS, known=known) for known in (many_haloes, half)]
    assert boxes[0]["known_centres"]["completeness"] == 1
    assert boxes[0]["known_centres"]["found"] == boxes[0]["mass_function"]["true"]
    assert boxes[1]["known_centres"]["completeness"] == boxes[1]["matching"]["completeness"] < 1
    known = summarise(boxes, COSMOLOGY, WAVENUMBERS, POWER)["known_centres"]
    assert known["completeness"]["mean"] == pytest.approx((1 + boxes[1]["matching"]["completeness"]) / 2)
    assert known["ratio"][0] == pytest.approx(0.75, abs=0.01)


def test_without_true_centres_nothing_is_said_of_them(partial):
    assert partial["known_centres"] is None
    assert summarise([partial], COSMOLOGY, WAVENUMBERS, POWER)["known_centres"] is None
