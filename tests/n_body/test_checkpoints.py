"""A simulation's checkpoint: never lost to that of other settings, and never taken up where it is damaged."""

import h5py
import numpy as np
import pytest

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


@pytest.mark.parametrize("damage", [without_momenta, with_few_planes, with_a_folder])
def test_a_checkpoint_whose_fields_are_incomplete_is_passed_over(tmp_path, caplog, damage):
    path = tmp_path / "checkpoint.h5"
    stop(path, 20)
    with h5py.File(path, "a") as file:
        damage(file)
    assert of(path, 20).load() is None
    assert "checkpoint.h5 is damaged and passed over" in caplog.text
