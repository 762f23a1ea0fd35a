"""Mocks made ahead: a process that has made its own mock goes on with those of further seeds.

To start a process, load TensorFlow and compile a network takes a third of the time of a small mock. The jobs of a
workflow stay one for each seed, so that each is planned, kept and remade by itself. But the process of the first makes
some of the others ahead, in a folder beside theirs; their own jobs then only move them to where they belong. What is
made ahead is known by a key, which is made of all that the mock depends on. Whoever makes a mock holds the lock of its
seed meanwhile, so that jobs which run at the same time never make one twice.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FOLDER = ".ahead"  # beside the folders of the seeds


@dataclass(frozen=True)
class Ahead:
    """Mocks of one kind, made ahead or not.

    Attributes
    ----------
    folder
        Where mocks are kept that were made ahead.
    key
        Of all that they depend on but for their seeds.
    """

    folder: Path
    key: str

    def file(self, seed: int, output: Path) -> Path:
        """Where a file of a mock is kept that belongs to ``output``."""
        return self.folder / f"{seed}-{self.key}-{output.name}"

    def take_or_make(self, seed: int, outputs: list[Path], make: Callable[[int, list[Path]], None]) -> bool:
        """Move what was made ahead to ``outputs``, of which the last is written last, or make it there; tell which."""
        with self._locked(seed):
            kept = [self.file(seed, output) for output in outputs]
            if all(path.exists() for path in kept):
                for path, output in zip(kept, outputs, strict=True):
                    output.parent.mkdir(parents=True, exist_ok=True)
                    os.replace(path, output)
                return False
            make(seed, outputs)
            return True

    def make_others(self, others: dict[int, list[Path]], make: Callable[[int, list[Path]], None]) -> None:
        """Make mocks of ``others``, outputs by their seeds, unless they are there, or somebody else is at them."""
        for seed, outputs in others.items():
            with self._locked(seed, wait=False) as free:
                kept = [self.file(seed, output) for output in outputs]
                if free and not outputs[-1].exists() and not all(path.exists() for path in kept):
                    make(seed, kept)

    @contextmanager
    def _locked(self, seed: int, wait: bool = True) -> Iterator[bool]:
        """Hold the lock of a seed, which goes with the process; tells whether it is held."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / f"{seed}.lock", "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True


def key_of(*parts: object) -> str:
    """Key of what mocks depend on, given as values that JSON knows."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
