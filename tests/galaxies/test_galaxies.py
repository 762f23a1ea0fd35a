"""Galaxies against their formulae: mean numbers, the profile, the Jeans equation; and against halotools."""

import json

import h5py
import numpy as np
import pytest
from scipy import integrate, stats

import halonet
from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY, HaloCatalogue, write_catalogue
from halonet.checks.errors import StorageError
from halonet.cosmology import mean_matter_density
from halonet.export.galaxies import write_galaxies_as
from halonet.galaxies.occupation import mean_centrals, mean_satellites
from halonet.galaxies.populate import populate_haloes
from halonet.galaxies.profile import (
    circular_velocity,
    concentration,
    enclosed,
    halo_radius,
    radius_of_fraction,
    velocity_dispersion,
)
from halonet.galaxy_catalogue import GALAXY_COLUMNS, read_galaxies, write_galaxies
from halonet.settings import CosmologySettings, OccupationSettings, SettingsError
from halonet.statistics.mock import measure_points
from halonet.storage import FieldHeader

SIDE = 500.0
COSMOLOGY = CosmologySettings(redshift=0.5)
SETTINGS = OccupationSettings(log_minimum_mass=12.5, log_cutoff_mass=12.2, log_satellite_mass=13.0, slope=1.1)


def haloes_of(masses, seed=1):
    rng = np.random.default_rng(seed)
    number = len(masses)
    columns = {name: rng.uniform(0, SIDE, number).astype("f4") for name in (*LAGRANGIAN, *EULERIAN)}
    columns |= {name: rng.normal(0, 300, number).astype("f4") for name in VELOCITY}
    radius = np.cbrt(3 * masses / (4 * np.pi * mean_matter_density(COSMOLOGY)))
    columns |= {"radius": radius.astype("f4"), "mass": masses, "cells": masses / 1e10}
    return HaloCatalogue(columns, FieldHeader(SIDE, 0.5, COSMOLOGY.model_dump(), 3), 128)


@pytest.mark.parametrize("mass", [2e12, 1e13, 1e14])
def test_mean_numbers_by_mass_are_those_of_the_formula_to_half_a_percent(mass):
    number = 300_000 if mass < 5e13 else 30_000
    galaxies = populate_haloes(haloes_of(np.full(number, mass)), SETTINGS, 5)
    centrals, satellites = galaxies["central"].sum(), (galaxies["central"] == 0).sum()
    expected = [mean_centrals(mass, SETTINGS), mean_satellites(mass, SETTINGS)]
    # Of the satellites of 2e12 there are too few to tell half a percent.
    for found, mean in zip((centrals, satellites), expected, strict=True):
        assert found / number == pytest.approx(mean, rel=0.005, abs=4 * (mean / number) ** 0.5 if mean < 0.1 else 0)


def test_the_formula_is_that_of_zheng_coil_and_zehavi():
    assert mean_centrals(10**SETTINGS.log_minimum_mass, SETTINGS) == pytest.approx(0.5)
    step = 10 ** (SETTINGS.log_minimum_mass + SETTINGS.mass_scatter)
    assert mean_centrals(step, SETTINGS) == pytest.approx(0.5 * (1 + 0.8427008))
    one = 10**SETTINGS.log_cutoff_mass + 10**SETTINGS.log_satellite_mass
    assert mean_satellites(one, SETTINGS) == pytest.approx(mean_centrals(one, SETTINGS))
    assert mean_satellites(0.99 * 10**SETTINGS.log_cutoff_mass, SETTINGS) == 0


@pytest.fixture(scope="module")
def rich():
    """Galaxies of clusters of one mass, the haloes, and which halo a galaxy is of."""
    haloes = haloes_of(np.full(3000, 3e14))
    galaxies = populate_haloes(haloes, SETTINGS, 7)
    return haloes.sorted_by_mass(), galaxies, galaxies["halo"]


def test_satellites_follow_the_profile_of_navarro_frenk_and_white(rich):
    haloes, galaxies, host = rich
    apart = galaxies.positions() - haloes.positions(EULERIAN)[host]
    apart -= SIDE * np.rint(apart / SIDE)
    satellite = galaxies["central"] == 0
    assert np.abs(apart[~satellite]).max() == 0
    mass = np.array([3e14])
    radius, concentrated = halo_radius(mass, COSMOLOGY)[0], concentration(mass, COSMOLOGY, "diemer19")[0]
    distances = np.linalg.norm(apart[satellite], axis=1) / radius
    assert distances.max() <= 1 + 1e-3  # positions are in single precision
    rng = np.random.default_rng(2)
    some = rng.choice(np.clip(distances, 0, 1), 20_000, replace=False)
    test = stats.kstest(some, lambda x: enclosed(concentrated * x) / enclosed(concentrated))
    assert test.pvalue > 0.01
    wrong = stats.kstest(some, lambda x: enclosed(1.3 * concentrated * x) / enclosed(1.3 * concentrated))
    assert wrong.pvalue < 1e-6  # another concentration would be seen


