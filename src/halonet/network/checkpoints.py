"""Checkpoints of a training run: complete files only, the last two kept, refused to a run of another configuration.

A checkpoint is an HDF5 file ``step_<step>.h5``: one dataset per variable of model and optimizer, and the rest of the
run's state as JSON.
"""

import itertools
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from halonet.network.history import FILES
from halonet.settings import SettingsError
from halonet.storage import StorageError, new_hdf5, open_hdf5

log = logging.getLogger("halonet")
KEPT = 2


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
            file["state"] = json.dumps(vars(state))
            file["fingerprint"] = json.dumps(self.fingerprint)
        for old in self._files()[:-KEPT]:
            old.unlink()

    def load(self) -> tuple[TrainingState, list[np.ndarray]] | None:
        """State and variables of the last checkpoint, or None; a changed configuration is refused by its name."""
        for leftover in self.folder.glob(".*.part"):
            leftover.unlink()
        for path in reversed(self._files()):
            try:
                with open_hdf5(path) as file:
                    state, made_by = (json.loads(file[name][()]) for name in ("state", "fingerprint"))
                    variables = [dataset[()] for dataset in file["variables"].values()]
            except (StorageError, OSError, KeyError, ValueError) as error:
                # Its step may be higher than all that follow, which must not be deleted in favour of it.
                log.warning("%s is damaged and passed over (%s); it is now %s.damaged", path, error, path.name)
                path.rename(path.with_name(f"{path.name}.damaged"))
                continue
            self._refuse_other(path, made_by)
            return TrainingState(**state), variables
        return None

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
        """Delete all checkpoints and the training curve beside them."""
        damaged = self.folder.glob("step_*.h5.damaged")
        for path in (*self._files(), *damaged, *(self.folder / name for name in FILES)):
            path.unlink(missing_ok=True)
        for folder in (self.folder / "events", self.folder):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("step_*.h5"))

    def _refuse_other(self, path: Path, made_by: dict) -> None:
        changes = differences(made_by, self.fingerprint)
        if changes:
            raise OtherConfiguration(
                f"{path} belongs to a training of another configuration: {'; '.join(changes[:5])}. Go back to that "
                f"configuration, delete {self.folder}, or start over with --restart-on-change, which keeps it aside",
                changes,
            )


def differences(before: object, now: object, name: str = "") -> list[str]:
    """Values that differ between two JSON trees, each with its name, like ``settings.filters was 8, is 16``."""
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        before, now = dict(enumerate(before)), dict(enumerate(now))
    if isinstance(before, dict) and isinstance(now, dict):
        keys = [*before, *(key for key in now if key not in before)]
        parts = ((before.get(key), now.get(key), f"{name}.{key}" if name else str(key)) for key in keys)
        return [change for part in parts for change in differences(*part)]
    return [] if before == now else [f"{name} was {before!r}, is {now!r}"]
