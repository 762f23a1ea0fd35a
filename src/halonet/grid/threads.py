"""Work shared out among threads, where its parts touch nothing in common: planes of a field, say.

Threads help where the work lets go of Python's lock, as loops of numpy, scipy and compiled functions do.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from threading import Event
from typing import TypeVar

T = TypeVar("T")


def in_threads(work: Callable[[T], object], parts: Iterable[T], threads: int) -> None:
    """Do ``work`` for all parts, so many at a time; raises what the first part to fail has raised."""
    if threads == 1:
        for part in parts:
            work(part)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, parts):
            pass


@contextmanager
def beside(work: Callable[[Event], T], threads: int) -> Iterator[Callable[[], T]]:
    """Do ``work`` in a thread of its own while the block runs; the function that the block gets waits for its result.

    What neither keeps all processors busy takes less time together. With one thread the work is done when its result is
    asked for. Where the block ends by an error, the event that ``work`` gets is set: it should stop, and is waited for.
    """
    stop = Event()
    if threads == 1:
        yield lambda: work(stop)
        return
    with ThreadPoolExecutor(1) as other:
        future = other.submit(copy_context().run, work, stop)
        try:
            yield future.result
        except BaseException:
            stop.set()
            raise
