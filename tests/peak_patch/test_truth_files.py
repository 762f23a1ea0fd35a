"""A user's own truth: what the pipeline makes comes back as it was, spheres are enough, and bad files are refused."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest

from halonet.catalogue import EULERIAN, LAGRANGIAN, read_catalogue, write_catalogue
from halonet.cosmology import mean_matter_density
from halonet.grid.slabs import Slabs
from halonet.locks import exclusive, lock_of
from halonet.peak_patch.finder import find_haloes
from halonet.peak_patch.mask import halo_mask
from halonet.settings import CosmologySettings
from halonet.storage import FieldHeader, read_field, read_header, write_field
from halonet.truth_files import Box, read_own_density, read_own_haloes, read_own_mask

ROOT = Path(__file__).parents[2]
CELLS, SIDE = 48, 48.0
BOX = Box(CELLS, SIDE, CosmologySettings())
SCRIPT = "import_ground_truth"


@pytest.fixture(scope="module")
def haloes(small_box, small_settings, cosmology, table):
    return find_haloes(small_box, Slabs(CELLS), 1.0, cosmology, small_settings, table)


@pytest.fixture(scope="module")
def made(tmp_path_factory, small_box, haloes):
    """Density, haloes and mask as the pipeline makes them, and the bare spheres in another order as a user would."""
    folder = tmp_path_factory.mktemp("made")
    header = FieldHeader(SIDE, 0.0, CosmologySettings().model_dump(), 5, {"stage": "test"})
    write_field(folder / "density.h5", "density", small_box, header)
    write_field(folder / "mask.h5", "mask", halo_mask(haloes, Slabs(CELLS)), header)
    write_catalogue(folder / "haloes.h5", haloes)
    with h5py.File(folder / "spheres.h5", "w") as file:
        file.attrs["box_size_mpc"] = SIDE
        for name in (*LAGRANGIAN, "radius"):
            file[f"haloes/{name}"] = haloes[name][::-1].astype(float)
    return folder


def bring(run_script, made, out, check=True, **sources):
    given = [part for name, file in sources.items() for part in (f"--from-{name}", made / file)]
    catalogue = ["--haloes", out / "haloes.h5"] if "haloes" in sources else []
    written = ["--density", out / "density.h5", "--mask", out / "mask.h5", *catalogue]
    return run_script(SCRIPT, "--from-density", made / "density.h5", *given, *written, check=check)


@pytest.mark.parametrize("mask", [{}, {"mask": "mask.h5"}], ids=["union of the spheres", "its own mask"])
def test_the_pipelines_own_files_come_back_as_they_were(run_script, made, tmp_path, haloes, mask):
    bring(run_script, made, tmp_path, haloes="haloes.h5", **mask)
    for name in ("density", "mask"):
        np.testing.assert_array_equal(*(read_field(folder / f"{name}.h5", name) for folder in (made, tmp_path)))
    taken = read_catalogue(tmp_path / "haloes.h5")
    assert set(taken.columns) == set(haloes.columns)
    for name, values in haloes.columns.items():
        np.testing.assert_array_equal(taken[name], values)
    header = read_header(tmp_path / "mask.h5")
    assert (header.seed, header.redshift, header.box_size_mpc) == (5, 0.0, SIDE)
    assert header.provenance["settings"]["files"]["density"]["provenance"] == {"stage": "test"}


@pytest.mark.parametrize("name", [SCRIPT, "find_peak_patch_haloes"])
def test_a_second_process_of_the_same_haloes_and_mask_waits_for_the_first_to_end(name, made, tmp_path):
    """Or the mask of one would stand beside the haloes of the other."""
    haloes, mask = tmp_path / "haloes.h5", tmp_path / "mask.h5"
    options = ["--haloes", haloes, "--mask", mask]
    if name == SCRIPT:
        options += ["--from-density", made / "density.h5", "--from-haloes", made / "haloes.h5"]
        options += ["--density", tmp_path / "density.h5"]
    else:
        options += ["--density", made / "density.h5", "--settings", '{"filters": {"largest_mpc": 12.0}}']
    command = [sys.executable, ROOT / "workflow_scripts" / f"{name}.py", *options]
    with exclusive(lock_of(mask)):
        process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
        assert any("another process is at work" in line for line in process.stderr)
        assert not haloes.exists()
    process.communicate()
    assert process.returncode == 0
    assert haloes.exists()
    assert mask.exists()
    assert not list(tmp_path.glob(".*.lock"))


def test_spheres_alone_give_mask_masses_and_eulerian_positions(run_script, made, tmp_path, haloes, cosmology):
    process = bring(run_script, made, tmp_path, haloes="spheres.h5")
    taken = read_catalogue(tmp_path / "haloes.h5")
    np.testing.assert_array_equal(taken["radius"], haloes["radius"])
    volume = 4 / 3 * np.pi * haloes["radius"].astype(float) ** 3
    np.testing.assert_allclose(taken["mass"], mean_matter_density(cosmology) * volume, rtol=1e-6)
    np.testing.assert_allclose(taken["cells"], volume, rtol=1e-6)
    np.testing.assert_array_equal(read_field(tmp_path / "mask.h5", "mask"), union(haloes))
    # Peak Patch moves a halo by the mean within its radius before overlaps were shared out, the import by that after.
    apart = (taken.positions(EULERIAN) - haloes.positions(EULERIAN) + SIDE / 2) % SIDE - SIDE / 2
    moved = (haloes.positions(EULERIAN) - haloes.positions() + SIDE / 2) % SIDE - SIDE / 2
    assert np.sqrt((apart**2).mean()) < 0.1 * np.sqrt((moved**2).mean())
    assert np.corrcoef(taken["vx"], haloes["vx"])[0, 1] > 0.99
    with h5py.File(tmp_path / "haloes.h5") as file:
        absent = json.loads(file.attrs["notes"])["absent_columns"]
    assert "overdensity" in absent
    assert "columns that are absent: raw_radius, overdensity" in process.stderr


def union(haloes):
    """Mask by distance of every cell centre to every halo."""
    centres = np.stack(np.meshgrid(*[np.arange(CELLS) + 0.5] * 3, indexing="ij"), axis=-1)
    mask = np.zeros(centres.shape[:3], np.uint8)
    for centre, radius in zip(haloes.positions(), haloes["radius"].astype(float), strict=True):
        apart = (centres - centre + SIDE / 2) % SIDE - SIDE / 2
        mask |= (apart**2).sum(axis=-1) < radius**2
    return mask


def test_eulerian_positions_of_the_user_are_kept(run_script, made, tmp_path):
    """Those of an N-body run are better than 2LPT; velocities that he does not have are computed."""
    with h5py.File(made / "spheres.h5") as source, h5py.File(made / "moved.h5", "w") as file:
        file.attrs["box_size_mpc"] = SIDE
        source.copy("haloes", file)
        for axis in EULERIAN:
            file[f"haloes/{axis}"] = np.linspace(1, 7, len(file["haloes/qx"]))
    bring(run_script, made, tmp_path, haloes="moved.h5")
    taken = read_catalogue(tmp_path / "haloes.h5")
    assert sorted(taken["x"]) == pytest.approx(np.linspace(1, 7, len(taken)))
    assert taken["vx"].std() > 10


def test_of_a_mask_alone_there_is_a_mask_and_its_overlap_but_no_catalogue(run_script, made, tmp_path):
    bring(run_script, made, tmp_path, mask="mask.h5")
    assert {path.name for path in tmp_path.iterdir()} == {"density.h5", "mask.h5"}
    mask = read_field(tmp_path / "mask.h5", "mask")
    np.testing.assert_array_equal(mask, read_field(made / "mask.h5", "mask"))
    write_field(tmp_path / "probability.h5", "probability", mask.astype(np.float32), FieldHeader(SIDE))
    compared = ("--true-mask", tmp_path / "mask.h5", "--probability", tmp_path / "probability.h5")
    run_script("measure_statistics", *compared, "--statistics", tmp_path / "000.json")
    summary = ("--summary", tmp_path / "summary.json")
    run_script("summarise_statistics", "--statistics", tmp_path / "000.json", *summary)
    values = json.loads((tmp_path / "summary.json").read_text())
    assert values["overlap"]["dice"]["mean"] == pytest.approx(1, abs=1e-6)
    assert values["truth"] == "mask"
    assert "matching" not in values


def test_files_that_do_not_belong_together_are_noticed(run_script, made, tmp_path):
    """Axes in another order are the usual mistake; no check of shapes can see it."""
    mask = read_field(made / "mask.h5", "mask")
    write_field(made / "turned.h5", "mask", mask[::-1].transpose(2, 0, 1), FieldHeader(SIDE))
    refused = bring(run_script, made, tmp_path, mask="turned.h5", check=False)
    assert refused.returncode == 2
    assert "denser than the others by" in refused.stderr
    assert "in the order [x, y, z]" in refused.stderr
    assert not (tmp_path / "mask.h5").exists()


def test_a_bad_file_is_one_clear_line_and_writes_nothing(run_script, made, tmp_path):
    process = bring(run_script, made, tmp_path / "out", haloes="density.h5", check=False)
    assert process.returncode == 2
    assert process.stderr.endswith("density.h5: no group 'haloes'; it holds density\n")
    assert not (tmp_path / "out").exists()


def write_density(path, values=None, cells=CELLS, **attributes):
    with h5py.File(path, "w") as file:
        file["density"] = np.zeros((cells,) * 3) if values is None else values
        file.attrs.update({"box_size_mpc": SIDE} | attributes)


def with_nan():
    values = np.zeros((CELLS,) * 3)
    values[3, 4, 5] = np.nan
    return values


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"cells": 32}, ["32 cells", "the box has 48", "boxes.cells"]),
        ({"values": np.zeros((48, 48, 24))}, ["(48, 48, 24)", "a cube"]),
        ({"values": with_nan()}, ["density has values that are not finite", "plane 3"]),
        ({"box_size_mpc": 33.6}, ["box_size_mpc = 33.6", "48.0", "without h"]),
        ({"redshift": 1.0}, ["redshift = 1.0", "cosmology.redshift of the run is 0.0"]),
        ({"cosmology": '{"h": 0.68}'}, ["h = 0.68", "cosmology.h of the run is 0.7"]),
    ],
)
def test_a_density_that_does_not_fit_is_refused(tmp_path, keys, words):
    path = tmp_path / "density.h5"
    write_density(path, **keys)
    assert_refused(read_own_density, path, words)


def assert_refused(read, path, words):
    with pytest.raises(ValueError, match=path.name) as error:
        read(path, BOX)
    for word in words:
        assert word in str(error.value)


def test_a_file_without_box_size_is_refused(tmp_path):
    path = tmp_path / "density.h5"
    write_density(path)
    with h5py.File(path, "a") as file:
        del file.attrs["box_size_mpc"]
    assert_refused(read_own_density, path, ["box_size_mpc is missing", "in Mpc"])


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.5, ["mask is 0.5 in cell (40, 1, 2)", "1 where", "0 elsewhere"]),
        (-1, ["mask is -1"]),
        (256, ["mask is 256"]),
        (np.nan, ["mask is nan"]),
    ],
)
def test_a_mask_of_other_values_is_refused(tmp_path, value, words):
    path, mask = tmp_path / "mask.h5", np.zeros((CELLS,) * 3)
    mask[40, 1, 2] = value
    with h5py.File(path, "w") as file:
        file["mask"], file.attrs["box_size_mpc"] = mask if value != 256 else mask.astype(np.int16), SIDE
    assert_refused(read_own_mask, path, words)


def test_a_mask_of_another_shape_is_refused_and_one_of_booleans_is_taken(tmp_path):
    path = tmp_path / "mask.h5"
    write_field(path, "mask", np.zeros((32, 32, 32), np.uint8), FieldHeader(SIDE))
    assert_refused(read_own_mask, path, ["32 cells", "the box has 48"])
    with h5py.File(path, "w") as file:
        file["mask"], file.attrs["box_size_mpc"] = np.ones((CELLS,) * 3, bool), SIDE
    assert read_own_mask(path, BOX).sum() == CELLS**3


def write_spheres(path, columns, attributes, unit=None):
    with h5py.File(path, "w") as file:
        file.attrs.update({"box_size_mpc": SIDE} | attributes)
        for name, values in ({"qx": [1.0, 2], "qy": [1.0, 2], "qz": [1.0, 2], "radius": [3.0, 4]} | columns).items():
            if values is not None:
                file[f"haloes/{name}"] = values
        if unit:
            file["haloes/radius"].attrs["unit"] = unit


@pytest.mark.parametrize(
    ("columns", "attributes", "words"),
    [
        ({"qy": None}, {}, ["columns qy are missing"]),
        ({"radius": None}, {}, ["columns radius are missing"]),
        ({"qx": [1.0, 48.5]}, {}, ["qx leaves the box [0, 48.0) Mpc in 1 of 2 haloes", "48.5", "wrapped"]),
        ({"qz": [-0.5, 3]}, {}, ["qz leaves the box", "-0.5"]),
        ({"qx": [1.0, np.nan]}, {}, ["column qx has values that are not finite"]),
        ({"qx": [1.0]}, {}, ["different shapes", "qx (1,)"]),
        ({"radius": [3.0, 0]}, {}, ["radius = 0 Mpc in 1 of 2", "between 0 and half of the box (24.0 Mpc)"]),
        ({"radius": [-3.0, 2]}, {}, ["column radius = -3 in 1 of 2"]),
        ({"radius": [3000.0, 4000]}, {}, ["radius = 3000 Mpc in 2 of 2"]),
        ({"x": [1.0, 2]}, {}, ["of x, y, z only x is there"]),
        ({"x": [1.0, 2], "y": [1.0, 2], "z": [1.0, 50]}, {}, ["z leaves the box", "50"]),
        ({"cells": [905.0, 2145]}, {}, ["cells is 8", "leave cells out"]),
        ({"mass": [2.7e12, 6.4e12]}, {}, ["mass is 0.7", "without h"]),
        ({}, {"grid_cells": 96}, ["96 cells", "the box has 48"]),
        ({}, {"box_size_mpc": 96.0}, ["box_size_mpc = 96.0", "48.0"]),
    ],
)
def test_spheres_that_do_not_fit_are_refused(tmp_path, columns, attributes, words):
    path = tmp_path / "spheres.h5"
    write_spheres(path, columns, attributes)
    assert_refused(read_own_haloes, path, words)


def test_a_unit_with_h_is_refused(tmp_path):
    path = tmp_path / "spheres.h5"
    write_spheres(path, {}, {}, unit="Mpc/h")
    assert_refused(read_own_haloes, path, ["column radius has the unit Mpc/h", "Mpc is needed"])


def test_spheres_are_taken_in_any_order_and_precision(tmp_path):
    path = tmp_path / "spheres.h5"
    write_spheres(path, {"qx": [1.0, np.nextafter(SIDE, 0)]}, {})
    taken = read_own_haloes(path, BOX)
    assert all(a >= b for a, b in pairwise(taken["radius"]))
    # 47.999... is 48 in the single precision of the catalogue, which is 0.
    assert taken["qx"].tolist() == [0, 1]
