"""Light cones as a user makes them: the sky's columns, files, other codes' formats, numbers in shells."""

import json
import re

import h5py
import numpy as np
import pytest
from scipy import integrate

import halonet
from halonet.command.light_cone import settings_of
from halonet.command.main import parse
from halonet.cosmology import hubble_rate, write_power_spectrum
from halonet.export.formats import ExportError
from halonet.export.light_cones import export_light_cone
from halonet.export.units import lagrangian_radius
from halonet.figures.light_cone import draw_light_cone
from halonet.kept_spectra import kept_power_spectrum
from halonet.light_cones.shells import measure_shells
from halonet.mocks.by_peak_patch import collapse_table
from halonet.peak_patch.collapse import write_collapse_table
from halonet.settings import CosmologySettings, LightConeSettings, SettingsError
from halonet.storage import StorageError

RANGE, OBSERVER = (0.0, 0.03), (20.5, 3.25, 31.0)
LIGHT = 299_792.458


@pytest.fixture(scope="module")
def sky():
    return halonet.make_light_cone(seed=7, cells=32, redshift_range=RANGE, observer=OBSERVER)


@pytest.fixture
def stored(sky, tmp_path):
    halonet.write_light_cone(tmp_path / "sky.h5", sky)
    return tmp_path / "sky.h5"


def test_distances_and_redshifts_are_those_of_a_direct_computation(sky):
    cosmology, rows = CosmologySettings(), slice(0, None, 40)
    assert len(sky["redshift"][rows]) > 20
    for z, distance in zip(sky["redshift"][rows], sky["distance"][rows], strict=True):
        path = integrate.quad(lambda x: LIGHT / hubble_rate(cosmology, x), 0, z)[0]
        assert distance == pytest.approx(path, rel=1e-7)
    positions, velocities = sky.positions(), sky.positions(("vx", "vy", "vz"))
    np.testing.assert_allclose(np.sqrt((positions**2).sum(axis=1)), sky["distance"], rtol=1e-6)
    along = (positions / sky["distance"][:, None] * velocities).sum(axis=1)
    assert 50 < along.std() < 600
    observed = (1 + sky["redshift"]) * (1 + along / LIGHT) - 1
    np.testing.assert_allclose(sky["observed_redshift"], observed, atol=1e-8)


def test_right_ascension_and_declination_point_to_the_halo(sky):
    ra, dec = np.radians(sky["ra"]), np.radians(sky["dec"])
    towards = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)
    np.testing.assert_allclose(towards * sky["distance"][:, None], sky.positions(), atol=1e-4)
    assert 0 <= sky["ra"].min() < sky["ra"].max() <= 90


def test_an_observer_one_box_farther_sees_the_same_bits(sky):
    moved = tuple(coordinate + boxes * 32.0 for coordinate, boxes in zip(OBSERVER, (1, -2, 3), strict=True))
    again = halonet.make_light_cone(seed=7, cells=32, redshift_range=RANGE, observer=moved)
    for name, values in sky.columns.items():
        np.testing.assert_array_equal(again[name], values)


def test_images_of_a_halo_differ_by_whole_boxes_and_are_older_the_farther_they_are(sky):
    places = np.mod(sky.positions(("qx", "qy", "qz")) + OBSERVER, 32.0)
    _, halo, images = np.unique(np.round(places, 3), axis=0, return_inverse=True, return_counts=True)
    assert images.max() > 5
    assert np.abs(places - np.floor(places) - 0.5).max() < 1e-3  # centres of cells
    near, far = sky["redshift"] < 0.015, sky["redshift"] > 0.025
    assert np.median(sky["mass"][far]) <= np.median(sky["mass"][near]) * 1.05
    assert len(halo) == len(sky)


def test_a_light_cone_is_read_as_it_was_written_and_a_box_is_no_light_cone(sky, stored, tmp_path):
    read = halonet.read_light_cone(stored)
    assert (read.settings, read.header, read.notes) == (sky.settings, sky.header, sky.notes)
    assert sky.columns.keys() == read.columns.keys()
    for name, values in sky.columns.items():
        np.testing.assert_array_equal(read[name], values)
    assert (np.diff(read["distance"]) >= 0).all()
    halonet.write_catalogue(tmp_path / "box.h5", halonet.make_mock(seed=7, cells=32))
    with pytest.raises(StorageError, match="no light cone"):
        halonet.read_light_cone(tmp_path / "box.h5")
    with h5py.File(stored, "a") as file:
        file["haloes/ra"].attrs["unit"] = "rad"
    with pytest.raises(StorageError, match="column ra has the unit rad; deg is needed"):
        halonet.read_light_cone(stored)


