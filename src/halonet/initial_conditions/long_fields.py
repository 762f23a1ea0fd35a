"""What the coarse grid of a universe says of a part of it: density, displacement and strain of the long modes."""

import numpy as np

from halonet.grid.lattice_cube import Corner, Cube
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.density import scaled
from halonet.initial_conditions.displacement import (
    first_order_displacement,
    potential_derivative,
    second_order_displacement,
    second_order_source,
)
from halonet.initial_conditions.interpolation import around, interpolate, prepared
from halonet.initial_conditions.universe import Universe

STRAIN = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))  # components of a symmetric tensor


class LongFields:
    """Long fields around a cube of a universe; of the whole coarse grid no more than a few fields are held.

    Parameters
    ----------
    universe
        The universe.
    cube
        Cells that fields are wanted in.
    margin
        How far windows go beyond the cube (cells).

    Attributes
    ----------
    farthest, farthest_near
        Least and largest components of the first-order displacement today (Mpc), shape (2, 3): anywhere in the
        universe, and within the margin of the cube.
    """

    def __init__(self, universe: Universe, cube: Cube, margin: int):
        self.universe = universe
        self.slabs = Slabs(universe.coarse_cells, None, universe.threads)
        x, y, z = (low - margin for low in cube.start)
        lows, points = around((x, y, z), cube.side + 2 * margin, universe.coarsening)
        self.cube = Cube.within(lows, points, universe.coarse_cells)
        self._kept: dict[str, np.ndarray] = {}
        self._modes = universe.long_modes()
        self.farthest, self.farthest_near = np.zeros((2, 3)), np.zeros((2, 3))
        self._keep_first_order()

    def _keep_first_order(self) -> None:
        modes, slabs, size = self._modes, self.slabs, self.universe.coarse_cell_size
        ready = prepared(modes, slabs, self.universe.coarsening)
        self._keep("density", slabs.inverse(ready))
        for axis in range(3):
            component = first_order_displacement(modes, slabs, size, axis)
            for extremes, field in ((self.farthest, component), (self.farthest_near, self._cut(component))):
                extremes[:, axis] = field.min(), field.max()
            self._keep(f"first {axis}", first_order_displacement(ready, slabs, size, axis))

    def keep_second_order(self) -> None:
        """Compute what the second-order displacement needs, which then is there to be interpolated.

        That of the long modes' source S, low-passed, is solved for here, where all of the universe is; what else there
        is in the source varies over short scales and can be solved for in windows.
        """
        modes, slabs, universe = self._modes, self.slabs, self.universe
        source = slabs.forward(second_order_source(modes, slabs))
        scaled(source, slabs, universe.cells * universe.cell_size, universe.low_pass)
        ready = prepared(source, slabs, universe.coarsening)
        self._keep("source", slabs.inverse(ready))
        for axis in range(3):
            self._keep(f"second {axis}", second_order_displacement(ready, slabs, universe.coarse_cell_size, axis))
        ready = prepared(modes, slabs, universe.coarsening)
        for i, j in STRAIN:
            self._keep(f"strain {i}{j}", slabs.inverse(potential_derivative(ready, slabs, i, j), overwrite=True))

    def _keep(self, name: str, field: np.ndarray) -> None:
        self._kept[name] = self._cut(field)

    def _cut(self, field: np.ndarray) -> np.ndarray:
        whole = Cube((0, 0, 0), self.slabs.cells, self.slabs.cells)
        return field[whole.window(self.cube.start, self.cube.side)]

    def at(self, name: str, start: Corner, side: int) -> np.ndarray:
        """A field in the window of ``side`` cells from ``start`` on, float32 of shape (side, side, side)."""
        return interpolate(self._kept[name], self.cube, start, side, self.universe.coarsening)
