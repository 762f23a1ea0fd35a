"""Receiver operating characteristics with known answers."""

import json

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm, rankdata

from halonet.statistics.roc import FPR, label_cells, measure_roc

MASS_EDGES, ZONE_EDGES = [3.2e12, 1e13, 1e14], [0.3, 0.6]
CELLS = 64


@pytest.fixture(scope="module")
def haloes(catalogue):
    """A galaxy, a group and a cluster, and one below the lightest galaxy; far apart."""
    radii = [2.0, 3.2, 5.0, 11.0]
    return catalogue([(8.5, 8.5, 8.5), (20.5, 50.5, 8.5), (8.5, 40.5, 40.5), (40.5, 20.5, 63.0)], radii)


@pytest.fixture(scope="module")
def distance(haloes):
    """Distance of every cell centre from each halo in units of its radius, shape (4, N, N, N)."""
    axis = np.arange(CELLS) + 0.5
    result = []
    for centre, radius in zip(haloes.positions(), haloes["radius"], strict=True):
        offsets = [(axis - c + 32) % 64 - 32 for c in centre]
        result.append(np.sqrt(sum(o**2 for o in np.meshgrid(*offsets, indexing="ij"))) / radius)
    return np.array(result)


@pytest.fixture(scope="module")
def mask(distance):
    return (distance.min(axis=0) < 1).astype(np.uint8)


def curves(mask, probability, haloes):
    return {c["name"]: c for c in measure_roc(mask, probability.astype(np.float32), haloes, MASS_EDGES, ZONE_EDGES)}


def test_classes_are_those_of_the_host_and_of_the_place_in_it(mask, distance, haloes):
    labels = label_cells(mask, haloes, MASS_EDGES, ZONE_EDGES)
    expected = np.zeros(mask.shape, int)
    for mass_class, ratio in enumerate(distance):
        inside = ratio < 1
        expected[inside] = 1 + np.digitize(ratio[inside], ZONE_EDGES) + 3 * mass_class
    np.testing.assert_array_equal(labels, expected)


def test_a_cell_of_two_haloes_belongs_to_the_one_closer_in_radii(catalogue):
    group_and_galaxy = catalogue([(20.5, 20.5, 20.5), (27.5, 20.5, 20.5)], [8.0, 3.0])
    labels = label_cells(np.ones((CELLS,) * 3, np.uint8), group_and_galaxy, MASS_EDGES, ZONE_EDGES)
    outer_group, middle_galaxy, in_no_sphere = 1 + 2 + 3 * 2, 1 + 1 + 3 * 1, 255
    assert labels[25, 20, 20] == outer_group  # at 5/8 of its radius, and 2/3 of that of the galaxy
    assert labels[26, 20, 20] == middle_galaxy  # at 6/8, and 1/3
    assert labels[40, 20, 20] == in_no_sphere


def test_a_random_labelling_has_auc_one_half(mask, haloes):
    probability = np.random.default_rng(5).random(mask.shape)
    for curve in curves(mask, probability, haloes).values():
        assert curve["auc"] == pytest.approx(0.5, abs=4 / np.sqrt(12 * curve["cells"]))
        np.testing.assert_allclose(curve["tpr"], FPR, atol=2.5 / np.sqrt(curve["cells"]))
        assert curve["at_threshold"][0] == pytest.approx(0.5, abs=0.01)


def test_a_perfect_labelling_has_auc_1_and_finds_all_at_no_false_positive(mask, haloes):
    for curve in curves(mask, mask, haloes).values():
        assert curve["auc"] == 1
        assert min(curve["tpr"]) == 1
        assert curve["at_threshold"] == [0, 1]
    for curve in curves(mask, 1 - mask, haloes).values():
        assert curve["auc"] == 0


def test_a_constant_tells_nothing(mask, haloes):
    for curve in curves(mask, np.full(mask.shape, 0.3), haloes).values():
        assert curve["auc"] == 0.5
        np.testing.assert_allclose(curve["tpr"], FPR, atol=1e-12)


def confident(rng, mask, shift, slope):
    """Logistic probabilities near 0 and 1, whose logits are normal and shifted where a cell is in a halo."""
    return expit(slope * (rng.standard_normal(mask.shape) + shift * mask)).astype(np.float32)


def test_normal_scores_have_the_auc_of_their_separation(mask, haloes):
    shift = 1.3
    curve = curves(mask, confident(np.random.default_rng(6), mask, shift, 3), haloes)["clusters"]
    assert curve["auc"] == pytest.approx(norm.cdf(shift / np.sqrt(2)), abs=0.01)
    np.testing.assert_allclose(curve["tpr"][1:-1], norm.sf(norm.isf(FPR[1:-1]) - shift), atol=0.03)


def test_bins_of_probability_cost_less_than_a_hundred_thousandth_of_the_auc(mask, distance, haloes):
    probability = confident(np.random.default_rng(7), mask, 1.0, 8)  # a part of it is 1 in float32
    inner = (distance < 0.3).any(axis=0)
    used = inner | (mask == 0)
    ranks = rankdata(probability[used])[inner[used]]
    positives, negatives = inner.sum(), (mask == 0).sum()
    exact = (ranks.sum() - positives * (positives + 1) / 2) / (positives * negatives)
    curve = curves(mask, probability, haloes)["inner"]
    assert curve["cells"] == positives
    assert curve["auc"] == pytest.approx(exact, abs=1e-5)


def test_a_class_without_cells_has_no_curve_and_values_are_plain_json(mask, haloes):
    small = curves(mask, mask, haloes.select(slice(0, 2)))
    assert small["galaxies"]["auc"] == 1
    assert small["clusters"] | {"range": 0} == {
        "name": "clusters", "by": "mass", "range": 0, "haloes": 0, "cells": 0,
        "auc": None, "tpr": None, "at_threshold": None,
    }  # fmt: skip
    json.dumps(small, allow_nan=False)
    assert curves(np.ones_like(mask), mask, haloes)["galaxies"]["auc"] is None


def test_true_cells_of_a_protohalo_have_the_class_of_their_halo_wherever_they_are(mask, distance, haloes):
    owners = np.full(mask.shape, -1, np.int32)
    rows = np.argsort(np.argsort(-haloes["mass"]))  # of each halo in the order of mass
    for row, ratio in zip(rows, distance, strict=True):
        owners[ratio < 0.8] = row
    owners[60, 60, 60] = rows[0]  # far from its centre
    owned = mask.copy()
    owned[60, 60, 60] = 1
    labels = label_cells(owned, haloes, MASS_EDGES, ZONE_EDGES, owners)
    expected = np.where(owned, 255, 0)
    for mass_class, ratio in enumerate(distance):
        inside = ratio < 0.8
        expected[inside] = 1 + np.digitize(ratio[inside], ZONE_EDGES) + 3 * mass_class
    expected[60, 60, 60] = 1 + 2  # an outer cell of the lightest halo
    np.testing.assert_array_equal(labels, expected)
