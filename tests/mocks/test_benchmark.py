"""The comparison of mocks with Peak Patch: ratios of means, their errors, and what is judged."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from halonet.catalogue import write_catalogue


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("mocks_benchmark", Path(__file__).parents[2] / "benchmarks/mocks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def result(benchmark, power_law, tmp_path_factory):
    """Eight mocks of a fifth more haloes than the eight boxes they are compared with, all at random positions."""
    folder, measured = tmp_path_factory.mktemp("catalogues"), {}
    for name, haloes, first in (("mocks", 24000, 0), ("truth", 20000, 100)):
        for seed in range(first, first + 8):
            write_catalogue(folder / f"{seed}.h5", power_law(seed, haloes))
        measured[name] = [benchmark.measure(folder / f"{seed}.h5") for seed in range(first, first + 8)]
    compared = benchmark.compare(measured["mocks"], measured["truth"], {"cells": 32, "box_size_mpc": 100.0})
    return compared | {"most_massive": 112, "truth": "simulations"}


def test_a_fifth_more_haloes_is_a_fifth_more_at_every_size(result):
    abundance = {name: np.array(result["abundance"][name], float) for name in ("x", "ratio", "error")}
    known = abundance["x"] <= 1000
    assert (abs(abundance["ratio"] - 1.2)[known] < 4 * abundance["error"][known] + 0.01).all()
    assert result["judged"]["largest_departure"]["abundance"] > 0.15


def test_the_shot_noise_of_a_fifth_more_haloes_is_a_sixth_less_in_every_band(result):
    for cuts in result["power"].values():
        assert cuts["all"]["bands"]
        for band in cuts["all"]["bands"]:
            assert abs(band["ratio"] - 1 / 1.2) < 4 * band["error"]
            assert 0.001 < band["error"] < 0.2
        assert max(cuts["all"]["x"]) <= 0.3


def test_the_error_of_a_ratio_is_its_scatter(benchmark):
    rng = np.random.default_rng(4)
    draws = [benchmark.ratio_of_means(rng.normal(1, 0.1, (10, 50)), rng.normal(2, 0.1, (10, 50))) for _ in range(60)]
    ratios, errors = np.array(draws).swapaxes(0, 1)
    assert ratios.std() == pytest.approx(errors.mean(), rel=0.1)
    assert ratios.mean() == pytest.approx(0.5, rel=0.01)


def test_the_figure_has_a_curve_for_every_ratio(benchmark, result):
    figure = benchmark.draw(result)
    assert [len(ax.get_lines()) for ax in figure.axes] == [2, 3, 3]
