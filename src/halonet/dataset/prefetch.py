"""Read ahead: batches are made by threads while the network works on earlier ones."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, TypeVar

T = TypeVar("T")
Made = TypeVar("Made", covariant=True)


class Items(Protocol[Made]):
    """Items that are made when they are asked for by their number."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Made: ...


def prefetched(batches: Items[T], workers: int = 1, ahead: int = 3) -> Iterator[T]:
    """Items of ``batches`` in their order, made by ``workers`` threads and at most ``ahead`` of them in advance."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix="batches")
    try:
        waiting: deque[Future[T]] = deque()
        for index in range(len(batches)):
            waiting.append(pool.submit(batches.__getitem__, index))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
