"""Mocks beside simulations: ratios of means with errors that are those of chance, and paired phases where there are."""

from copy import deepcopy

import numpy as np
import pytest

from halonet.figures.mocks_report import mocks_page
from halonet.mocks.against_truth import against_truth
from halonet.mocks.covariance import CovarianceError
from halonet.mocks.summary import summarise_mocks
from halonet.statistics.mock import measure_mock

BINS = 40
KEPT = {"power_spectrum": {"power": np.ones(BINS, bool)}}


def boxes(values, first_seed):
    """Measurements whose spectra are the rows of ``values``."""
    return [
        {"box": {"seed": first_seed + i}, "power_spectrum": {"power": row.tolist()}} for i, row in enumerate(values)
    ]


@pytest.mark.parametrize("simulations", [1, 4])
def test_independent_boxes_of_one_law_differ_by_one_standard_error(simulations):
    rng, apart = np.random.default_rng(3), []
    for _ in range(30):
        mocks, truths = (rng.normal(10, 1, (number, BINS)) for number in (20, simulations))
        found = against_truth(boxes(mocks, 0), boxes(truths, 100), KEPT)["power_spectrum"]["power"]
        apart.append((np.array(found["ratio"]) - 1) / found["ratio_error"])
    assert np.mean(apart) == pytest.approx(0, abs=0.15)
    assert np.std(apart) == pytest.approx(1, abs=0.12)


def test_a_bias_is_found_and_phases_that_are_shared_make_its_error_small():
    rng = np.random.default_rng(4)
    phases = rng.normal(10, 1, (30, BINS))
    mocks, truths = 1.1 * phases + rng.normal(0, 0.05, phases.shape), phases[:6]
    other, same = (against_truth(boxes(mocks, 0), boxes(truths, first), KEPT) for first in (100, 0))
    assert (other["paired"], same["paired"]) == (False, True)
    for found in (other, same):
        power = found["power_spectrum"]["power"]
        error = np.array(power["ratio_error"])
        assert np.mean(np.abs((np.array(power["ratio"]) - 1.1) / error) < 3) > 0.9
    errors = [np.median(found["power_spectrum"]["power"]["ratio_error"]) for found in (other, same)]
    assert errors[1] < errors[0] / 5


def test_one_simulation_has_a_mean_without_error_of_its_own_and_bins_of_nothing_have_no_ratio():
    truth = np.ones((1, BINS))
    truth[0, 3] = 0
    found = against_truth(boxes(np.ones((5, BINS)), 0), boxes(truth, 9), KEPT)["power_spectrum"]["power"]
    assert np.isnan(found["error"]).all()
    assert np.isnan(found["ratio"]).tolist() == [i == 3 for i in range(BINS)]


@pytest.fixture(scope="module")
def measured(power_law):
    return [measure_mock(power_law(seed), 27, 0.6) for seed in range(12)]


def test_the_page_of_the_mocks_says_how_far_they_are_from_simulations(measured):
    page = mocks_page(summarise_mocks(measured[:8], 0.1, truths=measured[8:]))
    assert "Against simulations" in page
    assert "4 simulations of other phases and all mocks" in page
    assert "Crosses: mean of 4 simulations, with its error." in page
    again = mocks_page(summarise_mocks(measured[:8], 0.1, truths=measured[:8]))
    assert "8 simulations, each with the mock of its phases" in again
    assert "Against simulations" not in mocks_page(summarise_mocks(measured[:8], 0.1))


def test_simulations_of_another_box_or_other_statistics_are_refused(measured):
    other = deepcopy(measured[8])
    other["box"]["box_size_mpc"] = 1000.0
    with pytest.raises(CovarianceError, match=r"box_size_mpc = 1000.0"):
        summarise_mocks(measured[:8], 0.1, truths=[other])
    less = {name: values for name, values in measured[8].items() if name != "bispectrum"}
    with pytest.raises(CovarianceError, match="a simulation has no bispectrum; measure all with the same"):
        summarise_mocks(measured[:8], 0.1, truths=[less])
