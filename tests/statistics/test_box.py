"""All statistics of a box, and their summary over boxes."""

import json

import numpy as np
import pytest

from halonet.cosmology import WAVENUMBERS
from halonet.settings import CosmologySettings, StatisticsSettings
from halonet.statistics.box import measure_box
from halonet.statistics.summary import SummaryError, summarise

SETTINGS = StatisticsSettings(number_cuts=[30000.0])
COSMOLOGY = CosmologySettings()
POWER = 2e4 * (WAVENUMBERS / 0.02) / (1 + (WAVENUMBERS / 0.02) ** 2.5)


@pytest.fixture(scope="module")
def fields():
    mask = (np.random.default_rng(1).random((64, 64, 64)) < 0.3).astype(np.uint8)
    return mask, (0.05 + 0.9 * mask).astype(np.float32)


@pytest.fixture(scope="module")
def perfect(fields, many_haloes):
    return measure_box(fields[0], fields[0].astype(np.float32), many_haloes, many_haloes, SETTINGS)


@pytest.fixture(scope="module")
def partial(fields, many_haloes):
    return measure_box(*fields, many_haloes, many_haloes.select(slice(0, 300)), SETTINGS)


def test_a_perfect_prediction_is_perfect_in_every_statistic(perfect):
    assert perfect["overlap"]["dice"] == 1
    assert perfect["mass_function"]["true"] == perfect["mass_function"]["found"]
    assert (perfect["matching"]["completeness"], perfect["matching"]["purity"]) == (1, 1)
    for cut in perfect["power_spectrum"]["cuts"]:
        np.testing.assert_allclose(cut["correlation"], 1, rtol=1e-6)
        np.testing.assert_allclose(cut["ratio"], 1, rtol=1e-6)
    np.testing.assert_allclose(perfect["power_spectrum"]["masks"]["correlation"], 1, rtol=1e-6)


def test_results_are_plain_json_without_nan(partial):
    json.dumps(partial, allow_nan=False)


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
    np.testing.assert_allclose(stack["deviation"][:5], 0, atol=1e-3)
