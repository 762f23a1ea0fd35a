"""A training run killed at any moment and started again with the same command ends as if nothing had happened."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from forks import SCRIPTS, forks_of, run_python

from halonet.network.events import EVENTS

SCRIPT = Path(__file__).parents[2] / "workflow_scripts" / "train_network.py"
STAGE_1_STEPS = 24  # 9 epochs of 8 windows in batches of 3: 16 steps are 6 epochs
STEPS = STAGE_1_STEPS + 40
RECORDS = [15, 24, 39, 54, 64]
PATIENCE = 300  # seconds until a run must have got somewhere


def command(dataset, values, output, *more, checkpoint_minutes=1e-6) -> list[str]:
    training = {"checkpoint_minutes": checkpoint_minutes}
    parts = (
        *("--ground-truth", dataset, "--manifest", dataset / "subvolumes.csv"),
        *("--normalisation", dataset / "normalisation.json", "--settings", json.dumps(values)),
        *("--training", json.dumps(training), "--seed", 5, "--output", output, *more),
    )
    return [str(SCRIPT), *map(str, parts)]


def finish(dataset, values, output, *more) -> subprocess.CompletedProcess:
    return run_python(command(dataset, values, output, *more, checkpoint_minutes=60))


def stop_at(step: int, number: int, dataset, values, output) -> int:
    """Start a run, send it signal ``number`` once a checkpoint of ``step`` or later is there; returns its exit code."""
    forks = forks_of(SCRIPTS)
    process = forks.start(command(dataset, values, output), dict(os.environ), Path.cwd())
    deadline = time.monotonic() + PATIENCE
    while last_step(output) < step:
        assert Path(f"/proc/{process}").exists(), "the run ended before it was stopped"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(process, number)
    return forks.wait()


def last_step(output: Path) -> int:
    return max((int(path.stem.split("_")[1]) for path in (output / "checkpoints").glob("step_*.h5")), default=0)


def steps_of_events(output: Path) -> list[int]:
    import tensorflow as tf

    return [event.step for event in tf.compat.v1.train.summary_iterator(str(output / EVENTS))][1:]


@pytest.fixture(scope="module")
def values(network_values) -> dict:
    """The two stages on a network of fewer layers, which take less long to trace."""
    first, second = network_values["stages"]
    return network_values | {"levels": 1, "stages": [first, second | {"learning_rate": 0.03}]}


@pytest.fixture(scope="module")
def uninterrupted(dataset, values, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("uninterrupted")
    process = finish(dataset, values, output)
    assert process.returncode == 0, process.stderr
    output.with_suffix(".log").write_text(process.stderr)
    return output


def words_of_others(text):
    """Lines of a log that are not the training's own."""
    return [line for line in text.splitlines() if not re.match(r"\d\d:\d\d:\d\d ", line)]


def test_the_log_of_a_training_holds_its_own_words_and_none_of_tensorflow(uninterrupted):
    text = uninterrupted.with_suffix(".log").read_text()
    assert len(text.splitlines()) > 5
    assert words_of_others(text) == []


def test_killed_in_one_stage_and_terminated_in_the_next_a_run_ends_with_the_same_bits(
    dataset, values, tmp_path, uninterrupted
):
    assert stop_at(8, signal.SIGKILL, dataset, values, tmp_path) == -signal.SIGKILL
    assert 8 <= last_step(tmp_path) < STAGE_1_STEPS
    assert stop_at(STAGE_1_STEPS + 5, signal.SIGTERM, dataset, values, tmp_path) == 128 + signal.SIGTERM
    assert STAGE_1_STEPS < last_step(tmp_path) < STEPS
    assert not (tmp_path / "model.weights.h5").exists()
    process = finish(dataset, values, tmp_path)
    assert process.returncode == 0, process.stderr
    assert "goes on from step" in process.stderr
    for name in ("model.weights.h5", "history.csv", "settings.json", "normalisation.json"):
        assert (tmp_path / name).read_bytes() == (uninterrupted / name).read_bytes(), name
    assert steps_of_events(tmp_path) == steps_of_events(uninterrupted) == RECORDS


def test_the_history_has_one_row_per_validation_and_the_floor_beside_the_dice(uninterrupted):
    rows = [line.split(",") for line in (uninterrupted / "history.csv").read_text().splitlines()]
    table = dict(zip(rows[0], zip(*rows[1:], strict=True), strict=True))
    assert [int(step) for step in table["step"]] == RECORDS
    assert [int(stage) for stage in table["stage"]] == [1, 1, 2, 2, 2]
    assert all(float(floor) == pytest.approx(0.73, abs=0.001) for floor in table["floor"])
    assert float(table["validation_dice"][-1]) > 0.76


def test_a_finished_run_leaves_a_network_and_no_checkpoints(uninterrupted):
    assert {path.name for path in uninterrupted.glob("[!.]*")} == {
        *("model.weights.h5", "settings.json", "normalisation.json", "provenance.json", "digests.json"),
        *("history.csv", "timing.csv", "progress.png", "events"),
    }


def test_a_changed_configuration_is_refused_and_starts_over_when_asked(dataset, values, tmp_path):
    assert stop_at(3, signal.SIGKILL, dataset, values, tmp_path) == -signal.SIGKILL
    stages = [values["stages"][0] | {"learning_rate": 0.05, "epochs": None, "steps": 2}]
    # A network of leaky rectified units alone is what TensorFlow tries to fuse, and fails, where it is let.
    changed = values | {"architecture": "unet", "batch_normalisation": False, "stages": stages}
    refused = finish(dataset, changed, tmp_path)
    assert refused.returncode == 2
    assert "another configuration" in refused.stderr
    assert "--restart-on-change" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert last_step(tmp_path)
    restarted = finish(dataset, changed, tmp_path, "--restart-on-change")
    assert restarted.returncode == 0, restarted.stderr
    assert "starting over" in restarted.stderr
    assert "goes on from" not in restarted.stderr
    assert words_of_others(restarted.stderr) == []
