"""Fields and candidates of a tile of a universe and of what lies around it, brick by brick."""

from collections.abc import Callable, Iterable

import numpy as np

from halonet.grid.lattice_cube import Corner
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.bricks import Bricks, moved
from halonet.initial_conditions.universe_tile import Tile
from halonet.peak_patch.candidates import find_candidates
from halonet.peak_patch.measurement import Search

NEIGHBOURS = 1  # cells beyond a brick among which a peak is the largest


class TileFields:
    """Fields of a tile, and of as much around it as its candidates and their spheres need.

    Attributes
    ----------
    cube
        Cells of the universe that the fields have.
    bricks
        What computes them.
    smoothing_margin
        Cells around a brick that its smoothing needs.
    progress
        Wraps the iteration over bricks.
    """

    def __init__(self, tile: Tile, search: Search, progress: Callable[[list[Corner]], Iterable[Corner]] = iter):
        self.tile, self.search, self.progress = tile, search, progress
        self.smoothing_margin = int(np.ceil(search.radii_mpc[-1] / search.cell_size)) + NEIGHBOURS
        self.cube = tile.around_bricks(max(search.sphere.reach, self.smoothing_margin))
        self.bricks = Bricks(tile.universe, self.cube)

    def first_order(self) -> tuple[np.ndarray, np.ndarray]:
        """Linear density today, shape (side, side, side) of the cube, and its displacement (Mpc), (..., 3)."""
        side = self.tile.universe.brick
        density, displacement = np.empty(self.cube.shape, np.float32), self._vectors()
        for start in self.progress(self.cube.bricks(side)):
            there, own = self.cube.shared(start, side)
            values, vectors = self.bricks.first_order(start)
            density[there], displacement[there] = values[own], vectors[own]
        return density, displacement

    def second_order(self, cells: np.ndarray, reach: np.ndarray) -> np.ndarray:
        """Raw second-order displacement (Mpc), (..., 3), where it is within ``reach`` cells of ``cells``, (cells, 3).

        Elsewhere the bricks are not computed, and their numbers mean nothing.
        """
        side, displacement = self.tile.universe.brick, self._vectors()
        self.bricks.long.keep_second_order()
        for start in self.progress(bricks_around(cells, reach, side, self.cube.period)):
            there, own = self.cube.shared(start, side)
            displacement[there] = self.bricks.second_order(start)[own]
        return displacement

    def _vectors(self) -> np.ndarray:
        return np.empty((*self.cube.shape, 3), np.float32)

    def candidates(self, density: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
        """Peaks that may collapse, of all bricks with known cells: their cells in the universe and their filters.

        Int64 of shape (candidates, 3) and (candidates,). Every brick is smoothed in a window of its own.
        """
        side, margin, universe = self.tile.universe.brick, self.smoothing_margin, self.tile.universe
        slabs = Slabs(side + 2 * margin, None, universe.threads)
        found = []
        for start in self.progress(self.tile.bricks()):
            window = self.cube.window(moved(start, -margin), slabs.cells)
            modes = slabs.forward(density[window])
            flat, filters = find_candidates(modes, slabs, self.search.radii_mpc / universe.cell_size, threshold)
            cells = np.stack(np.unravel_index(flat, (slabs.cells,) * 3), axis=-1) - margin
            inside = ((cells >= 0) & (cells < side)).all(axis=1)
            found.append((cells[inside] + np.array(start), filters[inside]))
        cells, filters = (np.concatenate(values) for values in zip(*found, strict=True))
        return cells, filters


def bricks_around(cells: np.ndarray, reach: np.ndarray, side: int, period: int) -> list[Corner]:
    """First cells of the bricks of ``side`` cells that have a cell within ``reach`` along every axis of ``cells``.

    Shapes (cells, 3) and (cells,); ``period`` is that of the lattice.
    """
    low, high = ((cells + sign * reach[:, None]) // side for sign in (-1, 1))
    span = int((high - low).max(initial=0)) + 1
    steps = np.stack(np.meshgrid(*[np.arange(span)] * 3, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    found = np.unique((np.minimum(low + steps, high) % (period // side)).reshape(-1, 3), axis=0)
    return [(int(x), int(y), int(z)) for x, y, z in found * side]
