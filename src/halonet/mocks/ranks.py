"""A mock over MPI ranks: what each of them does, and how the parts come together to the same bytes.

The density is drawn in slabs and every rank gets all of it; each predicts its share of the tiles, and since the cores
of tiles do not overlap, the sum over ranks adds only zeros to the one prediction of a cell. Finding and moving haloes
is for one rank.
"""

import time
from typing import TypeVar

import numpy as np

from halonet.grid.slabs import Slabs
from halonet.mpi import Communicator

T = TypeVar("T")

POLL = 0.2  # seconds between two looks of an idle rank; MPI's own waiting would take its core from the others


def whole_field(slabs: Slabs, slab: np.ndarray) -> np.ndarray:
    """All planes of a field, shape (N, N, N, ...), on every rank, from the slab of each; collective."""
    if slabs.ranks == 1:
        return slab
    field = np.empty((slabs.cells, *slab.shape[1:]), slab.dtype)
    slabs.communicator.Allgather(np.ascontiguousarray(slab), field)
    return field


def own_share(items: list[T], communicator: Communicator | None = None) -> list[T]:
    """Items that fall to this rank, dealt out in turn."""
    return items if communicator is None else items[communicator.rank :: communicator.size]


def sum_over_ranks(field: np.ndarray, communicator: Communicator | None = None) -> None:
    """Add up fields of shape (N, ...) of which every cell is zero on all ranks but one; collective.

    The sum replaces the field of the first rank.
    """
    if communicator is None:
        return
    if field.dtype == np.float16:  # which MPI does not know; of bits, too, all but one are zero
        field = field.view(np.uint16)
    received = np.empty_like(field[0])
    for plane in field:
        communicator.Reduce(plane, received)
        if communicator.rank == 0:
            plane[...] = received


def wait_for_first(communicator: Communicator | None = None) -> None:
    """Let the ranks that have nothing to do sleep until the first one calls this, too; collective."""
    if communicator is None:
        return
    request = communicator.Ibarrier()
    while not request.Test():
        time.sleep(POLL)
