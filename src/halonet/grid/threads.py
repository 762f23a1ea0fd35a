"""Work shared out among threads, where its parts touch nothing in common: planes of a field, say.

Threads help where the work lets go of Python's lock, as loops of numpy, scipy and compiled functions do.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
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
