"""Particles to the ranks whose planes of the mesh they are in, and forces back; no particle changes its owner.

Every particle stays on the rank of its Lagrangian cell, so that the order of all arrays is that of the cells for any
number of ranks. For a force its position (12 bytes) goes to the rank that holds the plane below it, and the force comes
back. This happens in chunks of particles, which bounds the memory.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from halonet.grid.fixed_point import FRACTION_BITS
from halonet.grid.slabs import Slabs


@dataclass(frozen=True)
class Route:
    """Positions of particles that are in this rank's planes, and the way back for what is computed of them.

    Attributes
    ----------
    positions
        uint32 of shape (n, 3), in the order of ranks and of their particles.
    order
        Of the particles that this rank has sent, by their rank; None where nothing was sent.
    sent, received
        Numbers of particles that went to, and came from, every rank.
    """

    positions: np.ndarray
    order: np.ndarray | None = None
    sent: np.ndarray | None = None
    received: np.ndarray | None = None


def send_positions(positions: np.ndarray, slabs: Slabs) -> Route:
    """Send each of ``positions`` (uint32, shape (n, 3)) to the rank whose planes it is in; collective."""
    if slabs.ranks == 1:
        return Route(positions)
    order, sent = _by_rank(positions, slabs.owners, slabs.ranks)
    received = np.empty_like(sent)
    slabs.communicator.Alltoall(sent, received)
    arrived = np.empty((received.sum(), 3), np.uint32)
    slabs.communicator.Alltoallv((positions[order], 3 * sent), (arrived, 3 * received))
    return Route(arrived, order, sent, received)


def return_values(values: np.ndarray, route: Route, slabs: Slabs) -> np.ndarray:
    """Values (float32, shape (n, C)) of the positions that arrived, to their senders, in their order; collective."""
    if slabs.ranks == 1:
        return values
    assert route.order is not None  # as of sent and received, where there are several ranks
    assert route.sent is not None
    assert route.received is not None
    width = values.shape[1]
    returned = np.empty((len(route.order), width), np.float32)
    slabs.communicator.Alltoallv((values, width * route.received), (returned, width * route.sent))
    result = np.empty_like(returned)
    result[route.order] = returned
    return result


@njit(cache=True)
def _by_rank(positions, owners, ranks):
    """Particles in the order of the rank whose planes they are in, and how many each rank gets."""
    count = np.zeros(ranks, np.int64)
    for m in range(len(positions)):
        count[owners[np.int64(positions[m, 0]) >> FRACTION_BITS]] += 1
    position = np.cumsum(count) - count
    order = np.empty(len(positions), np.int64)
    for m in range(len(positions)):
        rank = owners[np.int64(positions[m, 0]) >> FRACTION_BITS]
        order[position[rank]] = m
        position[rank] += 1
    return order, count
