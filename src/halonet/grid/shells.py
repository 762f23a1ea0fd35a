"""Cell offsets around a cell, sorted by distance and grouped in shells of equal integer squared distance."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np


@dataclass(frozen=True)
class Shells:
    """Shells of a sphere of cells.

    Attributes
    ----------
    offsets
        Cell offsets (x, y, z), int32 of shape (cells, 3), by squared distance, then by x, y, z.
    starts
        Index of the first offset of each shell, with the number of offsets at the end, int64 of shape (shells + 1,).
    squared_radii
        Integer squared distance of each shell (cells^2), int64 of shape (shells,).
    """

    offsets: np.ndarray
    starts: np.ndarray
    squared_radii: np.ndarray

    @property
    def radii(self) -> np.ndarray:
        """Distance of each shell from the centre (cells), float64."""
        return np.sqrt(self.squared_radii)


@lru_cache(maxsize=8)
def shells_within(radius: int) -> Shells:
    """All shells with distance <= ``radius`` cells; the first is the centre cell itself."""
    side = np.arange(-radius, radius + 1, dtype=np.int32)
    square = side.astype(np.int64) ** 2
    squared = square[:, None, None] + square[:, None] + square
    inside = np.argwhere(squared <= radius**2)
    squared = squared[tuple(inside.T)]
    # numpy sorts 16 bits by radix, several times faster.
    order = np.argsort(squared.astype(np.uint16) if radius < 256 else squared, kind="stable")
    squared_radii, starts = np.unique(squared[order], return_index=True)
    return Shells(side[inside[order]], np.append(starts, len(order)), squared_radii)
