"""Partners of mocks: what they share with them, and how mocks and partners come together."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY
from halonet.cosmology import compute_power_spectrum, growth_rate, hubble_rate
from halonet.grid.slabs import Slabs
from halonet.mocks.box import MockBox
from halonet.mocks.controls import control_summary, controls_of_mocks, measure_controls, read_controls
from halonet.mocks.covariance import CovarianceError
from halonet.mocks.linear_controls import expected_spectra, linear_spectra
from halonet.mocks.partners import partner_haloes
from halonet.mocks.request import MockRequest
from halonet.mocks.summary import kept_of, summarise_mocks
from halonet.settings import CosmologySettings, MockSettings
from halonet.spectra import halo_overdensity, measure_spectra
from halonet.statistics.mock import measure_mock
from halonet.statistics.redshift_space import redshift_shifts
from halonet.statistics.wide_bins import wide_bins
from halonet.storage import FieldHeader

ROOT = Path(__file__).parents[2]
STATISTICS = ["mass_function", "power_spectrum", "multipoles", "correlation_function"]
SETTINGS = MockSettings(minimum_cells=27, largest_k_per_mpc=0.4, statistics=STATISTICS)
CELLS, SIDE, COUNT = 32, 64.0, 16


def request(seed, redshift=0.0):
    cosmology = CosmologySettings(redshift=redshift)
    return MockRequest(seed=seed, cells=CELLS, box_size_mpc=SIDE, cosmology=cosmology, threads=1)


def measured(haloes):
    return measure_mock(haloes, SETTINGS.minimum_cells, SETTINGS.largest_k_per_mpc, STATISTICS)


@pytest.fixture(scope="module")
def mocks():
    """Dear mocks: partners of which a few are lost at random."""
    found = []
    for seed in range(COUNT):
        box = MockBox(request(seed))
        density = box.density_slab(Slabs(CELLS))
        haloes = partner_haloes(density, box.header, box.cosmology, box.power_spectrum, SETTINGS.minimum_cells)
        found.append(measured(haloes.select(np.random.default_rng(seed).random(len(haloes)) < 0.95)))
    return found


@pytest.fixture(scope="module")
def controls():
    return measure_controls([request(seed) for seed in range(48)], SETTINGS)


@pytest.fixture(scope="module")
def kept(mocks):
    return {name: kept_of(mocks, name) for name in SETTINGS.statistics}


def test_a_partner_has_the_phases_and_about_the_numbers_of_the_haloes_of_peak_patch():
    with h5py.File(ROOT / "tests/data/peak_patch_128.h5") as file:
        density, side = file["density"][()], float(file.attrs["box_size_mpc"])
        reference = file["published_bank_1.65_1.15"]
        large = 4 / 3 * np.pi * reference["R_shared"][()] ** 3 >= 27
        positions = reference["pos_euler"][()][large]
    cosmology = CosmologySettings()
    header = FieldHeader(side, 0.0, cosmology.model_dump())
    partner = partner_haloes(density, header, cosmology, compute_power_spectrum(cosmology), 27)
    assert 0.8 < len(partner) / len(positions) < 1.6
    fields = [
        halo_overdensity(np.mod(each, side), 64, side, "cloud_in_cell")
        for each in (positions.astype(float), partner.positions(EULERIAN))
    ]
    correlation = measure_spectra(*fields, side, "cloud_in_cell").correlation
    assert correlation[:3].min() > 0.92
    assert correlation[3:6].mean() > 0.85


@pytest.mark.parametrize("redshift", [0.0, 1.0])
def test_a_partner_moves_by_zeldovich_with_the_velocity_of_linear_growth(redshift):
    box = MockBox(request(1, redshift))
    density = box.density_slab(Slabs(CELLS))
    haloes = partner_haloes(density, box.header, box.cosmology, box.power_spectrum, 27)
    apart = haloes.positions(EULERIAN) - haloes.positions(LAGRANGIAN)
    apart -= SIDE * np.rint(apart / SIDE)
    velocities, rate = haloes.positions(VELOCITY), growth_rate(box.cosmology, redshift)
    per_mpc = hubble_rate(box.cosmology, redshift) / (1 + redshift)
    np.testing.assert_allclose(velocities, rate * per_mpc * apart, atol=2e-3)
    np.testing.assert_allclose(redshift_shifts(velocities, box.cosmology), rate * apart, atol=2e-5)
    assert haloes["cells"].min() >= 27


def test_the_linear_spectra_have_the_mean_that_the_power_spectrum_says(controls):
    for name, expected in controls["linear_mean"].items():
        values = np.array([field["linear"][name] for field in controls["fields"]])
        error = values.std(axis=0, ddof=1) / len(values) ** 0.5
        assert np.abs((values.mean(axis=0) - expected) / error).max() < 4.5, name


def test_the_mean_of_the_linear_spectra_falls_with_redshift_as_those_of_the_same_phases_do():
    drawn, expected = [], []
    for redshift in (0.0, 1.0):
        box = MockBox(request(3, redshift))
        bins, density = wide_bins(SIDE, 0.4, CELLS // 2), box.density_slab(Slabs(CELLS))
        drawn.append(linear_spectra(density, SIDE, bins, growth_rate(box.cosmology, redshift)))
        expected.append(expected_spectra(box.power_spectrum, box.cosmology, bins))
    falls = [late["power_spectrum"] / early["power_spectrum"] for late, early in (drawn, expected)]
    np.testing.assert_allclose(falls[0], falls[1], rtol=1e-4)
    assert falls[0].min() > 2


def test_a_partner_of_a_shifted_box_is_shifted_though_haloes_meet_across_its_faces():
    box = MockBox(request(4))
    density, steps = box.density_slab(Slabs(CELLS)), np.array([5, 16, 27])
    of_box, of_shifted = (
        partner_haloes(each, box.header, box.cosmology, box.power_spectrum, 27).positions(LAGRANGIAN)
        for each in (density, np.roll(density, steps, (0, 1, 2)))
    )
    moved = np.mod(of_box + steps * SIDE / CELLS, SIDE)
    np.testing.assert_array_equal(moved[np.lexsort(moved.T)], of_shifted[np.lexsort(of_shifted.T)])


def test_mocks_and_partners_of_the_same_phases_give_means_of_less_error(mocks, controls, kept):
    found = control_summary(mocks, [controls], kept)
    assert found["fields"] == 48 - COUNT
    order = summarise_mocks(mocks, 0.1)["order"]
    assert len(found["mean"]) == sum(each["number"] for each in order)
    plain, gain = (np.array(found[name], float) for name in ("plain_error", "gain"))
    powers = next(each for each in order if each["statistic"] == "power_spectrum")
    assert (
        np.median(gain[powers["first"] : powers["first"] + powers["number"]]) > 1.2
    )  # with twice as many others as mocks it cannot reach 3
    assert (np.array(found["largest_gain"]) >= gain - 1e-9).all()
    assert np.shape(found["covariance"]) == (len(plain),) * 2


def test_other_mocks_serve_as_controls_and_data_that_are_their_own_have_the_mean_of_the_rest(mocks, kept):
    """Two mocks are the data, twice each; where x = c, x - (c - mean) is the mean of the others."""
    found = control_summary(mocks[:2] * 2, [controls_of_mocks(mocks)], kept)
    rest = np.mean([mock["power_spectrum"]["power"] for mock in mocks[2:]], axis=0)
    first = int(kept["mass_function"]["counts"].sum())
    np.testing.assert_allclose(found["mean"][first : first + len(rest)], rest, rtol=1e-9)


def test_a_mock_without_a_partner_and_partners_without_others_are_refused(mocks, controls, kept):
    few = controls | {"fields": controls["fields"][1:]}
    with pytest.raises(CovarianceError, match="1 of 16 mocks have no control of their seed"):
        control_summary(mocks, [few], kept)
    with pytest.raises(CovarianceError, match="3 controls beside those of the mocks; their mean needs 4 or more"):
        control_summary(mocks, [controls | {"fields": controls["fields"][: COUNT + 3]}], kept)
    other = controls | {"box": controls["box"] | {"redshift": 0.5}}
    with pytest.raises(CovarianceError, match=r"redshift = 0.5 in a control and 0.0 in the mocks"):
        control_summary(mocks, [other], kept)


def test_files_of_partners_and_of_other_mocks_are_refused_together(mocks, controls):
    partners, others = ("partners.json", controls), [(f"{i}.json", mock) for i, mock in enumerate(mocks)]
    assert read_controls([partners]) == [controls]
    assert read_controls(others) == [controls_of_mocks(mocks)]
    with pytest.raises(CovarianceError, match=r"1 files of measure_controls.py and 16 of measure_mock.py; give one"):
        read_controls([partners, *others])
    with pytest.raises(CovarianceError, match=r"a.json: no control"):
        read_controls([("a.json", {"box": {}})])


def test_partners_are_the_same_for_any_number_of_threads():
    one, two = (measure_controls([MockRequest(seed=5, cells=32, threads=threads)], SETTINGS) for threads in (1, 2))
    assert one == two
