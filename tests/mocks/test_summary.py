"""What is measured of a mock, and of many together."""

from dataclasses import replace

import numpy as np
import pytest

from halonet.catalogue import VELOCITY, write_catalogue
from halonet.cosmology import mean_matter_density
from halonet.figures.mocks import draw_covariance
from halonet.mocks.covariance import CovarianceError
from halonet.mocks.summary import summarise_mocks
from halonet.settings import CosmologySettings, MockSettings
from halonet.statistics.counts_in_cells import cubes_of
from halonet.statistics.mock import VECTORS, measure_mock
from halonet.statistics.wide_bins import MockError
from halonet.storage import read_json


@pytest.fixture(scope="module")
def mocks(power_law):
    return [measure_mock(power_law(seed), 27, 0.6) for seed in range(40)]


def test_numbers_in_bins_add_up_to_the_haloes_and_follow_the_mass_function(power_law):
    measured = measure_mock(power_law(1, haloes=20000), 27, 0.6)
    edges, counts = (np.array(measured["mass_function"][name]) for name in ("edges", "counts"))
    expected = 20000 * 27 * (1 / edges[:-1] - 1 / edges[1:])
    np.testing.assert_allclose(counts, expected, atol=5 * np.sqrt(expected.max()), rtol=0.1)
    assert measured["box"]["cell_mass_msun"] == pytest.approx(3.4e10)


def test_random_positions_have_the_power_of_shot_noise_and_the_scatter_of_a_gaussian_field(mocks):
    summary = summarise_mocks(mocks, 0.1)
    measured = summary["power_spectrum"] | summary["power_spectrum"]["power"]
    spectrum = {name: np.array(measured[name]) for name in ("modes", "mean", "deviation")}
    np.testing.assert_allclose(spectrum["mean"], 100.0**3 / 3000, rtol=0.15)
    expected = np.sqrt(2 / spectrum["modes"])
    np.testing.assert_allclose(spectrum["deviation"] / spectrum["mean"], expected, rtol=0.5)
    assert np.mean(spectrum["deviation"] / spectrum["mean"] / expected) == pytest.approx(1, rel=0.12)


def test_numbers_come_first_in_the_covariance_and_rare_bins_are_left_out(mocks):
    summary = summarise_mocks(mocks, 0.1)
    counts = np.array([mock["mass_function"]["counts"] for mock in mocks])
    kept = counts.mean(axis=0) >= 1
    assert summary["mass_function"]["counts"]["kept"] == kept.tolist()
    assert not kept.all()
    variances = np.diag(summary["covariance"])
    np.testing.assert_allclose(variances[: kept.sum()], counts[:, kept].var(axis=0, ddof=1))
    powers = summary["order"][1]
    assert (powers["value"], powers["first"], powers["number"]) == (
        "power",
        kept.sum(),
        len(summary["power_spectrum"]["k"]),
    )
    assert len(variances) == sum(each["number"] for each in summary["order"]) == summary["precision"]["data"]


def test_every_statistic_of_random_positions_is_its_shot_noise(mocks):
    """Density n, box V, m points a cube: P = P_0 = 1/n, B = 1/n^2, xi = 0, variance 1/m, skewness 1/m^2."""
    summary, density = summarise_mocks(mocks, 0.1), 3000 / 100.0**3
    means = np.array([3000 / cubes**3 for cubes in cubes_of(100.0)])
    for statistic, value, expected in (
        ("multipoles", "monopole", 1 / density),
        ("multipoles", "quadrupole", 0),
        ("multipoles", "hexadecapole", 0),
        ("bispectrum", "equilateral", density**-2),
        ("bispectrum", "squeezed", density**-2),
        ("correlation_function", "correlation", 0),
        ("counts_in_cells", "variance", 1 / means),
        ("counts_in_cells", "skewness", 1 / means**2),
    ):
        measured = {name: np.array(summary[statistic][value][name]) for name in ("mean", "deviation", "kept")}
        kept = measured["kept"]
        error = measured["deviation"][kept] / np.sqrt(len(mocks))
        apart = (measured["mean"] - expected)[kept]
        assert np.abs(apart / error).max() < 4.5, value
        assert error.max() < 0.2 * np.max(expected) or expected == 0 or statistic == "bispectrum", value


def test_the_settings_name_the_statistics_that_can_be_measured(power_law):
    assert MockSettings().statistics == list(VECTORS)
    few = measure_mock(power_law(1), 27, 0.6, ["bispectrum", "mass_function"])
    assert [name for name in few if name != "box"] == ["mass_function", "bispectrum"]


def test_mocks_with_different_statistics_are_refused(mocks, power_law):
    other = measure_mock(power_law(77), 27, 0.6, ["power_spectrum"])
    with pytest.raises(CovarianceError, match="another power_spectrum; measure all with the same"):
        summarise_mocks([mocks[0], other], 0.1)


