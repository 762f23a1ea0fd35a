"""Checkpoint of a simulation between two steps: one complete file, refused to a simulation of another kind.

The bits of the state are stored, so that a simulation that goes on from it ends with the same bytes as one that was
never interrupted, on any number of ranks.
"""

import hashlib
import json
import logging
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from halonet.grid.slabs import Slabs
from halonet.interruption import Interrupted
from halonet.n_body.simulation import State
from halonet.storage import CHUNK_CELLS, StorageError, clear_leftovers, new_hdf5, open_hdf5

log = logging.getLogger("halonet")
FIELDS = ("displacements", "momenta")  # of a state


class CheckpointError(StorageError):
    """A file that is no checkpoint stands where one is to be."""


class Checkpoints:
    """The last state of one simulation, stored when enough time has passed; all methods are collective.

    Parameters
    ----------
    path
        File of the checkpoint.
    fingerprint
        All that decides the simulation's result, as JSON values.
    slabs
        Distribution of the particles.
    minutes
        Least time between two checkpoints.

    Attributes
    ----------
    key
        Name of the fingerprint, for files of this simulation alone.
    """

    def __init__(self, path: str | Path, fingerprint: dict[str, Any], slabs: Slabs, minutes: float) -> None:
        self.path, self.slabs, self.minutes = Path(path), slabs, minutes
        self.fingerprint = json.dumps(fingerprint, sort_keys=True)
        self.key = hashlib.sha256(self.fingerprint.encode()).hexdigest()[:8]
        self._last = time.monotonic()

    def load(self) -> State | None:
        """The stored state, or None where there is none of this simulation."""
        steps = self._steps() if self.slabs.rank == 0 else None
        if self.slabs.ranks > 1:
            steps = self.slabs.communicator.bcast(steps)
        if steps is None:
            return None
        with open_hdf5(self.path) as file:
            planes = slice(self.slabs.start, self.slabs.stop)
            return State(**{name: file[name][planes] for name in FIELDS}, steps=steps)

    def _steps(self) -> int | None:
        """Steps that the stored state has done; a damaged file, or one of another simulation, is passed over."""
        clear_leftovers(self.path)
        if not self.path.exists():
            return None
        try:
            with open_hdf5(self.path) as file:
                self._check_is_one(file)
                made_by, steps = file["fingerprint"][()].decode(), int(file.attrs["steps"])
                shapes = {file[name].shape for name in FIELDS}
        except CheckpointError:
            raise
        except (StorageError, OSError, KeyError, AttributeError) as error:
            log.warning("%s is damaged and passed over (%s)", self.path, error)
            return None
        if made_by != self.fingerprint:
            aside = next(path for path in self._names_aside() if not path.exists())
            log.warning("%s is of other settings, density or code; it is now %s: starting over", self.path, aside.name)
            self.path.rename(aside)
            return None
        if shapes != {(self.slabs.cells,) * 3 + (3,)}:
            log.warning("%s is damaged and passed over (shapes %s)", self.path, shapes)
            return None
        return steps

    def _check_is_one(self, file: h5py.File) -> None:
        """Refuse a whole file that is no checkpoint, which would be replaced and at last deleted."""
        if "fingerprint" not in file:
            raise CheckpointError(
                f"{self.path}: no checkpoint of a simulation, but a file of {', '.join(sorted(file)) or 'nothing'}; it "
                "would be replaced and at last deleted, name another one"
            )

    def _names_aside(self) -> Iterator[Path]:
        name = f"{self.path.name}.of_another_simulation"
        yield self.path.with_name(name)
        for number in count(2):
            yield self.path.with_name(f"{name}_{number}")

    def save_if_due(self, state: State, signal: int = 0) -> None:
        """Store the state if the last one is old enough, which the first rank decides for all, or upon a signal.

        Parameters
        ----------
        signal
            Number of the signal that asked this rank to end, 0 without one. What one rank was asked, all do.

        Raises
        ------
        Interrupted
            After a signal to any of the ranks, with the state stored.
        """
        due = time.monotonic() - self._last > 60 * self.minutes
        if self.slabs.ranks > 1:
            asked = self.slabs.communicator.allgather((due, signal))
            due, signal = asked[0][0], max(number for _, number in asked)
        if due or signal:
            self._save(state)
            self._last = time.monotonic()
        if signal:
            if self.slabs.rank == 0:
                log.info("interrupted at step %d; the same command goes on from there", state.steps)
            raise Interrupted(128 + signal)

    def _save(self, state: State) -> None:
        fields = {name: getattr(state, name) for name in FIELDS}
        if self.slabs.rank:
            for field in fields.values():
                for _ in self._groups(field):
                    pass
            return
        with new_hdf5(self.path) as file:
            for name, field in fields.items():
                data = file.create_dataset(name, (self.slabs.cells,) * 3 + (3,), np.float32)
                for start, planes in self._groups(field):
                    data[start : start + len(planes)] = planes
            file.attrs["steps"] = state.steps
            file["fingerprint"] = self.fingerprint  # a dataset: an attribute holds no more than 64 kB

    def _groups(self, field: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        return self.slabs.collect(field, min(CHUNK_CELLS, self.slabs.cells))

    def clear(self) -> None:
        """Delete the checkpoint."""
        if self.slabs.rank == 0:
            self.path.unlink(missing_ok=True)
