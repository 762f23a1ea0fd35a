"""Friends of friends: particles closer than the linking length belong to one group (Davis et al. 1985).

Groups are joined by a forest in which every particle points to one of smaller index, so that the root of a group is its
smallest index, whatever the order in which friends are met.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from halonet.friends_of_friends.columns import UNIT, Columns, sort_into_columns


@dataclass(frozen=True)
class Groups:
    """Groups of particles.

    Attributes
    ----------
    roots
        Smallest index of each particle's group, int32 of shape (n,).
    friends
        Number of friends of each particle, int32 of shape (n,).
    columns
        Particles sorted by position.
    """

    roots: np.ndarray
    friends: np.ndarray
    columns: Columns


def find_groups(positions: np.ndarray, cells: int, linking_length: float) -> Groups:
    """Groups of particles in a periodic box.

    Parameters
    ----------
    positions
        In units of 2^-20 cells (:mod:`halonet.grid.fixed_point`), uint32 of shape (n, 3), at most 2^31 particles.
    cells
        Cells along a side of the box.
    linking_length
        Largest distance of two friends (cells).
    """
    return link(sort_into_columns(positions, cells, linking_length), linking_length)


def link(columns: Columns, linking_length: float) -> Groups:
    """Groups of particles that are sorted into columns at least as wide as the linking length (cells)."""
    particles = len(columns.positions)
    parents, friends = np.arange(particles, dtype=np.int32), np.zeros(particles, np.int32)
    reach, shape = int(linking_length * UNIT), (columns.across, columns.side)
    _link(columns.positions, columns.order, columns.starts, shape, columns.period, reach, parents, friends)
    _to_roots(parents)
    return Groups(parents, friends, columns)


@njit(cache=True)
def _root(parents, i):
    while parents[i] != i:
        parents[i] = parents[parents[i]]
        i = parents[i]
    return i


@njit(cache=True)
def _join(parents, i, j):
    i, j = _root(parents, i), _root(parents, j)
    if i < j:
        parents[j] = i
    elif j < i:
        parents[i] = j


@njit(cache=True)
def _near(difference, period):
    """Distance along an axis in a periodic box, from a difference of two positions."""
    distance = abs(difference)
    return min(distance, period - distance)


@njit(cache=True)
def _link(positions, order, starts, shape, period, reach, parents, friends):
    """Meet every pair of friends once: within a column, and with four of the eight around it."""
    across, side = shape
    # With fewer than three columns along a side neighbours coincide: then each pair of columns is still met once.
    for column in range(across * side):
        i, j = column // side, column % side
        _link_within(positions, order, starts[column], starts[column + 1], period, reach, parents, friends)
        for di in range(-1, 2):
            if across < side and not 0 <= i + di < across:
                continue  # beyond the part
            for dj in range(-1, 2):
                other = (i + di) % side * side + (j + dj) % side
                if _is_first(i, j, di, dj, side, column, other):
                    _link_between(
                        positions, order, starts[column], starts[column + 1], starts[other], starts[other + 1],
                        period, reach, parents, friends,
                    )  # fmt: skip


@njit(cache=True)
def _is_first(i, j, di, dj, side, column, other):
    """Whether this neighbour is to be met here: once for every pair of different columns."""
    if other == column:
        return False
    if side >= 3:
        return di > 0 or (di == 0 and dj > 0)
    # The same column may lie on several sides: only the first of the offsets that lead to it counts.
    for a in range(-1, 2):
        for b in range(-1, 2):
            if (i + a) % side * side + (j + b) % side == other:
                return column < other and a == di and b == dj
    return False


@njit(cache=True)
def _link_pair(positions, order, a, b, period, square, parents, friends):
    dx = _near(np.int64(positions[a, 0]) - np.int64(positions[b, 0]), period)
    dy = _near(np.int64(positions[a, 1]) - np.int64(positions[b, 1]), period)
    dz = _near(np.int64(positions[a, 2]) - np.int64(positions[b, 2]), period)
    if dx * dx + dy * dy + dz * dz <= square:
        friends[order[a]] += 1
        friends[order[b]] += 1
        _join(parents, order[a], order[b])


@njit(cache=True)
def _link_within(positions, order, start, stop, period, reach, parents, friends):
    square = reach * reach
    for a in range(start, stop):
        z = np.int64(positions[a, 2])
        b = a + 1
        while b < stop and np.int64(positions[b, 2]) - z <= reach:
            _link_pair(positions, order, a, b, period, square, parents, friends)
            b += 1
        # Across the face of the box; those that were met above are not met again.
        c = start
        while c < a and c < stop and np.int64(positions[c, 2]) + period - z <= reach:
            if z - np.int64(positions[c, 2]) > reach:
                _link_pair(positions, order, a, c, period, square, parents, friends)
            c += 1


@njit(cache=True)
def _link_between(positions, order, start, stop, first, last, period, reach, parents, friends):
    """Both columns are sorted by z: the window of possible friends moves along with the particle."""
    if start == stop or first == last:
        return
    square = reach * reach
    low = first
    for a in range(start, stop):
        z = np.int64(positions[a, 2])
        while low < last and np.int64(positions[low, 2]) < z - reach:
            low += 1
        b = low
        while b < last and np.int64(positions[b, 2]) <= z + reach:
            _link_pair(positions, order, a, b, period, square, parents, friends)
            b += 1
        if z + reach >= period:  # across the upper face
            c = first
            while (
                c < last and np.int64(positions[c, 2]) <= z + reach - period and np.int64(positions[c, 2]) < z - reach
            ):
                _link_pair(positions, order, a, c, period, square, parents, friends)
                c += 1
        if z < reach:  # across the lower face
            c = last - 1
            while (
                c >= first and np.int64(positions[c, 2]) >= z - reach + period and np.int64(positions[c, 2]) > z + reach
            ):
                _link_pair(positions, order, a, c, period, square, parents, friends)
                c -= 1


@njit(cache=True)
def _to_roots(parents):
    """Let every particle point to the root; parents are smaller, so one pass in rising order does."""
    for m in range(len(parents)):
        parents[m] = parents[parents[m]]
