"""Read ahead: batches are made by threads while the network works on earlier ones."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def prefetched(batches: Sequence[T], workers: int = 1, ahead: int = 3) -> Iterator[T]:
    """Items of ``batches`` in their order, made by ``workers`` threads and at most ``ahead`` of them in advance."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix="batches")
    try:
        waiting = deque()
        for index in range(len(batches)):
            waiting.append(pool.submit(batches.__getitem__, index))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
