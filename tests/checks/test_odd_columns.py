"""Columns of a catalogue file that do not fit one another, or its box, are not taken without a word."""

import re
from dataclasses import replace

import h5py
import numpy as np
import pytest

import halonet
from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY
from halonet.column_files import ENOUGH
from halonet.grid.slabs import Slabs
from halonet.peak_patch.mask import halo_mask


@pytest.fixture(scope="module")
def mock():
    return halonet.make_mock(seed=7, cells=64)


@pytest.fixture
def said(tmp_path, caplog):
    """What is assumed of a catalogue when it is read, which is written and has some attributes replaced then."""

    def read(catalogue, **attributes):
        halonet.write_catalogue(tmp_path / "own.h5", catalogue)
        with h5py.File(tmp_path / "own.h5", "r+") as file:
            file.attrs.update(attributes)
        caplog.clear()
        halonet.read_catalogue(tmp_path / "own.h5")
        return caplog.text

    return read


def times(mock, factor, *names):
    return replace(mock, columns=mock.columns | {name: mock[name] * np.float32(factor) for name in names})


def test_catalogues_of_every_method_fit_themselves(mock, said):
    assert not said(mock)
    assert not said(halonet.make_mock(seed=7, cells=48, method="n_body"))
    assert not said(halonet.make_mock(seed=7, cells=64, abundance_matching=True))


@pytest.mark.parametrize(
    ("factor", "names", "words"),
    [
        (0.7, ["radius"], "cells is 2.92 times what the radii give in a box of 64 Mpc with 64 cells"),
        (200 ** (-1 / 3), ["radius"], "cells is 200 times what the radii give"),
        (8.0, ["cells"], "cells is 8 times what the radii give"),
        (0.7, ["mass"], "mass is 0.7 times what the radii give"),
        (10, ["vx", "vy", "vz"], r"the median speed is .* km/s, but the distances .* give .* km/s"),
        (0.7, ["vx", "vy", "vz"], "the median speed is .* km/s, but the distances"),
        (0.7, ["qx", "qy", "qz"], "its 305 haloes reach over 0.6.* of the side of a box of 64 Mpc"),
    ],
)
def test_columns_in_other_units_are_said(mock, said, factor, names, words):
    assert re.search(rf"assumed: .*own.h5: {words}", said(times(mock, factor, *names)))


@pytest.mark.parametrize(
    "change",
    [
        lambda h: {name: -h[name] for name in VELOCITY},
        lambda h: {name: h[name][::-1] for name in VELOCITY},
        lambda h: {"vx": h["vy"], "vy": h["vz"], "vz": h["vx"]},
        lambda h: {x: h[q] for x, q in zip((*EULERIAN, *LAGRANGIAN), (*LAGRANGIAN, *EULERIAN), strict=True)},
        lambda h: {x: h[q] for x, q in zip(EULERIAN, LAGRANGIAN, strict=True)},
    ],
    ids=["against", "rows", "axes", "exchanged positions", "copied positions"],
)
def test_velocities_that_do_not_lead_from_lagrangian_to_eulerian_positions_are_said(mock, said, change):
    text = said(replace(mock, columns=mock.columns | change(mock)))
    assert re.search("own.h5: velocities do not point from|own.h5: the median speed is", text)


def test_tiles_and_small_samples_fit_themselves_and_other_units_of_a_tile_are_said(mock, said):
    tile = halonet.make_mock(universe=3, cells=96, tile=(0, 0, 1), of=8)
    assert len(tile) >= ENOUGH  # so many that in a whole box they would reach farther
    assert not said(tile)
    assert "cells is 2.92 times what the radii give" in said(times(tile, 0.7, "radius"))
    for seed in range(5):
        rows = np.random.default_rng(seed).permutation(len(mock))[:20]
        assert not said(mock.select(np.sort(rows)))


def test_a_few_haloes_of_spheres_that_a_network_has_found_fit_themselves(said):
    found = halonet.make_mock(seed=3, cells=48, method="network", network="cosmologies", cosmology={"redshift": 2.0})
    assert "peak_threshold" in found.columns
    assert not said(found)


def test_marks_in_place_of_velocities_are_said(mock, said):
    speeds = mock["vx"].copy()
    speeds[3] = -99999
    marked = replace(mock, columns=mock.columns | {"vx": speeds})
    assert "own.h5: 1 of 305 haloes are faster than 20 times the median, up to 1e+05 km/s" in said(marked)


def test_a_header_that_replaces_another_in_memory_is_held_against_the_columns(mock, caplog):
    halonet.power_spectrum(mock)
    assert not caplog.text
    halonet.power_spectrum(replace(mock, header=replace(mock.header, box_size_mpc=128.0)))
    assert "times what the radii give in a box of 128 Mpc with 64 cells" in caplog.text
    assert "its 305 haloes reach over 0.4" in caplog.text


@pytest.mark.parametrize("attributes", [{"box_size_mpc": 65.0}, {"box_size_mpc": 64 / 0.7}, {"grid_cells": 62}])
def test_a_box_or_grid_of_another_size_is_said(mock, said, attributes):
    assert "times what the radii give" in said(mock, **attributes)


@pytest.fixture(scope="module")
def of_the_papers_finder(mock):
    """Haloes of the paper's finder, whose radii are those of their outermost cells: small ones hold 1.2 spheres."""
    probability = 0.9999 * halo_mask(mock, Slabs(64)) + 1e-5
    settings = halonet.HaloFindingSettings(minimum_cells=1)
    return halonet.find_haloes(probability.astype(np.float32), box_size_mpc=64.0, settings=settings)


def test_catalogues_of_the_papers_finder_fit_themselves_down_to_haloes_of_one_cell(of_the_papers_finder, said):
    assert "peak_threshold" in of_the_papers_finder.columns
    assert of_the_papers_finder["radius"].min() == 0
    assert not said(of_the_papers_finder)


@pytest.mark.parametrize("factor", [0.7, 200 ** (-1 / 3)])
def test_radii_of_the_papers_finder_in_other_units_are_said(of_the_papers_finder, said, factor):
    large = of_the_papers_finder.larger_than(27)
    assert re.search("assumed: .*own.h5: cells is .* times what the radii give", said(times(large, factor, "radius")))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rows", [slice(3, 9), slice(None)], ids=["some", "all"])
def test_radii_of_nothing_are_said_in_one_line_and_leave_the_others_to_be_compared(mock, said, rows):
    radii = mock["radius"].copy()
    radii[rows] = 0
    lines = said(replace(mock, columns=mock.columns | {"radius": radii})).strip().splitlines()
    assert len(lines) == 1
    assert f"own.h5: radius = 0 in {int((radii == 0).sum())} of {len(mock)} haloes" in lines[0]
