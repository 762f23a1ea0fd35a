"""Cubes of a periodic lattice, held as arrays of their own: what windows are cut from, and bricks are put into."""

from dataclasses import dataclass
from typing import Self

import numpy as np

Index = tuple[np.ndarray, ...]
Corner = tuple[int, int, int]


@dataclass(frozen=True)
class Cube:
    """A cube of a periodic lattice.

    Attributes
    ----------
    start
        Its first cell along each axis; may lie beyond the borders of the lattice.
    side, period
        Cells along a side of the cube, and of the lattice.
    """

    start: Corner
    side: int
    period: int

    @classmethod
    def within(cls, start: Corner, side: int, period: int) -> Self:
        """The cube, or the whole lattice where it would hold a cell twice."""
        return cls(start, side, period) if side < period else cls((0, 0, 0), period, period)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the cube's array."""
        return self.side, self.side, self.side

    def window(self, start: Corner, side: int) -> Index:
        """Index into the cube's array of the window of ``side`` cells from ``start`` on, which must lie within it."""
        rows = [(low + np.arange(side) - first) % self.period for low, first in zip(start, self.start, strict=True)]
        if max(int(row.max()) for row in rows) >= self.side:
            raise ValueError(f"a window of {side} cells from {start} on leaves the cube {self}")
        return np.ix_(*rows)

    def shared(self, start: Corner, side: int) -> tuple[Index, Index]:
        """Indices of the cells of another, smaller cube that lie in this one: into this array, and into the other."""
        rows = [(low + np.arange(side) - first) % self.period for low, first in zip(start, self.start, strict=True)]
        others = [np.flatnonzero(row < self.side) for row in rows]
        return np.ix_(*(row[other] for row, other in zip(rows, others, strict=True))), np.ix_(*others)

    def bricks(self, side: int) -> list[Corner]:
        """First cells of those bricks of ``side`` cells, which divides the lattice, that the cube has cells of."""
        rows = [np.unique((low + np.arange(self.side)) % self.period // side * side) for low in self.start]
        return [(int(x), int(y), int(z)) for x in rows[0] for y in rows[1] for z in rows[2]]

    def flat(self, lattice: np.ndarray) -> np.ndarray:
        """Flat indices into the cube's array of cells of the lattice, int64 of shape (cells,), from (cells, 3)."""
        x, y, z = ((lattice - np.array(self.start)) % self.period).T
        return (x * self.side + y) * self.side + z
