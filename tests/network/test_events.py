"""TensorBoard reads from the events what the history holds: every record once, whatever happened to the run."""

import os

import pytest

from halonet.network.events import EVENTS, TAGS, write_events

tf = pytest.importorskip("tensorflow")


def record(step, time=0.0, **changes):
    return dict.fromkeys(TAGS, step / 64) | {"step": step, "time": 1e9 + time} | changes


def read(folder) -> list[tuple[int, float, dict[str, float]]]:
    """Step, time and values of every event but the first, by TensorFlow's own reader, which checks the checksums."""
    first, *events = tf.compat.v1.train.summary_iterator(str(folder / EVENTS))
    assert first.file_version == "brain.Event:2"
    return [
        (event.step, event.wall_time, {value.tag: value.simple_value for value in event.summary.value})
        for event in events
    ]


def test_events_hold_loss_dice_validation_rate_and_speed_of_every_record(tmp_path):
    history = [record(64, loss=0.5, learning_rate=0.25), record(128, time=60, samples_per_second=3.0)]
    write_events(tmp_path, history)
    (step, time, values), (last, later, others) = read(tmp_path)
    assert (step, time, last, later) == (64, 1e9, 128, 1e9 + 60)
    assert values["training/loss"] == 0.5
    assert values["run/learning_rate"] == 0.25
    assert others["run/samples_per_second"] == 3.0
    assert {"training/dice", "validation/dice", "validation/loss", "validation/floor"} < set(values)
    assert set(values) == set(others) == set(TAGS.values())


def test_a_new_record_is_appended_to_the_file_that_tensorboard_holds_open(tmp_path):
    write_events(tmp_path, [record(1)])
    inode = os.stat(tmp_path / EVENTS).st_ino
    write_events(tmp_path, [record(1), record(2)])
    write_events(tmp_path, [record(1), record(2)])
    assert os.stat(tmp_path / EVENTS).st_ino == inode
    assert [step for step, *_ in read(tmp_path)] == [1, 2]


@pytest.mark.parametrize("cut", [1, 40, 200])
def test_a_record_that_a_kill_cut_short_is_completed(tmp_path, cut):
    write_events(tmp_path, [record(1), record(2)])
    with open(tmp_path / EVENTS, "r+b") as file:
        file.truncate(os.stat(tmp_path / EVENTS).st_size - cut)
    write_events(tmp_path, [record(1), record(2), record(3)])
    assert [step for step, *_ in read(tmp_path)] == [1, 2, 3]


def test_records_after_the_checkpoint_that_a_run_resumes_from_are_not_kept_twice(tmp_path):
    write_events(tmp_path, [record(1), record(2), record(3)])
    again = [record(1), record(2, time=500)]
    write_events(tmp_path, again)
    assert [(step, time) for step, time, _ in read(tmp_path)] == [(1, 1e9), (2, 1e9 + 500)]
    assert len(list((tmp_path / "events").iterdir())) == 1