def test_satellites_move_about_their_halo_with_the_dispersion_of_jeans(rich):
    haloes, galaxies, host = rich
    relative = galaxies.positions(VELOCITY) - haloes.positions(VELOCITY)[host]
    satellite = galaxies["central"] == 0
    assert np.abs(relative[~satellite]).max() == 0
    mass = np.array([3e14])
    fraction = (np.arange(20_000) + 0.5) / 20_000
    concentrated = np.full(len(fraction), concentration(mass, COSMOLOGY, "diemer19")[0])
    shape = (velocity_dispersion(radius_of_fraction(fraction, concentrated), concentrated) ** 2).mean()
    expected = shape * circular_velocity(mass, COSMOLOGY)[0] ** 2
    for axis in range(3):
        assert relative[satellite, axis].var() == pytest.approx(expected, rel=0.03)
    assert 500 < expected**0.5 < 1200  # km/s, of a cluster


@pytest.mark.parametrize("radius", [0.01, 0.3, 1.0])
def test_the_dispersion_solves_the_jeans_equation(radius):
    """sigma^2 rho = integral of rho G M / r^2 outwards, in units of the halo's radius and circular velocity."""
    c = 5.0
    outwards, _ = integrate.quad(
        lambda s: enclosed(c * s) / (enclosed(c) * s**2) / (s * (1 + c * s) ** 2), radius, np.inf
    )
    expected = outwards * radius * (1 + c * radius) ** 2
    assert velocity_dispersion(np.array([radius]), np.array([c]))[0] ** 2 == pytest.approx(expected, rel=1e-6)


def test_the_radius_that_holds_a_fraction_of_the_mass_holds_it():
    fraction, c = np.linspace(0.001, 1, 50), np.full(50, 7.0)
    radius = radius_of_fraction(fraction, c)
    np.testing.assert_allclose(enclosed(7 * radius) / enclosed(7.0), fraction, rtol=1e-6)


def test_the_same_seed_gives_the_same_bytes_and_another_one_other_galaxies(tmp_path):
    haloes = haloes_of(np.geomspace(1e12, 1e15, 2000))
    for name, seed, order in (("one", 1, slice(None)), ("same", 1, slice(None, None, -1)), ("other", 2, slice(None))):
        write_galaxies(tmp_path / f"{name}.h5", populate_haloes(haloes.select(order), SETTINGS, seed))
    one, same, other = ((tmp_path / f"{name}.h5").read_bytes() for name in ("one", "same", "other"))
    assert one == same
    assert one != other
    galaxies = read_galaxies(tmp_path / "one.h5")
    assert galaxies["halo"].tolist() == sorted(galaxies["halo"])
    first = np.flatnonzero(np.diff(galaxies["halo"], prepend=-1))
    assert galaxies["central"].sum() == galaxies["central"][first].sum()  # a central stands first of its halo


def test_galaxies_as_tables_hold_every_column_with_its_unit(tmp_path):
    fits, parquet = pytest.importorskip("astropy.io.fits"), pytest.importorskip("pyarrow.parquet")
    galaxies = populate_haloes(haloes_of(np.geomspace(1e12, 1e15, 100)), SETTINGS, 1)
    for name in ("fits", "parquet"):
        write_galaxies_as(galaxies, name, tmp_path / f"galaxies.{name}")
    with fits.open(tmp_path / "galaxies.fits") as file:
        table = file["GALAXIES"]
        assert [column.unit for column in table.columns][:7] == ["Mpc"] * 3 + ["km s-1"] * 3 + [None]
        assert json.loads(table.header["PROVENAN"]) == galaxies.header.provenance
        for name in GALAXY_COLUMNS:
            np.testing.assert_array_equal(table.data[name], galaxies[name])
    read = parquet.read_table(tmp_path / "galaxies.parquet").to_pandas()
    for name in GALAXY_COLUMNS:
        np.testing.assert_array_equal(read[name], galaxies[name])


def test_the_command_writes_galaxies_and_says_where_small_haloes_are_missing(run_script, tmp_path):
    write_catalogue(tmp_path / "mock.h5", haloes_of(np.geomspace(2e13, 1e15, 300)))
    process = run_script("populate_haloes", tmp_path / "mock.h5", "--seed", 3)
    assert "90% of its smallest haloes have a central galaxy" in process.stderr + process.stdout
    with h5py.File(tmp_path / "mock.galaxies.h5") as file:
        assert set(file["galaxies"]) == set(GALAXY_COLUMNS)
        assert file["galaxies/vx"].attrs["unit"] == "km/s"


