"""The comparison of rivals with a simulation, and of the scatter of mocks with that of simulations."""

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from halonet.catalogue import EULERIAN, VELOCITY

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def modules():
    """Modules of the comparison by name; ``benchmarks`` is on the path of a script that lies there."""
    sys.path.insert(0, str(BENCHMARKS))
    names = ("comparison", "comparison_numbers", "comparison_table", "scatter")
    yield {name: importlib.import_module(name) for name in names}
    sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def haloes(power_law):
    """Haloes at random positions, with random velocities."""

    def make(seed, number=6000):
        found, rng = power_law(seed, number), np.random.default_rng(seed + 1)
        columns = {name: rng.normal(0, 200, number).astype("f4") for name in VELOCITY}
        return replace(found, columns=found.columns | columns)

    return make


@pytest.fixture(scope="module")
def table(modules, haloes):
    """Two boxes in which the only rival is the truth with its haloes moved by 3 Mpc along x and slowed by 50 km/s."""
    rows = []
    for seed in (1, 2):
        true = haloes(seed)
        columns = {"x": np.mod(true["x"] + 3, np.float32(true.box_size_mpc)), "vy": true["vy"] - 50}
        found = replace(true, columns=true.columns | columns)
        rows.append(modules["comparison_numbers"].compare_haloes(true, found))
    return {"moved": modules["comparison"].combine(rows)}


def test_haloes_that_all_move_alike_have_that_error_and_the_power_of_the_truth(table):
    values = {name: value["mean"] for name, value in table["moved"].items()}
    assert values["error of Eulerian positions (Mpc)"] == pytest.approx(3, rel=1e-5)
    assert values["error of velocities (km/s), 100 to 300"] == pytest.approx(50, rel=1e-5)
    for name in ("completeness above 100", "purity above 1000", "mass in galaxies", "haloes above 300"):
        assert values[name] == 1
    assert values["power (lagrangian, all)"] == pytest.approx(1, rel=1e-6)
    assert values["r at 0.1 (lagrangian, all)"] == pytest.approx(1, rel=1e-6)
    assert values["r at 0.1 (eulerian, all)"] < 0.999


def test_every_halo_is_counted_in_one_cube(modules, haloes):
    made = haloes(3)
    counts = modules["comparison_numbers"].counted(made, 16.0)
    assert counts.sum() == len(made)
    assert len(counts) == round(made.box_size_mpc / 16) ** 3
    first = (made.positions(EULERIAN) < made.box_size_mpc / round(made.box_size_mpc / 16)).all(axis=1)
    assert counts[0] == first.sum()


def test_matched_haloes_have_the_mass_function_of_the_simulations_and_their_own_order(modules, haloes):
    numbers = modules["comparison_numbers"]
    found, wanted = [haloes(4, 4000), haloes(5, 4000)], [haloes(seed) for seed in range(6, 12)]
    table = numbers.table_of_masses(found, wanted)
    rescaled = [numbers.rescaled(each, table) for each in found]
    above = [np.mean([(each["cells"] >= 100).sum() for each in some]) for some in (found, rescaled, wanted)]
    assert above[0] < 0.75 * above[2]
    assert above[1] == pytest.approx(above[2], rel=0.02)
    assert (np.argsort(rescaled[0]["mass"], kind="stable") == np.argsort(found[0]["mass"], kind="stable")).all()
    assert rescaled[0]["radius"] ** 3 / rescaled[0]["cells"] == pytest.approx(
        found[0]["radius"] ** 3 / found[0]["cells"], rel=1e-5
    )


def test_every_number_has_a_row_and_aims_stand_beside_their_own(modules, table):
    rows = [line.split(" | ") for line in modules["comparison_table"].markdown(table).splitlines()]
    by_name = {row[0].removeprefix("| "): row for row in rows if len(row) == 4}
    shown = {name for name in table["moved"] if not name.startswith("curve")}
    assert shown <= by_name.keys()
    assert by_name["completeness above 100"][1:] == ["1.000 ± 0.000", "1.000", "0.87 |"]
    assert by_name["completeness above 300"][-1] == " |"
    assert by_name["error of Eulerian positions (Mpc), 100 to 300"][-1] == " |"


def test_bins_are_judged_by_their_own_errors(modules):
    shown = modules["comparison_table"].shown
    value = {"mean": [1.1, 0.8, 1.02], "error": [0.05, 0.05, 0.001]}
    assert shown("curve of power (eulerian, all)", value) == "1 of 3, -0.20"


def test_mocks_that_scatter_by_a_tenth_more_have_a_fifth_more_variance(modules):
    """The jackknife's error of the ratio is that of many sets of sixteen boxes with phases in common."""
    rng, ratios = np.random.default_rng(2), []
    for _ in range(150):
        truth = 1000 + rng.normal(0, 50, (16, 6))
        mocks = 900 + 1.1 * (truth - 1000) + rng.normal(0, 10, truth.shape)
        ratios.append(modules["scatter"].of_pair(mocks, truth, np.arange(1.0, 7)))
    variance, error = (np.array([ratio[name] for ratio in ratios]) for name in ("variance", "error"))
    assert variance.mean() == pytest.approx(1.21 + 0.04, abs=0.01)
    assert error.mean() == pytest.approx(variance.std(), rel=0.2)
    assert np.mean([ratio["correlation"] for ratio in ratios]) == pytest.approx(55 / np.hypot(55, 10), abs=0.01)
    assert ratios[0]["mean"] == pytest.approx(0.9, abs=0.01)
