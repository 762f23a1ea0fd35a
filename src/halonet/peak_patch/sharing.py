"""Sharing candidates out over MPI ranks, and the planes each rank needs around its own.

Candidates are cut into stretches of equal expected cost, wherever in the box they lie, and every rank fetches the
planes around its stretch. No rank idles because its slab holds few haloes.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from halonet.grid.slabs import Slabs
from halonet.peak_patch.sphere import SUPPORT, Sphere

FIXED_COST = 700.0  # of a candidate, in cells summed


@dataclass(frozen=True)
class Share:
    """A rank's candidates and planes.

    Attributes
    ----------
    rows
        The rank's candidates, a slice of all candidates in the order of their cells.
    planes
        First plane and number of planes of every rank, as :meth:`Slabs.fetch_planes` takes them.
    slabs
        Slabs of the whole grid.
    """

    rows: slice
    planes: list[tuple[int, int]]
    slabs: Slabs

    @property
    def first_plane(self) -> int:
        """Plane of the grid that this rank's first one is."""
        return self.planes[self.slabs.rank][0]

    def fetch(self, field: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """This rank's planes of a field, shape (planes, N, N), in ``out`` where that is given; collective."""
        if self.slabs.ranks == 1 and out is None:
            return field
        return self.slabs.fetch_planes(field, self.planes, out)

    def empty(self, components: int) -> np.ndarray:
        """Room for this rank's planes of a field of several components, float32 of shape (planes, N, N, components)."""
        count, n = self.planes[self.slabs.rank][1], self.slabs.cells
        return np.empty((count, n, n, components), np.float32)


def share_out(cells: np.ndarray, costs: np.ndarray, depth: int, slabs: Slabs) -> Share:
    """Give every rank a stretch of candidates of equal cost, and ``depth`` planes beyond it on both sides.

    Parameters
    ----------
    cells
        Flat cell index of all candidates, ascending, shape (candidates,).
    costs
        Expected cost of measuring each, shape (candidates,).
    """
    if slabs.ranks == 1:
        return Share(slice(0, len(cells)), [(0, slabs.cells)], slabs)
    total = np.cumsum(costs)
    parts = np.arange(slabs.ranks + 1) / slabs.ranks
    bounds = np.searchsorted(total, parts * (total[-1] if len(total) else 0))
    bounds[-1] = len(cells)
    planes = []
    for start, stop in pairwise(bounds):
        first, last = (cells[[start, stop - 1]] // slabs.cells**2) if stop > start else (0, 0)
        wanted = int(last - first) + 1 + 2 * depth if stop > start else 0
        planes.append((int(first) - depth, wanted) if wanted < slabs.cells else (0, slabs.cells))
    return Share(slice(bounds[slabs.rank], bounds[slabs.rank + 1]), planes, slabs)


def expected_costs(starting_shells: np.ndarray, sphere: Sphere) -> np.ndarray:
    """Cost of measuring candidates whose searches start at these shells, in cells; same shape.

    Counted are the cells within the shell and those near its surface.
    """
    radii = sphere.radii[starting_shells]
    return FIXED_COST + 4 / 3 * np.pi * radii**3 + 4 * np.pi * radii**2 * SUPPORT
