import logging

import h5py
import numpy as np
import pytest

from halonet.network.checkpoints import Checkpoints, TrainingState, differences
from halonet.settings import SettingsError
from halonet.storage import StorageError

FINGERPRINT = {"settings": {"filters": 8, "stages": [{"learning_rate": 0.1}]}, "seed": 1}


@pytest.fixture
def checkpoints(tmp_path) -> Checkpoints:
    return Checkpoints(tmp_path / "checkpoints", FINGERPRINT)


def variables(value: float) -> list[np.ndarray]:
    return [np.full((2, 3), value, "f4"), np.array(7, np.int64), np.array([1, 2**32 - 1], np.uint32)]


def test_a_checkpoint_reads_as_it_was_written(checkpoints):
    state = TrainingState(1, 3, 33, [{"loss": 0.1 + 0.2}], {"loss": 1 / 3}, 12.5)
    checkpoints.save(state, variables(1 / 3))
    read, values = checkpoints.load()
    assert read == state
    for value, expected in zip(values, variables(1 / 3), strict=True):
        assert value.dtype == expected.dtype
        assert np.array_equal(value, expected)


def test_the_last_two_are_kept(checkpoints):
    for step in (1, 9, 10, 11):
        checkpoints.save(TrainingState(step=step), variables(step))
    assert [path.name for path in sorted(checkpoints.folder.iterdir())] == ["step_000000010.h5", "step_000000011.h5"]


def test_no_checkpoint_is_no_error(checkpoints):
    assert checkpoints.load() is None


def test_a_damaged_last_checkpoint_is_named_and_the_one_before_is_used(checkpoints, caplog):
    for step in (1, 2):
        checkpoints.save(TrainingState(step=step), variables(step))
    last = checkpoints.folder / "step_000000002.h5"
    last.write_bytes(last.read_bytes()[:3000])
    with caplog.at_level(logging.WARNING):
        state, _ = checkpoints.load()
    assert state.step == 1
    assert "step_000000002.h5 is damaged" in caplog.text


def test_what_a_killed_writer_left_is_removed(checkpoints):
    checkpoints.save(TrainingState(step=1), variables(1))
    leftover = checkpoints.folder / ".step_000000002.h5.4711.part"
    leftover.write_bytes(b"half")
    assert checkpoints.load()[0].step == 1
    assert not leftover.exists()


def test_a_failing_write_leaves_the_earlier_checkpoints(checkpoints):
    checkpoints.save(TrainingState(step=1), variables(1))
    with pytest.raises(TypeError):
        checkpoints.save(TrainingState(step=2), [object()])
    assert [path.name for path in checkpoints.folder.iterdir()] == ["step_000000001.h5"]


def test_another_configuration_is_refused_by_the_names_of_its_changes(checkpoints):
    checkpoints.save(TrainingState(), variables(1))
    changed = {"settings": {"filters": 16, "stages": [{"learning_rate": 0.1}]}, "seed": 2}
    with pytest.raises(SettingsError, match=r"settings\.filters was 8, is 16; seed was 1, is 2") as error:
        Checkpoints(checkpoints.folder, changed).load()
    assert "--restart-on-change" in str(error.value)
    assert str(checkpoints.folder) in str(error.value)


def test_checkpoints_of_another_configuration_are_kept_aside_under_the_name_of_what_changed(checkpoints):
    """They may hold days: a changed error message is enough to make them another configuration's."""
    checkpoints.save(TrainingState(step=5), variables(1))
    checkpoints.set_others_aside()
    assert checkpoints.load() is not None
    for attempt, name in ((1, "set_others_aside"), (2, "discard_others")):  # the old name keeps them, too
        other = Checkpoints(checkpoints.folder, FINGERPRINT | {"seed": attempt + 1})
        getattr(other, name)()
        assert other.load() is None
        aside = checkpoints.folder.with_name(f"{checkpoints.folder.name}_before_other_seed_{attempt}")
        assert [path.name for path in aside.iterdir()] == ["step_000000005.h5"]
        checkpoints.save(TrainingState(step=5), variables(1))


def test_damaged_checkpoints_do_not_outlive_good_ones(checkpoints):
    """A full disk leaves files of no bytes, and of steps that the new start is far from."""
    for step in (90, 95):
        checkpoints.save(TrainingState(step=step), variables(1))
    for path in checkpoints.folder.glob("step_*.h5"):
        path.write_bytes(b"")
    assert checkpoints.load() is None
    checkpoints.save(TrainingState(step=1), variables(2))
    state, _ = checkpoints.load()
    assert state.step == 1
    checkpoints.clear()
    assert not checkpoints.folder.exists()


def test_clearing_removes_nothing_of_somebody_else(checkpoints):
    checkpoints.save(TrainingState(), variables(1))
    (checkpoints.folder / "notes.txt").write_text("mine")
    checkpoints.clear()
    assert [path.name for path in checkpoints.folder.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("name", ["variables/00000", "state"])
def test_a_training_never_goes_on_from_weights_or_a_step_that_were_not_stored(checkpoints, caplog, name):
    for step in (1, 2):
        checkpoints.save(TrainingState(step=step), variables(step))
    with h5py.File(checkpoints.folder / "step_000000002.h5", "a") as file:
        if name == "state":
            text = file[name][()].decode()
            del file[name]
            file[name] = text.replace('"step": 2', '"step": 3')
        else:
            file[name][1, 2] = 2.0000002
    state, values = checkpoints.load()
    assert state.step == 1
    assert (values[0] == 1).all()
    assert "its values have changed since they were written" in caplog.text


def test_a_users_files_with_the_names_of_checkpoints_are_never_lost(checkpoints):
    """Whether they are older or newer than a checkpoint, whole files of something else or none of HDF5."""
    folder = checkpoints.folder
    folder.mkdir()
    with h5py.File(folder / "step_000000001.h5", "w") as file:
        file["results"] = np.arange(5)
    users = {"step_000000009.h5": b"my notes", "step_000000009.h5.damaged": b"older notes", ".mine.part": b"a part"}
    for name, content in users.items():
        (folder / name).write_bytes(content)
    assert checkpoints.load() is None
    for step in (2, 3, 4, 5):
        checkpoints.save(TrainingState(step=step), variables(step))
    with h5py.File(folder / "step_000000002.h5", "w") as file:
        file["results"] = np.arange(3)
    checkpoints.save(TrainingState(step=6), variables(6))
    checkpoints.clear()
    names = ["step_000000001.h5.damaged", "step_000000002.h5", "step_000000009.h5.damaged_2", *list(users)[1:]]
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    assert (folder / "step_000000009.h5.damaged_2").read_bytes() == b"my notes"


def test_the_folder_of_a_trained_network_is_none_for_checkpoints(tmp_path):
    """Its training curve would be replaced, and deleted with the last checkpoint."""
    (tmp_path / "model.weights.h5").touch()
    with pytest.raises(StorageError, match=r"no folder for checkpoints, it holds a trained network"):
        Checkpoints(tmp_path, FINGERPRINT).load()


def test_differences_name_list_items_and_missing_keys():
    before, now = {"a": [1, {"b": 2}], "c": 3}, {"a": [1, {"b": 4}], "d": 5}
    assert differences(before, now) == ["a.1.b was 2, is 4", "c was 3, is None", "d was None, is 5"]
