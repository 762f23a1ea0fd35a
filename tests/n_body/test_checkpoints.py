"""A simulation's checkpoint: never lost to that of other settings, and never taken up where it is damaged."""

import h5py
import numpy as np
import pytest
from thread_ranks import on_ranks

from halonet.grid.slabs import Slabs
from halonet.interruption import Interrupted
from halonet.n_body.checkpoints import Checkpoints
from halonet.n_body.simulation import State

CELLS = 8
SIGTERM = 15


def of(path, steps):
    """Checkpoints of a simulation of so many steps."""
    return Checkpoints(path, {"steps": steps}, Slabs(CELLS), 10.0)


def stop(path, steps):
    """Leave the checkpoint of a simulation that was asked to end, after as many steps as it is to have."""
    fields = np.full((2, CELLS, CELLS, CELLS, 3), steps, np.float32)
    with pytest.raises(Interrupted):
        of(path, steps).save_if_due(State(*fields, steps), SIGTERM)


def test_checkpoints_of_all_other_settings_are_kept_under_names_of_their_own(tmp_path):
    path = tmp_path / "checkpoint.h5"
    for steps in (20, 30, 40):
        stop(path, steps)
        assert of(path, steps + 1).load() is None
    kept = sorted(tmp_path.iterdir())
    assert [path.name.removeprefix("checkpoint.h5.of_another_simulation") for path in kept] == ["", "_2", "_3"]
    for steps, aside in zip((20, 30, 40), kept, strict=True):
        state = of(aside, steps).load()
        assert state.steps == steps
        assert (state.momenta == steps).all()


def test_a_simulation_has_a_name_for_its_snapshots_that_no_other_has(tmp_path):
    path = tmp_path / "checkpoint.h5"
    assert of(path, 20).key == of(path, 20).key != of(path, 21).key


def without_momenta(file):
    del file["momenta"]


def with_few_planes(file):
    del file["momenta"]
    file["momenta"] = np.zeros((CELLS // 2, CELLS, CELLS, 3), np.float32)


def with_a_folder(file):
    del file["displacements"]
    file.create_group("displacements")


def with_a_changed_bit(file):
    momenta = file["momenta"][...]
    momenta.view(np.uint32)[5, 1, 2, 0] ^= 1
    file["momenta"][...] = momenta


def with_other_steps(file):
    file.attrs["steps"] = 2000


def with_a_number_of_steps_that_is_none(file):
    file.attrs["steps"] = "many"


DAMAGES = (
    *(without_momenta, with_few_planes, with_a_folder),
    *(with_a_changed_bit, with_other_steps, with_a_number_of_steps_that_is_none),
)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_simulation_never_goes_on_from_a_state_or_step_that_was_not_stored(tmp_path, caplog, damage):
    path = tmp_path / "checkpoint.h5"
    stop(path, 20)
    with h5py.File(path, "a") as file:
        damage(file)
    assert of(path, 20).load() is None
    assert "it is now checkpoint.h5.damaged: starting over" in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.h5.damaged"]


def test_a_state_that_is_not_finite_is_not_gone_on_from(tmp_path, caplog):
    """A particle nowhere keeps the next force busy for minutes."""
    path = tmp_path / "checkpoint.h5"
    fields = np.full((2, CELLS, CELLS, CELLS, 3), 1, np.float32)
    fields[1, 3, 0, 0, 0] = np.nan
    with pytest.raises(Interrupted):
        of(path, 20).save_if_due(State(*fields, 1), SIGTERM)
    assert of(path, 20).load() is None
    assert "momenta has values that are not finite, first in plane 3" in caplog.text


def test_ranks_agree_on_a_checkpoint_and_on_damage_that_one_of_them_sees(tmp_path):
    path = tmp_path / "checkpoint.h5"
    stop(path, 20)

    def steps_on_each(communicator):
        state = Checkpoints(path, {"steps": 20}, Slabs(CELLS, communicator), 10.0).load()
        return None if state is None else (state.steps, state.momenta.shape)

    assert on_ranks(2, steps_on_each)[0] == [(20, (CELLS // 2, CELLS, CELLS, 3))] * 2
    with h5py.File(path, "a") as file:
        with_a_changed_bit(file)
    assert on_ranks(2, steps_on_each)[0] == [None, None]


def cut_off(path):
    path.write_bytes(path.read_bytes()[:1500])


def notes(path):
    path.write_text("my notes")


def with_a_fingerprint_of_its_own(path):
    with h5py.File(path, "w") as file:
        file["fingerprint"], file["results"] = [1, 2, 3], np.arange(5)


@pytest.mark.parametrize("users", [cut_off, notes, with_a_fingerprint_of_its_own])
def test_a_users_file_at_the_name_of_a_checkpoint_is_never_lost(tmp_path, users):
    path, contents = tmp_path / "checkpoint.h5", []
    for _ in range(2):
        stop(path, 20)
        users(path)
        contents.append(path.read_bytes())
        checkpoints = of(path, 20)
        assert checkpoints.load() is None
        stop(path, 20)
        checkpoints.clear()
    kept = [tmp_path / "checkpoint.h5.damaged", tmp_path / "checkpoint.h5.damaged_2"]
    assert sorted(tmp_path.iterdir()) == kept
    assert [each.read_bytes() for each in kept] == contents