def test_galaxies_are_measured_as_haloes_are():
    """One central in every halo: the statistics of positions are those of the haloes."""
    full = OccupationSettings(log_minimum_mass=10.0, log_cutoff_mass=17.0)
    haloes = haloes_of(np.geomspace(1e12, 1e15, 500))
    galaxies = populate_haloes(haloes, full, 1)
    assert len(galaxies) == len(haloes)
    assert measure_points(galaxies, 0.1) == measure_points(haloes.sorted_by_mass(), 0.1)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda group: group["x"].attrs.__setitem__("unit", "Mpc/h"), "column x has the unit Mpc/h; Mpc is needed"),
        (lambda group: group["vx"].__setitem__(0, 1e30), r"column vx = 1.*e\+30 in 1 of"),
        (lambda group: group["halo"].__setitem__(0, -5), "column halo = -5 in 1 of"),
        (lambda group: group["halo_mass"].__setitem__(0, -1), "column halo_mass = -1 in 1 of"),
        (lambda group: group["central"].__setitem__(0, 7), "column central = 7 in 1 of"),
    ],
)
def test_galaxies_of_other_units_or_impossible_values_are_refused(tmp_path, damage, words):
    path = tmp_path / "galaxies.h5"
    write_galaxies(path, populate_haloes(haloes_of(np.full(100, 1e14)), SETTINGS, 1))
    with h5py.File(path, "a") as file:
        damage(file["galaxies"])
    with pytest.raises(StorageError, match=words):
        read_galaxies(path)


@pytest.mark.parametrize("seed", [-1, 1.5, 2**64, None, np.nan, "one", True])
def test_what_is_no_seed_is_refused_in_python_too(seed):
    with pytest.raises(ValueError, match="seed: "):
        populate_haloes(haloes_of(np.full(3, 1e14)), SETTINGS, seed)


def test_settings_may_be_a_dictionary_whose_keys_are_checked():
    haloes, values = haloes_of(np.full(50, 1e14)), SETTINGS.model_dump()
    one, other = halonet.populate(haloes, values), halonet.populate(haloes, SETTINGS)
    np.testing.assert_array_equal(one["x"], other["x"])
    with pytest.raises(SettingsError, match="OccupationSettings: slop = 1: there is no such key"):
        halonet.populate(haloes, {"slop": 1})


@pytest.mark.parametrize("largest", [-1.0, 0.0, np.inf, np.nan])
def test_a_wavenumber_that_is_none_is_refused(largest):
    with pytest.raises(ValueError, match=r"largest_k.*: .* a number in 1/Mpc above 0"):
        halonet.power_spectrum(haloes_of(np.full(50, 1e14)), largest)
    with pytest.raises(ValueError, match=r"largest_k.*: .* a number in 1/Mpc above 0"):
        measure_points(haloes_of(np.full(50, 1e14)), largest)


def test_more_satellites_than_can_be_drawn_are_refused_by_the_settings_that_ask_for_them():
    settings = OccupationSettings(log_satellite_mass=5.5, slope=4.9)
    with pytest.raises(StorageError, match=r"log_satellite_mass = 5.5 and slope = 4.9 give .* satellites; at most 1e"):
        populate_haloes(haloes_of(np.full(100, 1e14)), settings, 1)


@pytest.mark.filterwarnings("error")
def test_a_step_without_width_is_a_step():
    settings = OccupationSettings(log_minimum_mass=13.0, mass_scatter=5e-324)
    assert mean_centrals(np.array([1e12, 1e14]), settings).tolist() == [0, 1]


def test_haloes_without_velocities_are_refused():
    haloes = haloes_of(np.full(10, 1e13))
    del haloes.columns["vx"]
    with pytest.raises(StorageError, match="columns vx are missing from the haloes; galaxies need them"):
        populate_haloes(haloes, SETTINGS, 1)


def test_mean_numbers_are_those_of_halotools():
    try:
        from halotools import empirical_models as models
    except (ImportError, ValueError) as error:  # its wheels of 0.8 are of numpy 1
        pytest.skip(f"halotools cannot be loaded: {error}")
    satellites = models.Zheng07Sats(threshold=-21, modulate_with_cenocc=True)
    centrals = models.Zheng07Cens(threshold=-21)
    mass, h = np.geomspace(5e11, 1e15, 50), 0.7
    own = OccupationSettings(
        log_minimum_mass=centrals.param_dict["logMmin"] - np.log10(h),
        mass_scatter=centrals.param_dict["sigma_logM"],
        log_cutoff_mass=satellites.param_dict["logM0"] - np.log10(h),
        log_satellite_mass=satellites.param_dict["logM1"] - np.log10(h),
        slope=satellites.param_dict["alpha"],
    )
    np.testing.assert_allclose(mean_centrals(mass, own), centrals.mean_occupation(prim_haloprop=mass * h), rtol=1e-6)
    np.testing.assert_allclose(
        mean_satellites(mass, own), satellites.mean_occupation(prim_haloprop=mass * h), rtol=1e-6
    )
