"""Work on the cells around some centres of a field in slabs: where they are a rank's own, and where they are not.

A rank works for the centres in its planes. Those whose surroundings are its own it works on at once, in its slab. The
others get theirs as cubes, some at a time, so that no rank holds planes of its neighbours.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from halonet.grid.cubes import fetch_cubes
from halonet.grid.slabs import Slabs

BATCH_BYTES = 2**26  # of cubes that a rank holds at a time, but for one that is larger

Work = Callable[[np.ndarray, Sequence[np.ndarray], int, np.ndarray], object]


def around_centres(
    slabs: Slabs, fields: Sequence[np.ndarray], centres: np.ndarray, reaches: np.ndarray, work: Work
) -> None:
    """Let ``work`` see what lies within ``reaches`` of this rank's centres; collective.

    Parameters
    ----------
    fields
        This rank's planes, shape (planes, N, N, ...) each.
    centres
        Cells, int64 of shape (n, 3).
    reaches
        Cells that are needed on either side of them, int64 of shape (n,).
    work
        Takes numbers of centres, the fields around them, number of the first plane of these, and cells of the centres
        in them: those of the box in a slab, in which y and z are periodic, and the middle of a cube.
    """
    x = centres[:, 0] % slabs.cells
    own = (x - reaches >= slabs.start) & (x + reaches < slabs.stop)
    own |= slabs.ranks == 1
    rows = np.flatnonzero(own)
    work(rows, fields, slabs.start, centres[rows])
    if slabs.ranks == 1:
        return
    beyond = np.flatnonzero(~own)
    of_cell = sum(field.itemsize * int(np.prod(field.shape[3:])) for field in fields)
    batches = list(_batches((2 * reaches[beyond] + 1) ** 3 * of_cell))
    for turn in range(max(slabs.communicator.allgather(len(batches)))):
        rows = beyond[batches[turn]] if turn < len(batches) else beyond[:0]
        starts, sides = centres[rows] - reaches[rows, None], 2 * reaches[rows] + 1
        cubes = [fetch_cubes(slabs, field, starts, sides) for field in fields]
        for row, *around in zip(rows.tolist(), *cubes, strict=True):
            work(np.array([row]), around, 0, np.full((1, 3), reaches[row]))


def _batches(sizes: np.ndarray) -> Iterator[slice]:
    """Parts of a list of cubes of so many bytes."""
    start, total = 0, 0
    for row, size in enumerate(sizes.tolist()):
        if row > start and total + size > BATCH_BYTES:
            yield slice(start, row)
            start, total = row, 0
        total += size
    if len(sizes):
        yield slice(start, len(sizes))