def test_the_formats_of_websky_and_xgpaint_hold_what_their_readers_take(sky, stored):
    path = export_light_cone(stored, "websky")
    count, largest, redshift = np.fromfile(path, "<i4", 1)[0], *np.fromfile(path, "<f4", 2, offset=4)
    rows = np.fromfile(path, "<f4", offset=12).reshape(count, 10)
    assert (count, redshift) == (len(sky), -1)
    assert largest == rows[:, 6].max()
    np.testing.assert_array_equal(rows[:, :3], sky.positions().astype("f4"))
    np.testing.assert_array_equal(rows[:, 3:6], sky.positions(("vx", "vy", "vz")).astype("f4"))
    mass = 4 / 3 * np.pi * rows[:, 6].astype(float) ** 3 * 2.775e11 * 0.25 * 0.7**2  # as readers of WebSky have it
    np.testing.assert_allclose(mass, sky["mass"], rtol=1e-6)
    np.testing.assert_allclose(rows[:, 6], lagrangian_radius(sky["mass"], CosmologySettings()), rtol=1e-6)
    with h5py.File(export_light_cone(stored, "xgpaint")) as file:
        np.testing.assert_array_equal(file["halos"][:, :3], sky.positions().astype("f4"))
        np.testing.assert_array_equal(file["halos"][:, 3], sky["mass"].astype("f4"))
    with pytest.raises(ExportError, match="no format 'halotools' of light cones; there are websky, xgpaint, fits"):
        export_light_cone(stored, "halotools")


def test_a_fits_table_holds_every_column_with_its_unit_and_the_observer(sky, stored):
    fits = pytest.importorskip("astropy.io.fits")
    with fits.open(export_light_cone(stored, "fits")) as file:
        table = file["HALOES"]
        for name, values in sky.columns.items():
            np.testing.assert_array_equal(table.data[name], values)
        np.testing.assert_array_equal(table.data["RA"], sky["ra"])
        assert table.columns["dec"].unit == "deg"
        assert json.loads(table.header["LTCONE"])["observer"] == list(OBSERVER)


def test_shells_hold_all_heavy_haloes_and_the_volume_of_the_cone(sky):
    spectrum = kept_power_spectrum(CosmologySettings())
    shells = measure_shells(sky, spectrum, 3)
    farthest = integrate.quad(lambda x: LIGHT / hubble_rate(CosmologySettings(), x), 0, RANGE[1])[0]
    assert sum(shells["volumes"]) == pytest.approx(np.pi / 6 * farthest**3, rel=1e-6)
    heavy = sky["mass"] >= shells["masses"][0]
    assert sum(shells["counts"][0]) == heavy.sum() > 300
    assert 0.7 < sum(shells["counts"][0]) / sum(shells["tinker_2008"][0]) < 1.3
    drawing = draw_light_cone(sky, shells)
    assert "redshift 0 to 0.03" in drawing.caption


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "magic"}, "method = 'magic'; there are peak_patch"),
        ({"cosmology": CosmologySettings(redshift=1.0)}, r"cosmology.redshift = 1; .* leave the redshift out"),
        ({"abundance_matching": True}, "abundance_matching is for boxes"),
        ({"network": "cosmologies"}, "network = cosmologies is for the method 'network'; this light cone is made by"),
        ({"keep": {"mask": "mask.h5"}}, "keep_mask: a light cone has no one mask"),
        ({"keep": {"probability": "p.h5"}}, "keep_probability: a light cone has no one probability"),
        ({"scratch": "."}, r"scratch = \.: a light cone keeps its fields in memory"),
        ({"redshift_range": (0.2, 0.1)}, "must ascend"),
        ({"margin_mpc": 1.0}, "margin_mpc = 1: .* give a larger margin"),
    ],
)
def test_what_a_light_cone_cannot_be_is_refused_by_name(options, message):
    with pytest.raises(SettingsError, match=message):
        halonet.make_light_cone(**{"seed": 7, "cells": 32, "redshift_range": RANGE} | options)


def test_phases_of_ones_own_take_the_place_of_the_seed(sky):
    again = halonet.make_light_cone(phases=halonet.draw_phases(7, 32), redshift_range=RANGE, observer=OBSERVER)
    assert all((again[name] == sky[name]).all() for name in sky.columns)


def test_options_of_the_command_lie_over_its_settings():
    words = "lightcone --seed 1 -o sky.h5 --redshifts 0.1 0.2 --observer 1 2 3 --light-cone"
    given = settings_of(parse([*words.split(), '{"opening": "hemisphere", "redshift_range": [0.0, 0.9]}']))
    expected = {"opening": "hemisphere", "redshift_range": [0.1, 0.2], "observer": [1.0, 2.0, 3.0]}
    assert given == LightConeSettings(**expected)


def test_one_and_two_ranks_write_the_same_bytes(run_script, tmp_path):
    write_collapse_table(tmp_path / "table.h5", collapse_table(CosmologySettings(), "published"), {})
    write_power_spectrum(tmp_path / "power.csv", *kept_power_spectrum(CosmologySettings()))
    files = ("--collapse-table", tmp_path / "table.h5", "--power-spectrum", tmp_path / "power.csv")
    common = ("--seed", 7, "--cells", 32, "--redshifts", 0, 0.02, "--threads", 1, *files)
    for ranks in (1, 2):
        run_script("make_light_cone", *common, "--ranks", ranks, "--output", tmp_path / f"{ranks}.h5", ranks=ranks)
    assert (tmp_path / "1.h5").read_bytes() == (tmp_path / "2.h5").read_bytes()
    record = json.loads(h5py.File(tmp_path / "1.h5").attrs["provenance"])
    assert re.search("light_cone", json.dumps(record))