def test_haloes_without_velocities_have_no_multipoles_and_the_message_says_what_to_do(power_law):
    haloes = power_law(1)
    del haloes.columns["vx"]
    with pytest.raises(MockError, match="leave multipoles out of"):
        measure_mock(haloes, 27, 0.6)


def test_mocks_of_another_box_and_the_same_mock_twice_are_refused(mocks):
    with pytest.raises(CovarianceError, match="same seed"):
        summarise_mocks([mocks[0], mocks[0]], 0.1)
    again = mocks[0] | {"box": mocks[0]["box"] | {"seed": None}}  # as catalogues of other codes are
    with pytest.raises(CovarianceError, match="same spectra, to the last digit: one catalogue was given twice"):
        summarise_mocks([*mocks[:3], again], 0.1)
    other = mocks[1] | {"box": mocks[1]["box"] | {"redshift": 1.0}}
    with pytest.raises(CovarianceError, match=r"redshift = 1.0"):
        summarise_mocks([mocks[0], other], 0.1)


def test_catalogues_without_positions_are_refused_by_name(power_law, run_script, tmp_path):
    haloes = power_law(1)
    for name in "xyz":
        del haloes.columns[name]
    write_catalogue(tmp_path / "flat.h5", haloes)
    options = ("--haloes", tmp_path / "flat.h5", "--statistics", tmp_path / "out.json")
    process = run_script("measure_mock", *options, check=False)
    assert process.returncode == 2
    assert "flat.h5: no Eulerian positions" in process.stderr


def test_two_mocks_go_through_the_scripts_to_a_covariance_and_its_figure(power_law, run_script, tmp_path):
    for seed in range(2):
        write_catalogue(tmp_path / f"{seed}.h5", power_law(seed))
        options = ("--haloes", tmp_path / f"{seed}.h5", "--statistics", tmp_path / f"{seed}.json")
        run_script("measure_mock", *options, "--settings", '{"minimum_cells": 27, "largest_k_per_mpc": 0.6}')
    files = ("--statistics", tmp_path / "0.json", tmp_path / "1.json", "--summary", tmp_path / "covariance.json")
    run_script("summarise_mocks", *files, "--settings", '{"precision": 0.2}')
    summary = read_json(tmp_path / "covariance.json")
    assert summary["precision"]["mocks_for_variance"] == 51
    assert (tmp_path / "covariance.png").stat().st_size > 10000


def test_the_figure_says_how_many_mocks_there_are_and_how_many_are_needed(mocks):
    drawing = draw_covariance(summarise_mocks(mocks, 0.1))
    texts = {text.get_text().strip() for ax in drawing.figure.axes for text in ax.texts}
    assert texts == {"40 mocks", "0.1: 201 mocks"}
    assert "40 mocks of (100 Mpc)" in drawing.caption


def without_haloes(haloes):
    return replace(haloes.select(np.zeros(len(haloes), bool)), header=replace(haloes.header, seed=99))


def test_a_mock_without_haloes_is_a_legal_draw_of_zeros(power_law):
    none = without_haloes(power_law(1))
    empty, full = measure_mock(none, 100, 0.3), measure_mock(power_law(1), 100, 0.3)
    still = {name: values for name, values in none.columns.items() if name not in VELOCITY}
    assert measure_mock(replace(none, columns=still), 100, 0.3) == empty  # nothing has no velocity either
    assert sum(empty["mass_function"]["counts"]) == sum(empty["mass_function"]["above"]) == 0
    assert empty["power_spectrum"]["power"] == [0.0] * len(full["power_spectrum"]["power"])
    assert empty["power_spectrum"]["modes"] == full["power_spectrum"]["modes"]
    expected = mean_matter_density(CosmologySettings()) * (100 / 32) ** 3  # of a cell, which no halo tells here
    assert empty["box"]["cell_mass_msun"] == pytest.approx(expected)


def test_zeros_of_an_empty_mock_enter_mean_and_covariance(power_law):
    mocks = [measure_mock(power_law(seed), 100, 0.3) for seed in (1, 2)]
    empty = measure_mock(without_haloes(power_law(3)), 100, 0.3)
    summary = summarise_mocks([empty, *mocks], 0.1)
    counts = np.array([mock["mass_function"]["counts"] for mock in mocks])
    np.testing.assert_allclose(summary["mass_function"]["counts"]["mean"], counts.sum(axis=0) / 3)
    power = np.array([mock["power_spectrum"]["power"] for mock in mocks])
    np.testing.assert_allclose(summary["power_spectrum"]["power"]["mean"], power.sum(axis=0) / 3)
    assert np.isfinite(summary["covariance"]).all()
    assert summary["box"]["cell_mass_msun"] > 0


def test_mocks_of_which_none_has_haloes_have_no_covariance(power_law):
    empty = measure_mock(without_haloes(power_law(3)), 100, 0.3)
    with pytest.raises(CovarianceError, match=r"none of 1 mocks has a halo of at least 100 cells.*mocks.minimum_cells"):
        summarise_mocks([empty], 0.1)
