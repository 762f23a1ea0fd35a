"""The scripts on plain files, as a user runs them, and on files that cannot be used."""

import json
import re
from functools import partial

import h5py
import numpy as np
import pytest

from halonet.catalogue import EULERIAN, VELOCITY, read_catalogue
from halonet.settings import CosmologySettings
from halonet.storage import FieldHeader, read_field, write_field

CELLS = 32
CENTRES, RADII = [(8, 8, 8), (24, 24, 8), (8, 24, 26)], [5.0, 4.0, 3.0]
FLAT = {"inner_slope": 0.0, "inner_value": 0.5, "outer_slope": 0.0, "outer_value": 0.5, "break_cells": 6.7}
CALIBRATED = json.dumps({"peak_thresholds": "calibrated", "shell_threshold": "calibrated"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory, spheres, run_script):
    """A probability without cosmology, like a user's own, a density, and haloes found in it."""
    path = tmp_path_factory.mktemp("boxes")
    with h5py.File(path / "probability.h5", "w") as file:
        file["probability"] = spheres(CELLS, CENTRES, RADII).astype(np.float64)
        file.attrs["box_size_mpc"] = 32.0
    density = np.random.default_rng(1).normal(0, 2.9, (CELLS,) * 3).astype(np.float32)
    header = FieldHeader(32.0, 0.5, CosmologySettings(sigma8=0.9).model_dump(), 3)
    write_field(path / "density.h5", "density", density, header)
    write_field(path / "other.h5", "density", density[:16, :16, :16], FieldHeader(16.0, 0.5))
    run_script("find_haloes", "--probability", path / "probability.h5", "--haloes", path / "haloes.h5")
    return path


def test_a_users_own_probability_gives_a_catalogue_without_eulerian_columns(folder):
    haloes = read_catalogue(folder / "haloes.h5")
    assert len(haloes) == 3
    assert not {*EULERIAN, *VELOCITY} & set(haloes.columns)
    assert haloes.header.cosmology["omega_b"] == 0.043
    assert haloes.header.provenance["settings"]["in_force"]["peak_thresholds"] == [0.9999, 0.99, 0.975]


def test_with_a_density_haloes_move_at_its_redshift_and_cosmology(folder, run_script, tmp_path):
    out = tmp_path / "haloes.h5"
    arguments = ("--probability", folder / "probability.h5", "--density", folder / "density.h5", "--haloes", out)
    run_script("find_haloes", *arguments)
    haloes = read_catalogue(out)
    assert {*EULERIAN, *VELOCITY} < set(haloes.columns)
    assert haloes.header.redshift == 0.5
    assert haloes.header.cosmology["sigma8"] == 0.9


def test_thresholds_from_the_settings_are_the_ones_used(folder, run_script, tmp_path):
    settings = json.dumps({"peak_thresholds": [0.9], "shell_threshold": FLAT, "minimum_cells": 300})
    arguments = ("--probability", folder / "probability.h5", "--settings", settings, "--haloes", tmp_path / "h.h5")
    run_script("find_haloes", *arguments)
    haloes = read_catalogue(tmp_path / "h.h5")
    assert haloes["cells"].min() >= 300
    np.testing.assert_array_equal(haloes["peak_threshold"], np.float32(0.9))


def test_known_centres_are_the_centres_of_the_catalogue(folder, run_script, tmp_path):
    arguments = ("--probability", folder / "probability.h5", "--known-centres", folder / "haloes.h5")
    run_script("find_haloes", *arguments, "--haloes", tmp_path / "known.h5")
    known, found = read_catalogue(tmp_path / "known.h5"), read_catalogue(folder / "haloes.h5")
    np.testing.assert_array_equal(known.positions(), found.positions())
    np.testing.assert_array_equal(known["cells"], found["cells"])


def test_calibrated_thresholds_pass_from_one_script_to_the_other(folder, run_script, tmp_path, spheres):
    rng = np.random.default_rng(7)
    grid = np.array([(x, y, z) for x in range(6, 64, 13) for y in range(6, 64, 13) for z in range(6, 64, 13)])
    probability = spheres(64, grid, rng.uniform(2, 5.5, len(grid)))
    write_field(tmp_path / "p.h5", "probability", probability, FieldHeader(64.0))
    flat = json.dumps({"shell_threshold": FLAT, "peak_thresholds": [0.99, 0.9]})
    run_script("find_haloes", "--probability", tmp_path / "p.h5", "--settings", flat, "--haloes", tmp_path / "true.h5")
    run_script(
        "calibrate_thresholds", "--probability", tmp_path / "p.h5", "--haloes", tmp_path / "true.h5",
        "--settings", CALIBRATED, "--thresholds", tmp_path / "t.json",
    )  # fmt: skip
    record = json.loads((tmp_path / "t.json").read_text())
    run_script(
        "find_haloes", "--probability", tmp_path / "p.h5", "--settings", CALIBRATED,
        "--thresholds", tmp_path / "t.json", "--haloes", tmp_path / "found.h5",
    )  # fmt: skip
    in_force = read_catalogue(tmp_path / "found.h5").header.provenance["settings"]["in_force"]
    assert in_force == {name: record[name] for name in ("peak_thresholds", "shell_threshold")}
    assert record["chosen"]["score"] > 0.9


def refused(run_script, output, *arguments):
    """Message of a script that refuses its input; nothing may be left under the name of the output."""
    process = run_script(*arguments, check=False)
    assert process.returncode == 2
    assert "Traceback" not in process.stderr
    assert not output.exists()
    return process.stderr


def test_calibrated_settings_without_a_thresholds_file_are_refused(folder, run_script, tmp_path):
    out = tmp_path / "h.h5"
    arguments = ("--probability", folder / "probability.h5", "--settings", CALIBRATED, "--haloes", out)
    assert "--thresholds is needed" in refused(run_script, out, "find_haloes", *arguments)


def test_a_density_of_another_box_is_refused(folder, run_script, tmp_path):
    out = tmp_path / "h.h5"
    arguments = ("--probability", folder / "probability.h5", "--density", folder / "other.h5", "--haloes", out)
    message = refused(run_script, out, "find_haloes", *arguments)
    assert "other.h5" in message
    assert "same box" in message


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (FieldHeader(32.0, 0.5, None, 4), "seed = 3, but .*own.h5 has 4"),
        (FieldHeader(32.0, 1.0, None, 3), "redshift = 0.5, but .*own.h5 has 1.0"),
        (FieldHeader(32.0, 0.5, CosmologySettings(sigma8=0.8).model_dump(), 3), "sigma8 = 0.9, but .*own.h5 has 0.8"),
    ],
)
def test_a_density_of_another_seed_redshift_or_cosmology_is_refused(folder, run_script, tmp_path, header, words):
    write_field(tmp_path / "own.h5", "probability", read_field(folder / "probability.h5", "probability"), header)
    arguments = ("--probability", tmp_path / "own.h5", "--density", folder / "density.h5")
    process = run_script("find_haloes", *arguments, "--haloes", tmp_path / "h.h5", check=False)
    assert process.returncode == 2
    assert re.search(rf"density.h5: {words}; all files must be of one box", process.stderr)


