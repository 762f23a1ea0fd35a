"""Two truths of one box against each other."""

from dataclasses import replace

import numpy as np
import pytest

from halonet.catalogue import EULERIAN, VELOCITY, HaloCatalogue
from halonet.settings import StatisticsSettings
from halonet.statistics.truths import compare_truths

SETTINGS = StatisticsSettings(minimum_cells=8)


@pytest.fixture(scope="module")
def true(catalogue) -> HaloCatalogue:
    random = np.random.default_rng(3)
    haloes = catalogue(random.uniform(0, 64, (40, 3)), random.uniform(2, 5, 40))
    more = {name: haloes[f"q{name}"] for name in EULERIAN} | {name: random.normal(0, 300, 40) for name in VELOCITY}
    return replace(haloes, columns=haloes.columns | more)


@pytest.fixture(scope="module")
def mask():
    return (np.random.default_rng(4).random((64,) * 3) < 0.3).astype(np.uint8)


def test_a_truth_agrees_with_itself_in_everything(true, mask):
    record = compare_truths(mask, mask, true, true, SETTINGS)
    assert record["overlap"]["agreement"] == record["overlap"]["dice"] == record["overlap"]["halo_cells"] == 1
    assert record["matching"]["completeness"] == record["matching"]["purity"] == 1
    assert record["mass_function"]["true"] == record["mass_function"]["other"]
    assert sum(record["moved"]["pairs"]) > 0
    assert max(record["moved"]["place_squares"] + record["moved"]["velocity_squares"]) == 0
    np.testing.assert_allclose(record["eulerian"]["cuts"][-1]["correlation"], 1)


def test_differences_of_places_are_those_of_the_nearest_images_and_of_one_component(true, mask):
    columns = dict(true.columns)
    columns["x"] = (true["x"] + 3.0) % 64
    columns["vy"] = true["vy"] + 60.0
    record = compare_truths(mask, mask, true, replace(true, columns=columns), SETTINGS)
    pairs = np.array(record["moved"]["pairs"])
    np.testing.assert_allclose(record["moved"]["place_squares"], 3.0 * pairs, rtol=1e-5)
    np.testing.assert_allclose(record["moved"]["velocity_squares"], 1200 * pairs, rtol=1e-5)


def test_cells_that_differ_are_counted(true, mask):
    other = mask.copy()
    other[:16] = 1 - other[:16]
    assert compare_truths(mask, other, true, true, SETTINGS)["overlap"]["agreement"] == pytest.approx(0.75)
