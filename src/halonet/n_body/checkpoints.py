"""Checkpoint of a simulation between two steps: one complete file, refused to a simulation of another kind.

The bits of the state are stored, so that a simulation that goes on from it ends with the same bytes as one that was
never interrupted, on any number of ranks. Digests of the planes, and of the number of steps with each, are held against
what is read. A file that is not this simulation's whole checkpoint is renamed, never replaced or deleted.
"""

import hashlib
import json
import logging
import os
import time
from itertools import count
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from halonet.checks.field_values import check_finite
from halonet.grid.shared_writing import laid_out, write_planes
from halonet.grid.slabs import Slabs
from halonet.grid.threads import in_threads
from halonet.interruption import Interrupted
from halonet.n_body.simulation import State
from halonet.storage import StorageError, clear_leftovers, new_shared_hdf5, open_hdf5

log = logging.getLogger("halonet")
FIELDS = ("displacements", "momenta")  # of a state
DIGESTS, DIGEST_BYTES = "digests", hashlib.sha256().digest_size  # of every plane of a state
# What reading a file ends with that is cut short, or is something else.
UNREADABLE = (StorageError, OSError, KeyError, AttributeError, TypeError, ValueError)


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
        state, damages = self._read(steps)
        if self.slabs.ranks > 1:
            damages = [damage for each in self.slabs.communicator.allgather(damages) for damage in each]
        if not damages:
            return state
        if self.slabs.rank == 0:
            self._pass_over(damages[0])
        return None

    def _steps(self) -> int | None:
        """Steps that the stored state says it has done; a damaged file, or one of another simulation, is set aside."""
        clear_leftovers(self.path)
        if not self.path.exists():
            return None
        try:
            with open_hdf5(self.path) as file:
                self._check_is_one(file)
                made_by, steps = file["fingerprint"][()].decode(), int(file.attrs["steps"])
                shapes = {name: file[name].shape for name in (*FIELDS, DIGESTS)}
        except CheckpointError:
            raise
        except UNREADABLE as error:
            self._pass_over(error)
            return None
        if made_by != self.fingerprint:
            aside = self._set_aside("of_another_simulation")
            log.warning("%s is of other settings, density or code; it is now %s: starting over", self.path, aside)
            return None
        cells = self.slabs.cells
        if shapes != dict.fromkeys(FIELDS, (cells, cells, cells, 3)) | {DIGESTS: (cells, DIGEST_BYTES)}:
            self._pass_over(f"shapes {shapes}")
            return None
        return steps

    def _check_is_one(self, file: h5py.File) -> None:
        """Refuse a whole file that is no checkpoint, which would be replaced and at last deleted."""
        if "fingerprint" not in file:
            raise CheckpointError(
                f"{self.path}: no checkpoint of a simulation, but a file of {', '.join(sorted(file)) or 'nothing'}; it "
                "would be replaced and at last deleted, name another one"
            )

    def _read(self, steps: int) -> tuple[State | None, list[str]]:
        """This rank's part of the stored state, and what is wrong with it."""
        planes = slice(self.slabs.start, self.slabs.stop)
        try:
            with open_hdf5(self.path) as file:
                state = State(**{name: file[name][planes] for name in FIELDS}, steps=steps)
                noted = file[DIGESTS][planes]
            for name in FIELDS:
                check_finite(self.path, name, getattr(state, name), self.slabs.start)
            other = np.flatnonzero((self._digests(state) != noted).any(axis=1))
        except UNREADABLE as error:
            return None, [str(error)]
        return state, [f"plane {self.slabs.start + i} or the number of steps has changed" for i in other[:1]]

    def _digests(self, state: State) -> np.ndarray:
        """Digest of each of this rank's planes with the number of steps, shape (N / ranks, bytes)."""
        digests = np.empty((len(state.momenta), DIGEST_BYTES), np.uint8)

        def note(plane: int) -> None:
            digest = hashlib.sha256(str(state.steps).encode())
            for name in FIELDS:
                digest.update(getattr(state, name)[plane].tobytes())
            digests[plane] = np.frombuffer(digest.digest(), np.uint8)

        in_threads(note, range(len(digests)), self.slabs.threads)
        return digests

    def _pass_over(self, damage: object) -> None:
        log.warning("%s is damaged and passed over (%s); it is now %s: starting over", self.path, damage,
                    self._set_aside("damaged"))  # fmt: skip

    def _set_aside(self, why: str) -> str:
        """Rename the file, to a name that no other has; returns the name."""
        name = f"{self.path.name}.{why}"
        names = (name if number == 1 else f"{name}_{number}" for number in count(1))
        aside = next(path for path in map(self.path.with_name, names) if not os.path.lexists(path))
        self.path.rename(aside)
        return aside.name

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
        fields = {name: getattr(state, name) for name in FIELDS} | {DIGESTS: self._digests(state)}
        with new_shared_hdf5(self.path, self.slabs) as file:
            for name, field in fields.items():
                shape = (self.slabs.cells, *field.shape[1:])
                data = file.create_dataset(name, shape, field.dtype, dcpl=laid_out()) if file else None
                write_planes(data, field, self.slabs, self.path)
            if file:
                file.attrs["steps"] = state.steps
                file["fingerprint"] = self.fingerprint  # a dataset: an attribute holds no more than 64 kB

    def clear(self) -> None:
        """Delete the checkpoint."""
        if self.slabs.rank == 0:
            self.path.unlink(missing_ok=True)