def test_a_given_cosmology_is_said_where_it_replaces_another_and_its_redshift_must_be_that_of_the_files(
    folder, run_script, tmp_path
):
    arguments = ("--probability", folder / "probability.h5", "--density", folder / "density.h5")
    find = partial(run_script, "find_haloes", *arguments, "--haloes", tmp_path / "h.h5", "--outside-validity")
    assert (
        f"assumed: {folder / 'density.h5'}: its cosmology is replaced by the one that is given: sigma8 = 0.85 for 0.9"
        in find("--cosmology", '{"sigma8": 0.85}').stderr
    )
    written = read_catalogue(tmp_path / "h.h5").header
    assert (written.redshift, written.cosmology["redshift"], written.cosmology["sigma8"]) == (0.5, 0.5, 0.85)
    process = find("--cosmology", '{"redshift": 1.0}', check=False)
    assert process.returncode == 2
    assert "--cosmology: redshift = 1, but the files have 0.5" in process.stderr


def test_centres_of_another_box_are_refused(folder, run_script, tmp_path):
    header = FieldHeader(64.0)
    write_field(tmp_path / "p.h5", "probability", np.full((8, 8, 8), 0.5, np.float32), header)
    out = tmp_path / "h.h5"
    arguments = ("--probability", tmp_path / "p.h5", "--known-centres", folder / "haloes.h5", "--haloes", out)
    assert "haloes.h5: 32.0 Mpc" in refused(run_script, out, "find_haloes", *arguments)


def test_probabilities_beyond_1_are_refused(run_script, tmp_path):
    write_field(tmp_path / "p.h5", "probability", np.full((8, 8, 8), 1.5, np.float32), FieldHeader(8.0))
    out = tmp_path / "h.h5"
    message = refused(run_script, out, "find_haloes", "--probability", tmp_path / "p.h5", "--haloes", out)
    assert "p.h5" in message
    assert "1.5" in message


def test_as_many_catalogues_as_probabilities_are_needed_to_calibrate(folder, run_script, tmp_path):
    out = tmp_path / "t.json"
    arguments = (
        "--probability",
        folder / "probability.h5",
        folder / "probability.h5",
        "--haloes",
        folder / "haloes.h5",
    )
    assert "2 files" in refused(run_script, out, "calibrate_thresholds", *arguments, "--thresholds", out)


def test_a_thresholds_file_alone_brings_the_finder_and_constants_it_was_calibrated_for(
    folder, run_script, tmp_path, spheres
):
    write_field(tmp_path / "p.h5", "probability", spheres(CELLS, CENTRES, RADII), FieldHeader(32.0))
    # Thresholds of the fitted finder under its own name for settings, as calibrate_thresholds.py writes them.
    settings = {"finder": "fitted", "peak_thresholds": "calibrated", "shell_threshold": "calibrated"}
    settings |= {"sphere_fit": {"own_fraction": "calibrated", "reach": "calibrated"}, "minimum_cells": 150}
    constants = {"peak_thresholds": [0.8], "shell_threshold": FLAT, "sphere_fit": {"own_fraction": 0.5, "reach": 1.3}}
    thresholds = tmp_path / "thresholds.json"
    thresholds.write_text(json.dumps(constants | {"provenance": {"settings": settings}}))
    arguments = ("--probability", tmp_path / "p.h5", "--thresholds", thresholds)
    run_script("find_haloes", *arguments, "--haloes", tmp_path / "alone.h5")
    run_script("find_haloes", *arguments, "--settings", json.dumps(settings), "--haloes", tmp_path / "named.h5")
    run_script("find_haloes", *arguments, "--settings", "{}", "--haloes", tmp_path / "paper.h5")
    alone, named, paper = (read_catalogue(tmp_path / f"{name}.h5") for name in ("alone", "named", "paper"))
    for name in named.columns:
        np.testing.assert_array_equal(alone[name], named[name])
    record = alone.header.provenance["settings"]
    assert record["finder"] == "fitted"
    assert record["in_force"]["sphere_fit"]["reach"] == 1.3
    assert alone["cells"].min() >= 150
    assert paper.header.provenance["settings"]["finder"] == "paper"  # settings that are given have the last word
    assert len(paper) > len(alone)
