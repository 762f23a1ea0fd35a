"""What scripts share: logging, progress that suits a terminal and a log, and errors a user can act on."""

import logging
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from halonet.checks.assumptions import recorded

log = logging.getLogger("halonet")
T = TypeVar("T")
LINE_INTERVAL = 10.0  # seconds between two lines of progress in a log
SECONDS_TO_PASS_ON = 1.0  # for mpiexec to pass the last words on: what it has not read when ranks abort is lost


def run(main: Callable[[], int | None]) -> None:
    """Run a script's ``main``; bad input ends in one clear line and exit code 2, without a traceback.

    Bad input is a ``ValueError`` or ``OSError``, which this package raises with a message that names the key or file.
    Set ``HALONET_TRACEBACK=1`` to see where it came from.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    try:
        with recorded():
            code = main() or 0
    except BrokenPipeError:  # whoever read our output has enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr, flush=True)
        code = 128 + signal.SIGINT
    except MemoryError as error:
        print(f"error: not enough memory ({error}); a smaller box, or more ranks, needs less", file=sys.stderr)
        code = 2
    except (ValueError, OSError) as error:
        if os.environ.get("HALONET_TRACEBACK"):
            raise
        print(f"error: {error}{_without_folder()}", file=sys.stderr, flush=True)
        code = 2
    except Exception:
        traceback.print_exc()
        code = 1
    if code:
        _abort_other_ranks(code)
    sys.exit(code)


def _without_folder() -> str:
    """What explains many an error: the folder of the process has been deleted; empty where it is there."""
    try:
        os.getcwd()
    except OSError:
        return "; the current folder no longer exists"
    return ""


def _abort_other_ranks(code: int) -> None:
    """A rank that gives up would leave the others waiting for it for ever."""
    if "mpi4py.MPI" in sys.modules:
        from mpi4py import MPI

        if MPI.COMM_WORLD.size > 1:
            sys.stderr.flush()
            time.sleep(SECONDS_TO_PASS_ON)
            MPI.COMM_WORLD.Abort(code)


def progress(items: Collection[T], description: str) -> Iterator[T]:
    """Iterate with progress: a bar on a terminal, now and then a plain line in a log."""
    total = len(items)
    if sys.stderr.isatty():
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns) as bar:
            yield from bar.track(items, total=total, description=description)
        return
    start = last = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - last > LINE_INTERVAL and done < total:
            log.info("%s: %d of %d, %.0f s left", description, done, total, (now - start) / done * (total - done))
            last = now
    log.info("%s: %d of %d in %.1f s", description, total, total, time.monotonic() - start)


@contextmanager
def step(description: str) -> Iterator[None]:
    """Say what a step is, and at its end how long it took and how much memory the process has needed so far."""
    log.info("%s ...", description)
    start = time.monotonic()
    yield
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # Linux counts in kiB
    log.info("%s: %.1f s; memory up to %.2f GiB", description, time.monotonic() - start, peak)
