"""A box as a survey sees it: distances, angles, redshifts, selection; and randoms that are selected alike."""

import fcntl
from pathlib import Path

import numpy as np
import pytest
from colossus.cosmology import cosmology as colossus
from scipy import stats
from scipy.spatial import KDTree

from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY, HaloCatalogue
from halonet.checks.errors import StorageError
from halonet.command import survey as survey_command
from halonet.command.main import parse
from halonet.cosmology import use_in_colossus
from halonet.galaxy_catalogue import GALAXY_COLUMNS, GalaxyCatalogue, write_galaxies
from halonet.locks import lock_of
from halonet.settings import CosmologySettings, SettingsError, SurveySettings, validate
from halonet.sky.coordinates import directions
from halonet.sky.epochs import SPEED_OF_LIGHT, Epochs
from halonet.storage import FieldHeader
from halonet.surveys import observe
from halonet.surveys.observe import SURVEY_COLUMNS, observe_box

SIDE, NUMBER = 1000.0, 60_000
COSMOLOGY = CosmologySettings()


def box(positions, velocities=None):
    velocities = np.zeros_like(positions) if velocities is None else velocities
    columns = dict(zip((*EULERIAN, *VELOCITY), np.hstack([positions, velocities]).T, strict=True))
    number = len(positions)
    columns |= {"halo": np.arange(number), "halo_mass": np.full(number, 1e13), "central": np.ones(number)}
    typed = {name: columns[name].astype(column.dtype) for name, column in GALAXY_COLUMNS.items()}
    return GalaxyCatalogue(typed, FieldHeader(SIDE, 0.0, COSMOLOGY.model_dump(), 1))


@pytest.fixture(scope="module")
def uniform():
    rng = np.random.default_rng(4)
    return box(rng.uniform(0, SIDE * (1 - 1e-6), (NUMBER, 3)), rng.normal(0, 300, (NUMBER, 3)))


def test_distances_are_those_of_colossus():
    cosmology = CosmologySettings(redshift=0.3)
    use_in_colossus(cosmology)
    table, z = Epochs(cosmology, 2.0), np.array([0.01, 0.3, 1.0, 2.0])
    expected = colossus.getCurrent().comovingDistance(0.0, z) / cosmology.h
    np.testing.assert_allclose(table.distance(z), expected, rtol=1e-5)
    np.testing.assert_allclose(table.redshift(table.distance(z)), z, rtol=1e-7)


def test_a_galaxy_is_seen_where_it_is_with_the_redshift_of_distance_and_velocity():
    table = Epochs(COSMOLOGY, 0.1)
    distance = float(table.distance(0.05))
    at = np.array([[SIDE / 2, SIDE / 2 + distance / 2**0.5, SIDE / 2 + distance / 2**0.5]])
    survey = observe_box(box(at, np.array([[5000.0, 600.0, 600.0]])), SurveySettings(largest_redshift=0.1), 1)
    seen = {name: float(values[0]) for name, values in survey.data.items()}
    assert (seen["RA"], seen["DEC"]) == pytest.approx((90.0, 45.0), abs=1e-4)
    assert seen["Z_COSMO"] == pytest.approx(0.05, abs=1e-6)
    assert seen["Z"] - seen["Z_COSMO"] == pytest.approx(1.05 * 600 * 2**0.5 / SPEED_OF_LIGHT, rel=1e-3)


REGION = {"ra": [20.0, 200.0], "dec": [-30.0, 60.0], "holes": [{"ra": 100.0, "dec": 10.0, "radius": 15.0}]}


def test_randoms_have_the_selection_of_the_data(uniform, tmp_path):
    """Points without clustering and their randoms differ in their number alone: Kolmogorov-Smirnov in all three."""
    path = tmp_path / "n.csv"
    path.write_text("redshift,density_per_mpc3\n0,0.00006\n0.05,0.00004\n0.12,0.00001\n")
    settings = validate(
        SurveySettings, {"largest_redshift": 0.11, "density": str(path), "randoms": 5.0, **REGION}, "here"
    )
    survey = observe_box(uniform, settings, 3)
    assert len(survey.data["Z"]) > 500
    assert len(survey.randoms["Z"]) == pytest.approx(5 * len(survey.data["Z"]), rel=0.15)
    for name in ("RA", "DEC", "Z"):
        assert stats.ks_2samp(survey.data[name], survey.randoms[name]).pvalue > 0.005, name
    inside = directions(survey.randoms["RA"], survey.randoms["DEC"]) @ directions(*np.array([[100.0], [10.0]]))[0]
    assert inside.max() < np.cos(np.radians(15))
    expected = np.interp(survey.data["Z"], [0, 0.05, 0.12], [6e-5, 4e-5, 1e-5])
    np.testing.assert_allclose(survey.data["NZ"], expected)
    np.testing.assert_allclose(survey.data["WEIGHT"], 1 / (1 + 30_000 * expected))


