"""Masses by other definitions against colossus's own conversion and the NFW profile itself."""

from dataclasses import replace

import numpy as np
import pytest
from colossus.cosmology import cosmology as colossus
from colossus.halo import mass_adv, mass_so

from halonet.catalogue import HaloCatalogue, read_catalogue, write_catalogue
from halonet.cosmology import mean_matter_density
from halonet.masses import DEFINITIONS, TAKEN_AS, mass_table, radius_of, requested_masses, threshold, with_masses
from halonet.settings import CosmologySettings, SettingsError
from halonet.storage import FieldHeader

PAPER = CosmologySettings()
EARLY = CosmologySettings(redshift=1.0)
MASSES = np.array([3e11, 2e12, 1e13, 1.7e14, 9e14])


@pytest.fixture
def reference():
    parameters = {"flat": True, "H0": 70.0, "Om0": 0.25, "Ob0": 0.043, "sigma8": 0.8, "ns": 0.96, "relspecies": False}
    return colossus.setCosmology("paper of the test", persistence="", **parameters)


def catalogue(cosmology=PAPER, masses=MASSES, **columns):
    names = ("qx", "qy", "qz", "x", "y", "z", "radius", "cells")
    held = {name: np.ones(len(masses), "f4") for name in names} | {"mass": np.array(masses)} | columns
    return HaloCatalogue(held, FieldHeader(64.0, cosmology.redshift, cosmology.model_dump()), 64)


@pytest.mark.parametrize("cosmology", [PAPER, EARLY], ids=["today", "redshift 1"])
@pytest.mark.parametrize("definition", ["200c", "500c", "vir"])
def test_masses_and_radii_are_those_of_the_conversion_of_colossus(reference, cosmology, definition):
    redshift = cosmology.redshift
    masses, radii, _ = mass_adv.changeMassDefinitionCModel(MASSES * 0.7, redshift, "200m", definition)
    found = with_masses(catalogue(cosmology), [definition])
    mass, radius = DEFINITIONS[definition]
    np.testing.assert_allclose(found[mass], masses / 0.7, rtol=2e-4)
    np.testing.assert_allclose(found[radius], radii / 0.7e3 * (1 + redshift), rtol=2e-4)  # colossus: physical kpc/h


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_a_definitions_radius_is_that_of_colossus_at_every_redshift(reference, definition):
    for redshift in (0.0, 0.5, 2.0):
        comoving = mass_so.M_to_R(MASSES * 0.7, redshift, definition) * (1 + redshift) / 0.7e3
        found = radius_of(MASSES, definition, CosmologySettings(redshift=redshift))
        np.testing.assert_allclose(found, comoving, rtol=1e-3)


def enclosed(radius, scale, mass, at):
    """Mass of an NFW profile within ``at``, by the formula of Navarro, Frenk & White."""

    def within(x):
        return np.log(1 + x) - x / (1 + x)

    return mass * within(at / scale) / within(radius / scale)


def test_masses_lie_on_one_nfw_profile_and_enclose_the_density_of_their_definition():
    found = with_masses(catalogue(), list(DEFINITIONS))
    scale = found["scale_radius"].astype(float)
    for name, (mass, radius) in DEFINITIONS.items():
        at = found[radius].astype(float)
        np.testing.assert_allclose(enclosed(found["r200m"], scale, found["m200m"], at), found[mass], rtol=2e-5)
        np.testing.assert_allclose(found[mass] / (4 / 3 * np.pi * at**3), threshold(name, PAPER), rtol=2e-6)
    assert (found["m500c"] < found["m200c"]).all()
    assert (found["m200c"] < found["mvir"]).all()
    assert (found["mvir"] < found["m200m"]).all()


def test_the_surface_of_friends_of_friends_has_the_density_of_percolation():
    table = mass_table(PAPER)
    whole = table.masses["200m"]
    concentration = radius_of(whole, "200m", PAPER) / table.scale_radii
    low, high = np.full(len(whole), 1e-3), np.full(len(whole), 1e3)  # where the profile encloses that mass
    for _ in range(80):
        middle = np.sqrt(low * high)
        inside = enclosed(concentration, 1, whole, middle) < table.masses["fof"]
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    step = 1e-4
    shell = enclosed(concentration, 1, whole, low * (1 + step)) - enclosed(concentration, 1, whole, low * (1 - step))
    density = shell / (4 * np.pi * (low * table.scale_radii) ** 3 * 2 * step)
    np.testing.assert_allclose(density / mean_matter_density(PAPER), 81.62, rtol=1e-4)


