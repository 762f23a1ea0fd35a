import json
import os
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
from checkout import ROOT

from halonet.field_level.alternation import FieldMoments
from halonet.field_level.data import read_data, write_data
from halonet.field_level.mock import rebased
from halonet.field_level.run_chain import (
    clear_scratch,
    make_posterior,
    open_chain,
    read_field_chain,
    run_chain,
    scratch_of,
)
from halonet.settings import PhaseSamplerSettings
from halonet.storage import StorageError

SMALL = {"warmup": 12, "samples": 28, "phase_thinning": 4, "checkpoint_interval": 5}


def assert_same_chains(one, other):
    with h5py.File(one) as first, h5py.File(other) as second:
        names = []
        first.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        assert {"phases", "parameters", "sampler/moments.density.mean", "sampler/phases.noise"} <= set(names)
        for name in names:
            np.testing.assert_array_equal(first[name][()], second[name][()], err_msg=name)


@pytest.fixture(scope="module")
def case(make_mock, tmp_path_factory):
    """File of a mock's data, its settings and its posterior, which is compiled once for all chains here."""
    mock, settings = make_mock(**SMALL)
    path = tmp_path_factory.mktemp("case") / "inputs.h5"
    write_data(path, mock.data, {})
    return path, settings, make_posterior(read_data(path), settings)


@pytest.mark.slow  # 40 s of compilation
def test_a_microcanonical_chain_that_was_interrupted_goes_on_to_the_same_bits(case, tmp_path):
    path, settings, posterior = case
    data = read_data(path)
    settings = settings.model_copy(update={"phases": PhaseSamplerSettings(kind="mclmc", steps=2)})

    def run(name, until=None):
        chain = open_chain(data, settings, 1, 0, tmp_path / name, posterior=posterior)
        run_chain(chain, tmp_path / name, {}, until=until)
        return chain

    assert run("whole.h5").done == settings.transitions
    run("cut.h5", 8)  # within the warm-up
    run("cut.h5", 23)  # between two checkpoints
    assert (tmp_path / "cut.checkpoint.npz").exists()
    assert not (tmp_path / "cut.h5").exists()
    with pytest.raises(StorageError, match="other data or settings"):
        open_chain(data, settings, 2, 0, tmp_path / "cut.h5", posterior=posterior)
    run("cut.h5")
    assert_same_chains(tmp_path / "whole.h5", tmp_path / "cut.h5")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.h5", "whole.h5"]
    arrays = read_field_chain(tmp_path / "whole.h5")
    assert arrays["phases"].shape == (7, 8, 8, 8)
    assert arrays["theta_at_phases"].shape == (7, 17)
    assert arrays["moments.linear.count"] == 28
    assert (np.ptp(arrays["phases"], axis=0) > 0).all()
    assert (np.ptp(arrays["parameters"], axis=0) > 0).all()


@pytest.mark.slow  # three compilations; a killed chain of the neural bias model is in every run
def test_a_killed_job_goes_on_with_the_same_command_to_the_chain_of_an_undisturbed_one(case, tmp_path):
    """SIGKILL in the midst of a Hamiltonian chain; the undisturbed one runs in this process."""
    path, settings, posterior = case
    settings = settings.model_copy(update={"samples": 88})
    (tmp_path / "settings.json").write_text(settings.model_dump_json())
    output = tmp_path / "killed.h5"
    command = [sys.executable, ROOT / "workflow_scripts/sample_field_level.py", "--inputs", path]
    command += ["--settings", tmp_path / "settings.json", "--seed", "1", "--output", output]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
        while not (checkpoint := output.with_suffix(".checkpoint.npz")).exists():
            assert process.poll() is None, process.stderr.read().decode()
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert not output.exists()
    with np.load(checkpoint) as file:
        assert 0 < len(file["history"]) < settings.transitions
    subprocess.run(command, env=environment, check=True, capture_output=True)
    whole = tmp_path / "whole.h5"
    run_chain(open_chain(read_data(path), settings, 1, 0, whole, posterior=posterior), whole, {})
    assert_same_chains(whole, output)
    with h5py.File(output) as file:
        assert json.loads(file.attrs["provenance"])["settings"]["samples"] == 88


def test_what_killed_processes_left_in_the_scratch_of_a_finished_chain_is_no_obstacle(tmp_path):
    """SIGKILL while phases were written once left a file that kept every later attempt from ending."""
    checkpoint, folder = scratch_of(tmp_path / "chain.h5")
    folder.mkdir()
    left = (folder / "phases_0000010.npy", folder / ".phases_0000012.npy.77.part", checkpoint)
    for path in (*left, tmp_path / ".chain.checkpoint.npz.77.part"):
        path.touch()
    (tmp_path / "chain.h5").touch()
    clear_scratch(tmp_path / "chain.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["chain.h5"]


def test_a_users_files_in_the_folder_of_a_chains_phases_are_not_deleted_with_them(tmp_path):
    folder = scratch_of(tmp_path / "chain.h5")[1]
    folder.mkdir()
    for name in ("phases_0000010.npy", "phases.npy", "notes.txt"):
        (folder / name).touch()
    clear_scratch(tmp_path / "chain.h5")
    assert {path.name for path in folder.iterdir()} == {"phases.npy", "notes.txt"}


def test_data_are_read_back_as_they_were_written_and_foreign_files_are_named(make_mock, tmp_path):
    mock, settings = make_mock()
    write_data(tmp_path / "inputs.h5", mock.data, {"stage": "test"})
    again = read_data(tmp_path / "inputs.h5")
    np.testing.assert_array_equal(again.inputs.haloes.positions, mock.data.inputs.haloes.positions)
    np.testing.assert_allclose(again.truth["linear"], mock.data.truth["linear"], atol=1e-6)
    assert again.cosmology == mock.data.cosmology
    with pytest.raises(StorageError, match=r"field_level.cells = 10, but the data were prepared for 8 cells"):
        again.gravity(settings.model_copy(update={"cells": 10}))
    with h5py.File(tmp_path / "inputs.h5", "a") as file:
        del file["k_per_mpc"]
    with pytest.raises(StorageError, match="k_per_mpc are missing"):
        read_data(tmp_path / "inputs.h5")


def test_merged_moments_are_those_of_all_fields_together():
    fields = np.random.default_rng(0).standard_normal((9, 2, 2, 2))
    parts = []
    for some in (fields[:3], fields[3:]):
        moments = FieldMoments.empty(2)
        for field in some:
            moments = moments.with_field(field)
        parts.append(moments)
    merged = parts[0].merged(parts[1])
    np.testing.assert_allclose(merged.mean, fields.mean(axis=0))
    np.testing.assert_allclose(merged.deviation, fields.std(axis=0, ddof=1))


def test_rebased_parameters_give_the_same_mass_functions_with_other_constants(make_mock):
    import tensorflow as tf

    mock, settings = make_mock()
    model = mock.data.problem(settings).model
    assert np.abs(model.offsets.rows - mock.model.offsets.rows).max() > 0.01
    features = tf.constant(np.random.default_rng(0).standard_normal((4, 5)))
    moved = rebased(mock.theta, mock.model, model)
    for one, other in zip(
        mock.model.mass_function(mock.theta, mock.model.summary(mock.theta, features)),
        model.mass_function(moved, model.summary(moved, features)),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-10)