def moving(distance, speed, number=100):
    """Points around the observer at one distance (Mpc), which move away from him (km/s)."""
    towards = np.random.default_rng(8).normal(size=(number, 3))
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    return box(SIDE / 2 + distance * towards, speed * towards)


def test_the_selection_is_in_observed_redshift(tmp_path):
    """At redshift 0.05, where all are wanted, points move to one of 0.08, where none is."""
    path = tmp_path / "n.csv"
    path.write_text(f"redshift,density_per_mpc3\n0,{100 / SIDE**3}\n0.06,{100 / SIDE**3}\n0.07,0\n0.1,0\n")
    settings = SurveySettings(largest_redshift=0.1, density=str(path), randoms=0.0)
    distance = float(Epochs(COSMOLOGY, 0.1).distance(0.05))
    assert len(observe_box(moving(distance, 0.0), settings, 1).data["Z"]) == 100
    assert len(observe_box(moving(distance, 9000.0), settings, 1).data["Z"]) == 0


def test_points_beyond_the_largest_redshift_that_fall_towards_the_observer_are_seen():
    settings = SurveySettings(largest_redshift=0.05, randoms=0.0)
    distance = float(Epochs(COSMOLOGY, 0.1).distance(0.06))
    assert len(observe_box(moving(distance, 0.0), settings, 1).data["Z"]) == 0
    assert len(observe_box(moving(distance, -6000.0), settings, 1).data["Z"]) == 100


def test_a_replicated_box_has_its_density_everywhere_and_its_points_again(uniform):
    settings = SurveySettings(largest_redshift=0.3, dec=[50.0, 90.0], replicate=True, randoms=1.0)
    survey = observe_box(uniform, settings, 1)
    table = Epochs(COSMOLOGY, 0.3)
    volume = 2 * np.pi * (1 - np.sin(np.radians(50))) * float(table.distance(0.3)) ** 3 / 3
    assert volume > 0.5 * SIDE**3
    assert len(survey.data["Z"]) == pytest.approx(volume * NUMBER / SIDE**3, rel=0.03)
    assert len(survey.randoms["Z"]) == pytest.approx(volume * NUMBER / SIDE**3, rel=0.03)


def test_a_survey_that_leaves_its_box_is_refused_with_how_much(uniform):
    with pytest.raises(
        StorageError, match=r"% of the survey's volume, up to redshift 0.3 at .* lie outside of the box"
    ):
        observe_box(uniform, SurveySettings(largest_redshift=0.3), 1)
    outside = SurveySettings(largest_redshift=0.2, observer=[-600.0, 500.0, 500.0], ra=[0.0, 5.0], dec=[0.0, 5.0])
    with pytest.raises(StorageError, match="% of the survey's volume"):
        observe_box(uniform, outside, 1)
    # From outside, a part of the sky and of redshifts that the box fills.
    table = Epochs(COSMOLOGY, 0.3)
    seen = outside.model_copy(update={"smallest_redshift": float(table.redshift(650.0))})
    assert len(observe_box(uniform, seen, 1).data["Z"]) > 10


def test_of_two_galaxies_closer_than_fibres_one_is_lost():
    rng = np.random.default_rng(6)
    crowded = box(500 + rng.uniform(10, 60, (4000, 3)))
    settings = SurveySettings(largest_redshift=0.1, collision_arcsec=600.0, randoms=0.0)
    survey = observe_box(crowded, settings, 2)
    assert len(survey.data["Z"]) + survey.notes["collided"] == 4000
    assert survey.notes["collided"] > 100
    chord = 2 * np.sin(np.radians(600 / 3600) / 2)
    kept = directions(survey.data["RA"], survey.data["DEC"])
    assert not KDTree(kept).query_pairs(chord)
    # No more are lost than must be: every lost one has a kept neighbour.
    every = observe_box(crowded, settings.model_copy(update={"collision_arcsec": 0.0}), 2).data
    distance, _ = KDTree(kept).query(directions(every["RA"], every["DEC"]))
    assert distance.max() <= chord


def test_the_command_writes_fits_with_ra_dec_z_and_weight_the_same_again(uniform, run_script, tmp_path):
    fits = pytest.importorskip("astropy.io.fits")
    write_galaxies(tmp_path / "galaxies.h5", uniform)
    command = ("observe_survey", tmp_path / "galaxies.h5", "--settings", '{"largest_redshift": 0.08, "randoms": 1}')
    run_script(*command)
    with fits.open(tmp_path / "galaxies.survey.fits") as file:
        table = file["SURVEY"]
        assert table.columns.names == list(SURVEY_COLUMNS)
        assert table.columns["RA"].unit == "deg"
        expected = observe_box(uniform, SurveySettings(largest_redshift=0.08, randoms=1.0), 1)
        for name in SURVEY_COLUMNS:
            np.testing.assert_array_equal(table.data[name], expected.data[name])
    with fits.open(tmp_path / "galaxies.randoms.fits") as file:
        assert len(file["SURVEY"].data) == expected.notes["randoms"]


