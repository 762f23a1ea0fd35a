"""Responses to a mean density, and the page that shows what they add."""

import numpy as np
import pytest

from halonet.cosmology import growth_factor
from halonet.figures.mocks_report import mocks_page
from halonet.grid.slabs import Slabs
from halonet.mocks.box import MockBox
from halonet.mocks.partners import partner_haloes
from halonet.mocks.request import MockRequest
from halonet.mocks.summary import summarise_mocks
from halonet.mocks.super_sample import halo_bias, has_super_sample, power_response, super_sample_term
from halonet.settings import CosmologySettings
from halonet.statistics.mock import measure_mock
from halonet.storage import read_json, write_json

K = np.geomspace(1e-3, 10, 400)


@pytest.mark.parametrize("slope", [-2.0, -1.5, 1.0])
def test_the_response_of_matter_alone_is_that_of_takada_and_hu(slope):
    """Unbiased points without shot noise: 68/21 - (1/3) dln(k^3 P)/dlnk, 2 less with the mean of the survey itself."""
    found = power_response(np.array([0.1]), np.array([500.0]), 1e12, 1.0, (K, K**slope))
    second = 0.412 - 2.143 + 0.929 + 0.008  # b2 of what has b1 = 1, by Lazeyras et al.
    assert found[0] / 500 == pytest.approx(68 / 21 - (3 + slope) / 3 - 2 + 2 * second, rel=1e-6)


def test_shot_noise_responds_as_one_over_the_number_of_points():
    density, bias = 1e-3, 2.0
    np.testing.assert_allclose(
        power_response(np.array([0.1]), np.array([1 / density]), density, bias, (K, K**-1.0)), -2000
    )


def test_numbers_respond_to_a_mean_density_as_their_bias_says():
    """A separate universe: the same phases with a little more and less density everywhere; haloes have 1 + b_L."""
    shift, numbers, masses = 0.05, np.zeros(2), []
    for seed in range(3):
        box = MockBox(MockRequest(seed=seed, cells=64, box_size_mpc=128.0))
        density = box.density_slab(Slabs(64))
        for row, sign in enumerate((-1, 1)):
            moved = (density + sign * shift).astype(np.float32)
            haloes = partner_haloes(moved, box.header, box.cosmology, box.power_spectrum, 27)
            numbers[row] += len(haloes)
            masses.append(haloes["mass"])
    response = 1 + np.log(numbers[1] / numbers[0]) / (2 * shift)
    expected = halo_bias(np.concatenate(masses), CosmologySettings()).mean()
    assert response == pytest.approx(expected, rel=0.3)


@pytest.fixture(scope="module")
def summary(power_law):
    mocks = [measure_mock(power_law(seed), 27, 0.4) for seed in range(12)]
    found = summarise_mocks(mocks, 0.1)
    return found | {"super_sample": super_sample_term(found, (K, 1e4 * K / 0.02 * np.exp(-K / 0.02)))}


@pytest.mark.parametrize("name", ["cosmology", "redshift", "cell_mass_msun"])
def test_mocks_that_do_not_say_what_the_term_needs_have_none(summary, name):
    assert has_super_sample(summary)
    unknown = summary | {"box": summary["box"] | {name: None}}
    assert not has_super_sample(unknown)
    assert super_sample_term(unknown, (K, K**-1.0)) is None


def test_the_term_is_the_outer_product_of_responses_times_the_variance_of_the_volume(summary):
    term = summary["super_sample"]
    response, sigma = np.array(term["response"]), term["sigma"]
    np.testing.assert_allclose(term["covariance"], sigma**2 * np.outer(response, response))
    assert np.linalg.matrix_rank(np.array(term["covariance"])) == 1
    order = {each["value"]: each["number"] for each in summary["order"]}
    assert len(response) == order["counts"] + order["power"]
    assert 0 < sigma < 1


def test_long_modes_are_as_small_at_a_redshift_as_linear_growth_says(summary):
    early = summary | {"box": summary["box"] | {"redshift": 1.0}}
    term = super_sample_term(early, (K, 1e4 * K / 0.02 * np.exp(-K / 0.02)))
    assert term["sigma"] == pytest.approx(growth_factor(CosmologySettings(), 1.0) * summary["super_sample"]["sigma"])


def test_the_page_shows_every_statistic_and_how_many_mocks_are_needed(summary, run_script, tmp_path):
    write_json(tmp_path / "covariance.json", summary)
    run_script("write_mocks_report", "--summary", tmp_path / "covariance.json", "--report", tmp_path / "mocks.html")
    page = (tmp_path / "mocks.html").read_text()
    assert page == mocks_page(read_json(tmp_path / "covariance.json"))
    assert page.count("data:image/png;base64,") == 2
    wanted = summary["precision"]["by_statistic"]["bispectrum"]["mocks_for_parameters"]
    for text in ("Bispectrum", "201 mocks", f"{wanted:,}", "Takada &amp; Hu 2013", "none: too few mocks"):
        assert text in page, text
    assert "http" not in page


def test_the_page_shows_the_gain_of_control_variates(summary):
    number = summary["precision"]["data"]
    gains = {name: [2.0] * number for name in ("mean", "error", "plain_error", "gain", "largest_gain")}
    controls = gains | {"fields": 77, "covariance_gain": np.full((number, number), 1.5).tolist()}
    page = mocks_page(summary | {"control_variates": controls})
    assert page.count("data:image/png;base64,") == 3
    assert "77 further fields" in page
