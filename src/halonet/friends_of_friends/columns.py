"""Particles sorted into narrow columns along z, in which all that are near one another are found by walking along.

A column is as wide as the linking length, so that the friends of a particle are in its own column and the eight around
it. Within a column particles are sorted by z. Positions are whole numbers (:mod:`halonet.grid.fixed_point`): a distance
is computed without rounding, and what is a friend does not depend on order or on where the box is cut.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from halonet.grid.fixed_point import FRACTION_BITS

UNIT = 1 << FRACTION_BITS


@dataclass(frozen=True)
class Columns:
    """Particles of a periodic box, or of a part of it along x, sorted by column and z.

    Attributes
    ----------
    positions
        Sorted positions in units of 2^-20 cells, uint32 of shape (n, 3).
    order
        Index of each sorted particle, int32 of shape (n,).
    starts
        First sorted particle of every column (x, y), flat, int64 of shape (across * side + 1,).
    side
        Columns along a side of the box.
    period
        Side of the box in units of 2^-20 cells.
    first, across
        First column along x, and how many there are: all of a whole box.
    """

    positions: np.ndarray
    order: np.ndarray
    starts: np.ndarray
    side: int
    period: int
    first: int
    across: int


def sort_into_columns(positions: np.ndarray, cells: int, width: float, part: tuple[int, int] | None = None) -> Columns:
    """Sort particles into columns at least ``width`` cells wide; the order of equal positions is that of the particles.

    Parameters
    ----------
    positions
        In units of 2^-20 cells, uint32 of shape (n, 3).
    cells
        Cells along a side of the box.
    part
        The x that there are, from the first to before the last, which may lie beyond the faces of the box; by default
        all.
    """
    period = cells << FRACTION_BITS
    side = max(1, int(period // np.ceil(width * UNIT)))
    first, across = _across(part or (0, period), side, period)
    starts = _count(positions, side, period, first, across)
    order = _fill(positions, side, period, first, starts)
    _sort_along_z(positions, order, starts)
    return Columns(positions[order], order, starts, side, period, first, across)


def _across(part: tuple[int, int], side: int, period: int) -> tuple[int, int]:
    """First column of a part of the box along x, and how many it has: all where its ends are neighbours."""
    first, last = part[0] * side // period, (part[1] - 1) * side // period
    return (0, side) if last - first + 3 > side else (first, last - first + 1)


@njit(cache=True)
def _column(positions, m, side, period, first):
    x, y = np.int64(positions[m, 0]), np.int64(positions[m, 1])
    return (x * side // period - first) % side * side + y * side // period


@njit(cache=True)
def _count(positions, side, period, first, across):
    starts = np.zeros(across * side + 1, np.int64)
    for m in range(len(positions)):
        starts[_column(positions, m, side, period, first) + 1] += 1
    return np.cumsum(starts)


@njit(cache=True)
def _fill(positions, side, period, first, starts):
    position = starts[:-1].copy()
    order = np.empty(len(positions), np.int32)
    for m in range(len(positions)):
        column = _column(positions, m, side, period, first)
        order[position[column]] = m
        position[column] += 1
    return order


@njit(cache=True)
def _sort_along_z(positions, order, starts):
    for column in range(len(starts) - 1):
        rows = order[starts[column] : starts[column + 1]]
        if len(rows) > 1:
            keys = np.empty(len(rows), np.int64)
            for i in range(len(rows)):
                keys[i] = (np.int64(positions[rows[i], 2]) << 31) + rows[i]  # of equal z, the smaller index first
            keys.sort()
            for i in range(len(rows)):
                rows[i] = np.int32(keys[i] & 0x7FFFFFFF)
