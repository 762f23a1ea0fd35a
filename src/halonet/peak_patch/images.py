"""Periodic images of a box around an observer: every peak once for each of them, at its own redshift.

An observer sees images of the same peak at different distances, hence at different epochs. Peaks of the smoothed
density do not depend on the epoch; which of them are candidates, on which filter, and their radii do.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numba
import numpy as np

from halonet.peak_patch.candidates import Peaks
from halonet.peak_patch.collapse import CollapseTable
from halonet.sky.epochs import Epochs
from halonet.sky.region import Region

MOST_IMAGES = 1_000_000


class Candidates(NamedTuple):
    """Peaks by their cells: ``filters`` and ``heights`` of cell i stand at ``starts[i]`` to ``starts[i + 1]``.

    Those of a cell fall in filter. Cells ascend; int64, but the heights, float32.
    """

    cells: np.ndarray
    starts: np.ndarray
    filters: np.ndarray
    heights: np.ndarray

    def select(self, rows: slice) -> "Candidates":
        """A stretch of the cells."""
        starts = self.starts[rows.start : rows.stop + 1]
        part = slice(starts[0], starts[-1])
        return Candidates(self.cells[rows], starts - starts[0], self.filters[part], self.heights[part])


def by_cell(peaks: Peaks) -> Candidates:
    """Peaks in the order of their cells."""
    order = np.argsort(peaks.cells, kind="stable")  # of a cell the largest filter stands first
    cells, starts = np.unique(peaks.cells[order], return_index=True)
    return Candidates(cells, np.append(starts, len(order)), peaks.filters[order], peaks.heights[order])


class Seen(NamedTuple):
    """Candidates as the observer sees them, images of a cell together: row of the cell, image, filter, redshift."""

    rows: np.ndarray
    images: np.ndarray
    filters: np.ndarray
    redshifts: np.ndarray


@dataclass(frozen=True)
class Images:
    """Images of a periodic box of which a part lies within ``margin`` of a region around an observer.

    Attributes
    ----------
    cells, cell_size
        Cells along a side of the box, and their side (Mpc).
    observer
        Position from the corner of the box (Mpc), shape (3,), within the box.
    region
        What is wanted.
    margin
        How far beyond the region candidates are searched (Mpc).
    """

    cells: int
    cell_size: float
    observer: np.ndarray
    region: Region
    margin: float

    @cached_property
    def offsets(self) -> np.ndarray:
        """Whole boxes from the observer's own one, int64 of shape (images, 3)."""
        side = self.cells * self.cell_size
        most = int((self.region.farthest + self.margin) / side) + 2
        # Cubes of boxes that the region may reach, halved until they are single ones.
        cubes, across = np.full((1, 3), -most), 1 << (2 * most).bit_length()
        while True:
            centres = (cubes + 0.5 * across) * side - self.observer
            rounding = 1e-6 * (across - 1)
            cubes = cubes[self.region.outside(centres) <= self.margin + (0.5 * 3**0.5 * across + rounding) * side]
            if len(cubes) > MOST_IMAGES:
                raise ValueError(
                    f"the light cone sees more than {MOST_IMAGES:,} images of a box of {side:g} Mpc; it needs a larger "
                    "box, a smaller opening, or redshifts that are smaller"
                )
            if across == 1:
                break
            across //= 2
            cubes = (cubes[:, None] + across * np.array(list(np.ndindex(2, 2, 2)))).reshape(-1, 3)
        cubes = cubes[(cubes <= most).all(axis=1)]
        return cubes[np.lexsort(cubes.T[::-1])]

    def lattice(self, cells: np.ndarray, images: np.ndarray) -> np.ndarray:
        """Indices of cells on the lattice of all boxes, from flat ones and images; int64 of shape (cells, 3)."""
        index = np.stack(np.unravel_index(cells, (self.cells,) * 3), axis=-1)
        return index + self.cells * self.offsets[images]

    def from_observer(self, lattice: np.ndarray) -> np.ndarray:
        """Positions of cell centres from the observer (Mpc), shape (cells, 3)."""
        return (lattice + 0.5) * self.cell_size - self.observer

    def seen(self, candidates: Candidates, epochs: Epochs, table: CollapseTable) -> Seen:
        """What the observer sees of candidates within the margin of the region."""
        index = np.stack(np.unravel_index(candidates.cells, (self.cells,) * 3), axis=-1)
        found = []
        for image, offset in enumerate(self.offsets):
            positions = self.from_observer(index + self.cells * offset)
            rows = np.flatnonzero(self.region.outside(positions) <= self.margin)
            redshifts = epochs.redshift(np.sqrt((positions[rows] ** 2).sum(axis=1)))
            filters = _largest_filter(rows, table.thresholds(redshifts), *candidates[1:])
            high = filters >= 0
            found.append((rows[high], np.full(high.sum(), image), filters[high], redshifts[high]))
        rows, images, filters, redshifts = (np.concatenate(values) for values in zip(*found, strict=True))
        order = np.argsort(rows, kind="stable")
        return Seen(rows[order], images[order], filters[order], redshifts[order])


@numba.njit(cache=True, nogil=True)
def _largest_filter(rows, thresholds, starts, filters, heights):
    """Largest filter on which each row's peak reaches the threshold, -1 where there is none."""
    result = np.full(len(rows), -1, np.int64)
    for i in range(len(rows)):
        for j in range(starts[rows[i]], starts[rows[i] + 1]):
            if heights[j] >= thresholds[i]:
                result[i] = filters[j]
                break
    return result
