"""Locks of files that a process writes over hours: they die with their holder."""

import fcntl
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

log = logging.getLogger("halonet")


@contextmanager
def exclusive(path: str | Path) -> Iterator[None]:
    """Hold ``path`` as a lock until the block ends or the process dies; wait while another process holds it.

    It is deleted at the end, and after the death of its holder by the next one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with open(path, "w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                log.info("%s: another process is at work; waiting for it to end", path)
                fcntl.flock(handle, fcntl.LOCK_EX)
            # What was waited for may have been deleted; who comes now would lock another file of its name.
            if _is_at(path, handle.fileno()):
                try:
                    yield
                finally:
                    path.unlink(missing_ok=True)
                return


@contextmanager
def exclusive_outputs(paths: Iterable[str | Path]) -> Iterator[None]:
    """Hold the locks of all that a process writes over hours; in the order of their names, so that no two wait for
    each other."""
    with ExitStack() as held:
        for path in sorted({os.path.realpath(path) for path in paths}):
            held.enter_context(exclusive(lock_of(path)))
        yield


def _is_at(path: Path, handle: int) -> bool:
    """Whether a name still stands for an open file."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False


def lock_of(path: str | Path) -> Path:
    """Lock of whoever writes ``path`` over hours, for :func:`exclusive`."""
    return Path(path).with_name(f".{Path(path).name}.lock")