def test_a_second_survey_of_the_same_files_waits_for_the_first_to_end(uniform, tmp_path, monkeypatch):
    """Or the data of one would stand beside the randoms of the other."""
    pytest.importorskip("astropy.io.fits")
    write_galaxies(tmp_path / "g.h5", uniform)
    outputs = tmp_path / "g.survey.fits", tmp_path / "g.randoms.fits"
    line = ["survey", str(tmp_path / "g.h5"), "--settings", '{"largest_redshift": 0.02, "randoms": 1}']
    arguments, written = parse(line), []

    def write(path, *values):
        for output in outputs:
            with open(lock_of(output)) as handle, pytest.raises(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        written.append(Path(path))

    monkeypatch.setattr(survey_command, "write_survey_table", write)
    arguments.run(arguments)
    assert tuple(written) == outputs


def test_an_n_of_z_that_does_not_fit_is_named(uniform, tmp_path):
    path = tmp_path / "n.csv"
    for text, words in (
        ("redshift,n\n0,1\n", "columns density_per_mpc3 are missing"),
        ("redshift,density_per_mpc3\n0,1e-5\n0.05,1e-5\n", "reaches from redshift 0 to 0.05, the survey from 0 to 0.1"),
        ("redshift,density_per_mpc3\n0,1\n0.2,1\n", "density_per_mpc3 = 1, and the box has 6e-05 per Mpc"),
        ("redshift,density_per_mpc3\n0,1e-5\n0.2,none\n", "n.csv: density_per_mpc3 of row 2: 'none' is no number"),
        ("redshift,density_per_mpc3\n-inf,1e-5\ninf,1e-5\n", "n.csv: redshift of row 1: -inf is no finite number"),
        ("redshift,density_per_mpc3,redshift\n0,1e-5,1\n0.2,1e-5,2\n", "there are two columns redshift; keep one"),
    ):
        path.write_text(text)
        with pytest.raises(StorageError, match=words):
            observe_box(uniform, SurveySettings(largest_redshift=0.1, density=str(path)), 1)
    with pytest.raises(SettingsError, match=r"ra = \[200.0, 20.0\] does not rise"):
        validate(SurveySettings, {"largest_redshift": 0.1, "ra": [200.0, 20.0]}, "here")


def test_what_no_memory_holds_is_refused_by_the_setting_that_asks_for_it(uniform, monkeypatch):
    with pytest.raises(StorageError, match=r"randoms = 1e\+18 are .* points; at most 1e\+10 are drawn"):
        observe_box(uniform, SurveySettings(largest_redshift=0.1, randoms=1e18), 1)
    monkeypatch.setattr(observe, "MOST_IMAGES", 1000)
    with pytest.raises(StorageError, match=r"images of a box of 1000 Mpc.*a smaller largest_redshift"):
        observe_box(uniform, SurveySettings(largest_redshift=20.0, replicate=True, randoms=0), 1)


def test_a_box_at_another_redshift_than_the_survey_s_is_said_to_be_so(uniform, caplog):
    observe_box(uniform, SurveySettings(largest_redshift=0.05), 1)
    assert not caplog.records
    observe_box(uniform, SurveySettings(smallest_redshift=0.02, largest_redshift=0.05), 1)
    assert "the whole box is at redshift 0, and is seen at redshifts from 0.02 to 0.05" in caplog.text


def test_haloes_are_observed_as_galaxies_are():
    rng = np.random.default_rng(1)
    columns = {name: rng.uniform(0, SIDE, 500).astype("f4") for name in (*LAGRANGIAN, *EULERIAN)}
    columns |= {name: np.zeros(500, "f4") for name in VELOCITY}
    columns |= {"radius": np.ones(500, "f4"), "mass": np.ones(500), "cells": np.ones(500)}
    haloes = HaloCatalogue(columns, FieldHeader(SIDE, 0.0, COSMOLOGY.model_dump(), 3), 128)
    assert len(observe_box(haloes, SurveySettings(largest_redshift=0.1), 1).data["RA"]) > 20
    del haloes.columns["vz"]
    with pytest.raises(StorageError, match="columns vz are missing; a survey needs positions and velocities"):
        observe_box(haloes, SurveySettings(largest_redshift=0.1), 1)
