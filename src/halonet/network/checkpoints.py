"""Checkpoints of a training run: complete files only, the last two kept, refused to a run of another configuration.

A checkpoint is an HDF5 file ``step_<step>.h5``: one dataset per variable of model and optimizer, the rest of the run's
state as JSON, and a digest of both, which is held against them. What else stands in the folder is never deleted.
"""

import hashlib
import itertools
import json
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from halonet.network.history import FILES
from halonet.settings import SettingsError
from halonet.storage import StorageError, clear_leftovers, new_hdf5, open_hdf5

log = logging.getLogger("halonet")
KEPT = 2
NAMES = f"step_{'[0-9]' * 9}.h5"  # of checkpoints
HELD = ("state", "fingerprint", "digest")  # beside the variables


@dataclass
class TrainingState:
    """State of a training run between two steps.

    Attributes
    ----------
    stage, stage_step
        Index of the stage and steps done in it.
    step
        Steps done in all stages.
    history
        One record per validation; see :mod:`halonet.network.history`.
    sums
        Sums of loss and measures over the training steps since the last record.
    seconds
        Wall time spent so far (s).
    """

    stage: int = 0
    stage_step: int = 0
    step: int = 0
    history: list[dict] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0


State = TrainingState  # its former name, which scripts of users may know


class OtherConfiguration(SettingsError):
    """Checkpoints belong to a training of another configuration; ``changes`` says what differs."""

    def __init__(self, message: str, changes: list[str]) -> None:
        super().__init__(message)
        self.changes = changes


class Checkpoints:
    """Checkpoints of one run in a folder of its own.

    Parameters
    ----------
    folder
        Holds nothing but checkpoints and the training curve so far; made when it is needed.
    fingerprint
        All that decides the run's result, as JSON values.
    """

    def __init__(self, folder: str | Path, fingerprint: dict) -> None:
        self.folder = Path(folder)
        self.fingerprint = json.loads(json.dumps(fingerprint))

    def save(self, state: TrainingState, variables: list[np.ndarray]) -> None:
        """Write a checkpoint; a run killed meanwhile leaves the earlier ones untouched."""
        path = self.folder / f"step_{state.step:09d}.h5"
        with new_hdf5(path) as file:
            for index, values in enumerate(variables):
                file.create_dataset(f"variables/{index:05d}", data=values)
            # As datasets: an HDF5 attribute holds no more than 64 kB.
            file["state"] = text = json.dumps(vars(state))
            file["fingerprint"] = json.dumps(self.fingerprint)
            file["digest"] = _digest(text, variables)
        for old in filter(_is_checkpoint, self._files()[:-KEPT]):
            old.unlink()

    def load(self) -> tuple[TrainingState, list[np.ndarray]] | None:
        """State and variables of the last checkpoint, or None; a changed configuration is refused by its name."""
        self._check_folder()
        for name in FILES:
            clear_leftovers(self.folder / name)
        for leftover in self.folder.glob(f".{NAMES}.*.part"):
            leftover.unlink()
        for path in reversed(self._files()):
            try:
                return self._read(path)
            except OtherConfiguration:
                raise
            except (StorageError, OSError, KeyError, ValueError, TypeError, AttributeError) as error:
                # Its step may be higher than all that follow, which must not be deleted in favour of it.
                aside = next(name for name in _names_of_damaged(path) if not os.path.lexists(name))
                log.warning("%s is damaged and passed over (%s); it is now %s", path, error, aside.name)
                path.rename(aside)
        return None

    def _check_folder(self) -> None:
        """Refuse the folder of a trained network, whose history would be replaced and at last deleted."""
        if (held := self.folder / "model.weights.h5").exists():
            raise StorageError(
                f"{self.folder}: no folder for checkpoints, it holds a trained network ({held.name}), whose history "
                "would be replaced; name another one"
            )

    def _read(self, path: Path) -> tuple[TrainingState, list[np.ndarray]]:
        with open_hdf5(path) as file:
            text, made_by = file["state"][()], json.loads(file["fingerprint"][()])
            self._refuse_other(path, made_by)
            variables = [dataset[()] for dataset in file["variables"].values()]
            if file["digest"][()].decode() != _digest(text.decode(), variables):
                raise StorageError("its values have changed since they were written")
        return TrainingState(**json.loads(text)), variables

    def set_others_aside(self) -> None:
        """Move the checkpoints to another folder if the last one is of another configuration: hours are in them."""
        try:
            self.load()
        except OtherConfiguration as error:
            changed = re.split(r"\W", error.changes[0], maxsplit=1)[0]
            aside = next(path for path in self._names_aside(changed) if not path.exists())
            self.folder.rename(aside)
            log.warning("starting over: %s; its checkpoints are kept in %s until you delete them", error, aside)

    discard_others = set_others_aside  # its name before 0.1, when it deleted them; who calls it keeps his hours, too

    def _names_aside(self, changed: str) -> Iterator[Path]:
        """Folders like ``checkpoints_before_other_code_1``."""
        return (self.folder.with_name(f"{self.folder.name}_before_other_{changed}_{i}") for i in itertools.count(1))

    def clear(self) -> None:
        """Delete all checkpoints and the training curve beside them; not what only has the name of a checkpoint."""
        damaged = self.folder.glob(f"{NAMES}.damaged*")
        for path in filter(_is_checkpoint, (*self._files(), *damaged)):
            path.unlink()
        for name in FILES:
            (self.folder / name).unlink(missing_ok=True)
        for folder in (self.folder / "events", self.folder):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob(NAMES))

    def _refuse_other(self, path: Path, made_by: dict) -> None:
        changes = differences(made_by, self.fingerprint)
        if changes:
            raise OtherConfiguration(
                f"{path} belongs to a training of another configuration: {'; '.join(changes[:5])}. Go back to that "
                f"configuration, delete {self.folder}, or start over with --restart-on-change, which keeps it aside",
                changes,
            )


def _digest(state: str, variables: list[np.ndarray]) -> str:
    """SHA-256 of a run's state, as JSON, and of the values of its variables."""
    digest = hashlib.sha256(state.encode())
    for values in variables:
        digest.update(np.asarray(values).tobytes())
    return digest.hexdigest()


def _is_checkpoint(path: Path) -> bool:
    """Whether a file is a checkpoint, or an empty file; what else it may be is somebody else's, and is kept."""
    try:
        if not path.stat().st_size:
            return True  # of a disk that was full
        with open_hdf5(path) as file:
            return all(name in file for name in HELD)
    except (StorageError, OSError):
        return False


def _names_of_damaged(path: Path) -> Iterator[Path]:
    """Names like ``step_000000090.h5.damaged_2``."""
    yield path.with_name(f"{path.name}.damaged")
    yield from (path.with_name(f"{path.name}.damaged_{i}") for i in itertools.count(2))


def differences(before: object, now: object, name: str = "") -> list[str]:
    """Values that differ between two JSON trees, each with its name, like ``settings.filters was 8, is 16``."""
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        before, now = dict(enumerate(before)), dict(enumerate(now))
    if isinstance(before, dict) and isinstance(now, dict):
        keys = [*before, *(key for key in now if key not in before)]
        parts = ((before.get(key), now.get(key), f"{name}.{key}" if name else str(key)) for key in keys)
        return [change for part in parts for change in differences(*part)]
    return [] if before == now else [f"{name} was {before!r}, is {now!r}"]