@pytest.mark.parametrize("taken_as", TAKEN_AS)
def test_a_conversion_and_its_reverse_give_the_mass_back(taken_as):
    table = mass_table(PAPER)
    there = table.convert(MASSES, taken_as, "200c")
    np.testing.assert_allclose(table.convert(there, "200c", taken_as), MASSES, rtol=1e-5)


def test_the_mass_that_is_taken_for_a_definition_is_its_column_bit_for_bit():
    np.testing.assert_array_equal(with_masses(catalogue(), ["vir"], "vir")["mvir"], MASSES)


def test_a_halos_numbers_do_not_depend_on_the_others_of_its_catalogue():
    alone, all_of_them = (with_masses(catalogue(masses=each), ["200c"])["m200c"] for each in (MASSES[2:3], MASSES))
    assert alone[0] == all_of_them[2]


def test_what_a_simulation_measured_stays_and_what_was_converted_is_converted_anew():
    measured = with_masses(catalogue(m200c=0.5 * MASSES), ["200c", "vir"])
    np.testing.assert_array_equal(measured["m200c"], 0.5 * MASSES)
    np.testing.assert_allclose(measured["r200c"], radius_of(0.5 * MASSES, "200c", PAPER), rtol=1e-6)
    assert measured.notes["masses"]["converted"] == ["mvir"]
    noted = replace(catalogue(), notes={"masses": "those of my own code"})
    assert (requested_masses(noted), with_masses(noted, ["vir"]).notes["masses"]["converted"]) == ([], ["mvir"])
    again = with_masses(with_masses(catalogue(), ["200c"]), ["200c"], "vir")
    np.testing.assert_array_equal(again["m200c"], with_masses(catalogue(), ["200c"], "vir")["m200c"])


def test_what_was_assumed_stands_in_the_file(tmp_path, caplog):
    write_catalogue(tmp_path / "m.h5", with_masses(catalogue(), ["vir", "200c"], "fof", "duffy08"))
    read = read_catalogue(tmp_path / "m.h5")
    for held in (read.notes["masses"], read.header.provenance["masses"]):
        assert (held["taken_as"], held["concentration"], held["profile"]) == ("fof", "duffy08", "nfw")
        assert held["columns"] == ["m200c", "r200c", "mvir", "rvir", "scale_radius"]
    assert "taken for that within fof" in caplog.text


def test_a_catalogue_without_haloes_gets_its_columns():
    empty = with_masses(catalogue(masses=MASSES[:0]), ["200c"])
    assert empty["m200c"].shape == empty["r200c"].shape == (0,)


@pytest.mark.parametrize(
    ("haloes", "arguments", "words"),
    [
        (catalogue(), (["200x"],), "masses = '200x'; there are 200m, 200c, 500c, vir"),
        (catalogue(), ([],), "masses name no definition"),
        (catalogue(), (["200c"], "FoF"), "mass_is = 'FoF'; there are .* fof"),
        (catalogue(), (["200c"], "200m", "dutton"), "concentration = 'dutton'; there are diemer19"),
        (catalogue(masses=[1e5, 1e13]), (["200c"],), r"masses of 1e\+05 to 1e\+13 Msun; .* known from 1e\+06"),
        (catalogue(masses=[1e10]), (["200c"], "200m", "duffy08"), "known from 1.*e.11 to"),
        (
            catalogue(EARLY.model_copy(update={"redshift": 6.0})),
            (["vir"], "200m", "duffy08"),
            "not known at redshift 6",
        ),
        (replace(catalogue(), header=FieldHeader(64.0, 0.0)), (["vir"],), "need h, omega_b, omega_cdm of its cosmol"),
        (replace(catalogue(), header=FieldHeader(64.0, None, PAPER.model_dump())), (["vir"],), "need its redshift"),
    ],
)
def test_what_cannot_be_converted_is_refused_with_its_reason(haloes, arguments, words):
    with pytest.raises(SettingsError, match=words):
        with_masses(haloes, *arguments)
