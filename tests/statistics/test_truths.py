"""Two truths of one box against each other."""

from dataclasses import replace

import numpy as np
import pytest

from halonet.catalogue import EULERIAN, VELOCITY, HaloCatalogue
from halonet.dataset.targets import find_membership
from halonet.figures.truths import draw_truths
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


def test_differences_of_positions_are_those_of_the_nearest_images_and_of_one_component(true, mask):
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


def test_a_simulation_s_haloes_are_matched_by_their_true_cells_too_and_the_figure_says_so(true, mask):
    owners = find_membership(true).rows
    record = compare_truths(mask, mask, true, true, SETTINGS, owners)
    shared = record["shared_cells"]
    assert shared["completeness"] == shared["spheres"] > 0.9
    drawing = draw_truths([record])
    dashed = [line for line in drawing.figure.axes[1].get_lines() if line.get_linestyle() == "--"]
    assert len(dashed) == 2
    assert f"have {shared['completeness']:.2f} and {shared['purity']:.2f}" in drawing.caption
    fewer = compare_truths(mask, mask, true, true.select(np.arange(len(true)) % 2 == 0), SETTINGS, owners)[
        "shared_cells"
    ]
    assert fewer["completeness"] < 0.7 < fewer["purity"]
    assert "share more" not in draw_truths([compare_truths(mask, mask, true, true, SETTINGS)]).caption
