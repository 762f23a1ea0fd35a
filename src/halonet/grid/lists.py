"""Lists of objects that ranks send each other: votes, say."""

from collections.abc import Sequence

import numpy as np

from halonet.grid.slabs import Slabs
from halonet.grid.transposes import exchange


def send_rows(slabs: Slabs, rows: Sequence[np.ndarray], columns: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Send some rows of columns, arrays of shape (n, ...), to each rank, and get the columns of what comes; collective.

    ``rows`` are numbers of rows, an array for every rank. What comes is in the order of ranks.
    """
    numbers = slabs.communicator.alltoall([len(own) for own in rows])
    arrived = []
    for column in columns:
        shape = column.shape[1:]
        sizes = [number * int(np.prod(shape)) for number in numbers]
        arrived.append(exchange(slabs.communicator, [column[own] for own in rows], sizes).reshape(-1, *shape))
    return arrived


def ranks_touched(slabs: Slabs, first: np.ndarray, count: np.ndarray) -> list[np.ndarray]:
    """For every other rank the rows of whose planes, ``count`` from the ``first`` on (periodic), it has some.

    Of this rank itself there are none.
    """
    first = first % slabs.cells
    beyond = np.flatnonzero((first < slabs.start) | (first + count > slabs.stop))
    low, number, rows = first[beyond], count[beyond], []
    for rank in range(slabs.ranks):
        start, stop = slabs.bounds[rank : rank + 2]
        touches = ((start - low) % slabs.cells < number) | ((low - start) % slabs.cells < stop - start)
        rows.append(beyond[touches & (rank != slabs.rank)])
    return rows
