"""Promises of the scripts: independence of ranks and threads, going on after a kill, refusals."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from halonet.catalogue import read_catalogue
from halonet.locks import exclusive, lock_of
from halonet.owners import read_owners
from halonet.particles import read_particles
from halonet.storage import FieldHeader, StorageError, read_field, write_field

ROOT = Path(__file__).parents[2]
SIMULATE, FIND = "simulate_n_body", "find_n_body_haloes"
STEPS = '{"steps": 40}'
SIDE = 64.0


@pytest.fixture(scope="module")
def density(random_density, cosmology, tmp_path_factory):
    path = tmp_path_factory.mktemp("n_body") / "density.h5"
    write_field(path, "density", random_density, FieldHeader(SIDE, 0.0, cosmology.model_dump(), 11))
    return path


def options(density, folder, name, *more, settings=STEPS):
    particles = (folder / f"{name}_1.h5", folder / f"{name}_0.h5")
    given = (
        "--density",
        density,
        "--settings",
        settings,
        "--redshifts",
        1,
        0,
        "--outside-validity",
    )  # another spectrum
    return *given, "--particles", *particles, *more


@pytest.fixture(scope="module")
def particles(run_script, density, tmp_path_factory):
    """Folder with one_1.h5 and one_0.h5: both snapshots, by one rank and thread."""
    folder = tmp_path_factory.mktemp("particles")
    run_script(SIMULATE, *options(density, folder, "one"))
    return folder


def assert_same_bytes(folder, name, particles):
    for redshift in (1, 0):
        expected = (particles / f"one_{redshift}.h5").read_bytes()
        assert (folder / f"{name}_{redshift}.h5").read_bytes() == expected


def find_haloes(run_script, particles, folder, ranks=1):
    """Catalogue, mask and owners of a file of particles, written to a folder: paths by name."""
    made = {name: folder / f"{name}.h5" for name in ("haloes", "mask", "owners")}
    files = [part for name, path in made.items() for part in (f"--{name}", path)]
    options = ("--particles", particles, "--settings", '{"minimum_cells": 20}', "--ranks", ranks)
    run_script(FIND, *options, *files, ranks=ranks)
    return made


@pytest.fixture(scope="module")
def truth(run_script, particles, tmp_path_factory):
    """Files of the truth at redshift 0, by one rank and thread."""
    return find_haloes(run_script, particles / "one_0.h5", tmp_path_factory.mktemp("truth"))


@pytest.mark.parametrize(
    ("ranks", "threads"),
    [(1, 2), (3, 1), *(pytest.param(*how, marks=pytest.mark.slow) for how in ((2, 1), (2, 2), (4, 2)))],
)
def test_ranks_and_threads_change_no_byte_of_particles_catalogue_mask_and_owners(
    run_script, density, particles, truth, tmp_path, ranks, threads
):
    how = ("--ranks", ranks, "--threads", threads)
    run_script(SIMULATE, *options(density, tmp_path, "other", *how), ranks=ranks)
    assert_same_bytes(tmp_path, "other", particles)
    for name, path in find_haloes(run_script, tmp_path / "other_0.h5", tmp_path, ranks).items():
        assert path.read_bytes() == truth[name].read_bytes(), name


def test_haloes_mask_and_owners_belong_together(truth):
    made = truth
    haloes, mask = read_catalogue(made["haloes"]), read_field(made["mask"], "mask")
    owners = read_owners(made["owners"], len(haloes), haloes.header.provenance)
    assert len(haloes) > 20
    np.testing.assert_array_equal(owners >= 0, mask == 1)
    np.testing.assert_array_equal(np.bincount(owners[owners >= 0]), haloes["cells"])
    assert haloes["cells"].min() >= 20
    assert haloes.header.redshift == 0
    assert haloes.header.seed == 11
    with pytest.raises(StorageError, match="not those of this catalogue"):
        read_owners(made["owners"], len(haloes), {"of": "another"})
    with pytest.raises(StorageError, match=r"owner runs from -1 to \d+; rows of a catalogue of 3 haloes are 0 to 2"):
        read_owners(made["owners"], 3)


def test_a_second_search_of_the_same_haloes_and_mask_waits_for_the_first_to_end(particles, tmp_path):
    """Or the mask of one would stand beside the haloes of the other."""
    made = {name: tmp_path / f"{name}.h5" for name in ("haloes", "mask", "owners")}
    files = [part for name, path in made.items() for part in (f"--{name}", path)]
    line = command("--particles", particles / "one_0.h5", *files, script=FIND)
    with exclusive(lock_of(made["mask"])):
        process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
        assert any("another process is at work" in line for line in process.stderr)
        assert not any(path.exists() for path in made.values())
    process.communicate()
    assert process.returncode == 0
    assert all(path.exists() for path in made.values())


def test_particles_of_a_snapshot_carry_its_redshift_and_move_as_fast_as_they_were_displaced(particles):
    """Early on the velocity is a H f times the displacement of first order; at redshift 1 still nearly so."""
    early, late = (read_particles(particles / f"one_{redshift}.h5") for redshift in (1, 0))
    assert (early.header.redshift, late.header.redshift) == (1, 0)
    assert early.header.cosmology["redshift"] == 1
    # a H f at redshift 1: 0.5 x 70 x 1.658 x 0.84 km/s per Mpc.
    ratio = (early.velocities * early.displacements).sum(dtype=float) / (early.displacements**2).sum(dtype=float)
    assert 0.8 < ratio / 48.7 < 1.2
    positions = late.positions()
    assert positions.min() >= 0
    assert positions.max() < SIDE
    np.testing.assert_allclose(positions[3, 4, 5], (np.array([7.0, 9, 11]) + late.displacements[3, 4, 5]) % SIDE)


def command(*arguments, script=SIMULATE):
    return [str(part) for part in (sys.executable, ROOT / "workflow_scripts" / f"{script}.py", *arguments)]


def start_until(launch, path):
    """Start a command and wait until a file is there, whose name may be a pattern."""
    process = subprocess.Popen([*map(str, launch)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list(path.parent.glob(path.name)):
        assert process.poll() is None, "the simulation ended before it could be stopped"
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return process


def kill_when(arguments, path):
    """Start the script and SIGKILL it once a file is there."""
    process = start_until(command(*arguments), path)
    process.kill()
    process.communicate()


def processes_with(text):
    """Numbers of the processes of this script that have a text in their arguments."""
    script = f"{SIMULATE}.py".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:  # has just ended
            continue
        if any(word.endswith(script) for word in words[:2]) and any(str(text).encode() in word for word in words):
            found.append(int(path.parent.name))
    return sorted(found)


@pytest.mark.parametrize("ranks", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_simulation_that_is_asked_to_end_stores_the_step_it_is_in_on_all_ranks_and_goes_on_to_the_same_bytes(
    run_script, density, particles, tmp_path, ranks
):
    """SLURM sends SIGTERM before SIGKILL; here it reaches one rank only. No checkpoint would be due for 10 minutes."""
    checkpoint = tmp_path / "checkpoint.h5"
    arguments = options(density, tmp_path, "ended", "--checkpoint", checkpoint)
    launch = [Path(sys.executable).parent / "mpiexec", "-n", ranks] if ranks > 1 else []
    process = start_until([*launch, *command(*arguments)], tmp_path / ".ended_1.h5.*.waiting")
    numbers = processes_with(tmp_path)
    assert len(numbers) == ranks
    os.kill(numbers[-1], signal.SIGTERM)
    _, words = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM
    assert words.count("the same command goes on from there") == 1
    assert "Traceback" not in words
    step = int(re.search(r"interrupted at step (\d+);", words)[1])
    with h5py.File(checkpoint) as file:
        assert 17 < file.attrs["steps"] == step < 40
    assert not (tmp_path / "ended_0.h5").exists()
    process = run_script(SIMULATE, *arguments, ranks=ranks)
    assert f"going on from step {step} of 40" in process.stderr + process.stdout
    assert_same_bytes(tmp_path, "ended", particles)
    assert not checkpoint.exists()


# Two ranks that are asked to end, and one that is killed, are in every run.
@pytest.mark.parametrize("ranks", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_killed_simulation_goes_on_to_the_same_bytes(run_script, density, particles, tmp_path, ranks):
    checkpoint = tmp_path / "checkpoint.h5"
    storing = ("--checkpoint", checkpoint, "--checkpoint-minutes", 1e-6)
    arguments = options(density, tmp_path, "killed", *storing)
    kill_when(arguments, checkpoint)
    assert not (tmp_path / "killed_0.h5").exists()
    process = run_script(SIMULATE, *arguments, ranks=ranks)
    assert "going on from step" in process.stderr + process.stdout
    assert_same_bytes(tmp_path, "killed", particles)
    assert {path.name for path in tmp_path.iterdir()} == {"killed_0.h5", "killed_1.h5"}


@pytest.mark.parametrize("lost", [False, True])
def test_a_simulation_that_was_killed_after_its_first_snapshot_still_ends_with_both(
    run_script, density, particles, tmp_path, lost
):
    """Snakemake deletes the declared files before it starts the job again."""
    waiting, checkpoint = tmp_path / ".killed_1.h5.*.waiting", tmp_path / "checkpoint.h5"
    arguments = options(density, tmp_path, "killed", "--checkpoint", checkpoint, "--checkpoint-minutes", 1e-6)
    kill_when(arguments, waiting)
    assert not list(tmp_path.glob("killed*"))
    if lost:
        next(tmp_path.glob(waiting.name)).unlink()
    run_script(SIMULATE, *arguments)
    assert_same_bytes(tmp_path, "killed", particles)
    assert {path.name for path in tmp_path.iterdir()} == {"killed_0.h5", "killed_1.h5"}


def test_a_checkpoint_of_other_settings_is_not_taken_up(run_script, density, particles, tmp_path):
    checkpoint = tmp_path / "checkpoint.h5"
    storing = ("--checkpoint", checkpoint, "--checkpoint-minutes", 1e-6)
    kill_when(options(density, tmp_path, "killed", *storing, settings='{"steps": 41}'), checkpoint)
    process = run_script(SIMULATE, *options(density, tmp_path, "killed", *storing))
    assert "of_another_simulation" in process.stderr
    assert_same_bytes(tmp_path, "killed", particles)


@pytest.mark.parametrize("held", ["both_1.h5.checkpoint", "both_0.h5"])
def test_a_second_simulation_of_one_checkpoint_or_snapshot_waits_for_the_first_to_end(density, tmp_path, held):
    arguments = options(density, tmp_path, "both")
    with exclusive(lock_of(tmp_path / held)):
        process = subprocess.Popen(command(*arguments), stderr=subprocess.PIPE, text=True)
        assert any("another process is at work" in line for line in process.stderr)
        assert not list(tmp_path.glob("*both_?.h5*.waiting"))
    assert any("steps: 1 of 40" in line or "snapshot at redshift 1" in line for line in process.stderr)
    process.kill()
    process.communicate()


def test_a_damaged_checkpoint_is_passed_over(run_script, density, particles, tmp_path):
    checkpoint = tmp_path / "checkpoint.h5"
    checkpoint.write_bytes(b"half a file")
    process = run_script(SIMULATE, *options(density, tmp_path, "other", "--checkpoint", checkpoint))
    assert "damaged and passed over" in process.stderr
    assert (tmp_path / "checkpoint.h5.damaged").read_bytes() == b"half a file"
    assert_same_bytes(tmp_path, "other", particles)


def test_a_whole_file_that_is_no_checkpoint_is_not_replaced_by_one(run_script, density, tmp_path):
    precious = tmp_path / "precious.h5"
    shutil.copy(density, precious)
    held = precious.read_bytes()
    process = run_script(SIMULATE, *options(density, tmp_path, "x", "--checkpoint", precious), check=False)
    assert process.returncode == 2
    assert "precious.h5: no checkpoint of a simulation, but a file of density; it would be replaced" in process.stderr
    assert precious.read_bytes() == held


def test_two_snapshots_of_one_redshift_are_refused(run_script, density, tmp_path):
    process = run_script(SIMULATE, *options(density, tmp_path, "x"), "--redshifts", 0, 0, check=False)
    assert process.returncode == 2
    assert "--redshifts 0 0: one stands twice" in process.stderr


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('{"steps": 3}', ["steps = 3", "greater than or equal to 5"]),
        ('{"start": 0.6}', ["n_body.start = 0.6", "redshift 1.0", "not after the start"]),
        ('{"mesh": 5}', ["mesh = 5", "less than or equal to 4"]),
        ('{"stepz": 40}', ["stepz", "no such key"]),
    ],
)
def test_bad_settings_are_one_clear_line_and_write_nothing(run_script, density, tmp_path, settings, words):
    process = run_script(SIMULATE, *options(density, tmp_path, "bad", settings=settings), check=False)
    assert process.returncode == 2
    assert "Traceback" not in process.stderr
    for word in words:
        assert word in process.stderr
    assert not list(tmp_path.iterdir())


def test_files_that_are_no_particles_are_refused_by_name(run_script, density, tmp_path):
    with pytest.raises(StorageError, match=r"density\.h5: no dataset 'displacement'; simulate_n_body.py writes"):
        read_particles(density)
    files = ("--haloes", tmp_path / "h.h5", "--mask", tmp_path / "m.h5", "--owners", tmp_path / "o.h5")
    process = run_script(FIND, "--particles", density, *files, check=False)
    assert process.returncode == 2
    assert not list(tmp_path.iterdir())
