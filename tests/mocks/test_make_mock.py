"""One command from a seed to a catalogue: the same bytes however it is run, and nothing half-made."""

import subprocess
import sys

import h5py
import numpy as np
import pytest
import yaml
from checkout import ROOT, Workflow

from halonet.catalogue import EULERIAN, VELOCITY, read_catalogue
from halonet.cosmology import mean_matter_density
from halonet.locks import exclusive, lock_of
from halonet.settings import CosmologySettings
from halonet.storage import read_field, read_header

NETWORK = ROOT / "networks" / "vnet-small"
CELLS = 32


@pytest.fixture
def folder(network_mock):
    return network_mock


def test_a_mock_is_a_whole_catalogue_that_says_how_it_was_made(folder):
    haloes = read_catalogue(folder / "mock.h5")
    assert len(haloes) > 10
    assert {*EULERIAN, *VELOCITY} <= set(haloes.columns)
    np.testing.assert_allclose(haloes["mass"], haloes["cells"] * mean_matter_density(CosmologySettings()), rtol=1e-6)
    record = haloes.header.provenance
    assert record["seed"] == 7
    assert record["settings"]["network"]["name"] == "vnet-small"
    assert record["settings"]["halo_finding"]["finder"] == "fitted"
    assert record["settings"]["halo_finding"]["in_force"]["sphere_fit"]["reach"] > 1


def test_haloes_lie_where_the_network_sees_them(folder):
    haloes, probability = read_catalogue(folder / "mock.h5"), read_field(folder / "probability.h5", "probability")
    assert probability[tuple(haloes.positions().astype(int).T)].mean() > probability.mean() + 0.3


def test_a_density_of_ones_own_gives_the_haloes_that_its_seed_gives(folder, run_script, tmp_path):
    options = ("--network", NETWORK, "--threads", 1, "--abundance-matching", "--output", tmp_path / "own.h5")
    files = ("--density", folder / "density.h5", "--power-spectrum", folder / "power_spectrum.csv")
    run_script("make_mock", *files, *options)
    own, mock = read_catalogue(tmp_path / "own.h5"), read_catalogue(folder / "mock.h5")
    for name in ("qx", "x", "vx", "cells"):
        np.testing.assert_array_equal(own[name], mock[name])
    assert own.notes["abundance_matching"]["mass_function"] == "tinker_2008"
    assert not np.allclose(own["mass"], mock["mass"], rtol=0.01)
    assert own.header.provenance["density"] == read_header(folder / "density.h5").provenance


def test_a_finder_that_needs_heads_refuses_a_network_without(network_box, run_script, tmp_path):
    options = ("--halo-finding", '{"finder": "votes"}', "--output", tmp_path / "mock.h5")
    process = run_script("make_mock", *network_box, *options, check=False)
    assert process.returncode == 2
    assert "finder = 'votes' needs the heads centre_offset and log_radius" in process.stderr
    assert not list(tmp_path.iterdir())


def test_fields_on_disk_change_no_byte_and_leave_no_file(network_box, folder, run_script, tmp_path):
    (tmp_path / "scratch").mkdir()
    options = ("--power-spectrum", folder / "power_spectrum.csv", "--scratch", tmp_path / "scratch")
    run_script("make_mock", *network_box, *options, "--output", tmp_path / "mock.h5")
    assert (tmp_path / "mock.h5").read_bytes() == (folder / "mock.h5").read_bytes()
    assert not list((tmp_path / "scratch").iterdir())


def test_the_workflow_makes_the_haloes_of_the_command_and_plans_what_more_mocks_need(folder, tmp_path):
    settings = tmp_path / "settings.yaml"
    mocks = {"count": 1, "first_seed": 7, "cells": CELLS, "box_size_mpc": float(CELLS), "network": str(NETWORK)}
    settings.write_text(yaml.safe_dump({"run": {"name": "few"}, "training": {"threads": 1}, "mocks": mocks}))
    workflow = Workflow(tmp_path / "halonet", settings)
    workflow.run("mocks")
    made = workflow.results / "mocks" / "vnet-small" / "7" / "haloes.h5"
    with h5py.File(made) as file, h5py.File(folder / "mock.h5") as mock:
        assert set(file["haloes"]) == set(mock["haloes"])
        for name in mock["haloes"]:
            np.testing.assert_array_equal(file["haloes"][name], mock["haloes"][name])
    workflow.change("mocks", count=3, precision=0.2)
    assert workflow.planned("mocks") == {
        "make_mock": 2,
        "measure_mock": 3,
        "summarise_mocks": 1,
        "write_mocks_report": 1,
    }
    workflow.change("mocks", count=4, control_fields=30, galaxies={})
    more = {
        "make_mock": 3,
        "measure_mock": 4,
        "populate_haloes": 4,
        "measure_controls": 2,
        "summarise_mocks": 1,
        "write_mocks_report": 1,
    }
    assert workflow.planned("mocks") == more
    workflow.change("mocks", network="nowhere")
    assert "mocks.network = 'nowhere'" in workflow.run("mocks", "--dry-run", check=False).output


def test_a_process_that_goes_on_makes_the_mocks_that_later_calls_take(folder, run_script, tmp_path):
    box = ("--cells", CELLS, "--network", NETWORK, "--threads", 1, "--ranks", 1, "--last-ahead", 7)
    spectrum = ("--power-spectrum", folder / "power_spectrum.csv")
    run_script("make_mock", "--seed", 6, *box, *spectrum, "--output", tmp_path / "6" / "haloes.h5")
    assert not (tmp_path / "7").exists()
    (ahead,) = (tmp_path / ".ahead").glob("7-*.h5")
    assert ahead.read_bytes() == (folder / "mock.h5").read_bytes()
    run_script("make_mock", "--seed", 7, *box, *spectrum, "--output", tmp_path / "7" / "haloes.h5")
    assert not ahead.exists()
    assert (tmp_path / "7" / "haloes.h5").read_bytes() == (folder / "mock.h5").read_bytes()


def refused(run_script, output, *arguments):
    process = run_script("make_mock", *arguments, "--network", NETWORK, "--output", output, check=False)
    assert process.returncode == 2
    assert "Traceback" not in process.stderr
    assert not output.exists()
    return process.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--seed", 1, "--cosmology", '{"sigma8": 0.9}'), ["sigma8 = 0.9 (trained: 0.8)", "snakemake training"]),
        (("--seed", 1, "--cells", 32, "--box-size", 64), ["cells of 2 Mpc (trained: 1 Mpc)", "--outside-validity"]),
        (("--seed", 1, "--cells", 37), ["cells = 37", "36 and 38"]),
    ],
)
def test_a_box_the_network_is_not_for_is_refused_before_anything_is_computed(run_script, tmp_path, options, words):
    message = refused(run_script, tmp_path / "mock.h5", *options)
    for word in words:
        assert word in message


def test_a_second_mock_of_the_same_kept_fields_waits_for_the_first_to_end(tmp_path):
    """Or the density of one would stand beside the haloes of the other."""
    out, density = tmp_path / "mock.h5", tmp_path / "density.h5"
    command = ["-m", "halonet", "mock", "--seed", 7, "--cells", 16, "--keep-density", density, "-o", out]
    for held in (out, density):
        with exclusive(lock_of(held)):
            process = subprocess.Popen(list(map(str, [sys.executable, *command])), stderr=subprocess.PIPE, text=True)
            assert any("another process is at work" in line for line in process.stderr)
            assert not out.exists()
        assert "haloes" in process.communicate()[1]
        assert process.returncode == 0
        out.unlink()
    assert {path.name for path in tmp_path.iterdir()} == {"density.h5"}
