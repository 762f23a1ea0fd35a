"""Bricks of a universe: fields of a few cells, always computed from the same window, whatever they are part of.

So the fields of two parts of a universe have the same bits where the parts overlap. Between a brick and the next the
fields are those of two windows; what of the short field's kernel lies beyond the reach differs there.
"""

from functools import cached_property

import numpy as np

from halonet.grid.lattice_cube import Corner, Cube
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.density import scaled
from halonet.initial_conditions.displacement import (
    first_order_displacement,
    potential_derivative,
    second_order_displacement,
    source_of,
)
from halonet.initial_conditions.long_fields import LongFields
from halonet.initial_conditions.universe import Universe


class Bricks:
    """Bricks in a cube of a universe.

    Parameters
    ----------
    universe
        The universe.
    cube
        Cells that are wanted; bricks that it has cells of can be computed.
    """

    def __init__(self, universe: Universe, cube: Cube):
        self.universe, self.cube = universe, cube
        self.margin = universe.brick + universe.source_reach  # cells around the cube that the long fields are known in
        self.long = LongFields(universe, cube, self.margin)

    # What a window of noise is multiplied with, of the two sizes of windows.

    @cached_property
    def _narrow(self) -> tuple[Slabs, np.ndarray]:
        return self._short(self.universe.brick + 2 * self.universe.reach)

    @cached_property
    def _wide(self) -> tuple[Slabs, np.ndarray]:
        return self._short(self.universe.brick + 2 * (self.universe.reach + self.universe.source_reach))

    def _short(self, side: int) -> tuple[Slabs, np.ndarray]:
        universe, slabs = self.universe, Slabs(side, None, self.universe.threads)
        amplitude = np.ones(slabs.modes_shape, np.float32)
        scaled(amplitude, slabs, side * universe.cell_size, universe.short_amplitude)
        return slabs, amplitude

    def _short_modes(self, start: Corner, slabs: Slabs, amplitude: np.ndarray) -> np.ndarray:
        modes = slabs.forward(self.universe.noise(start, slabs.cells))
        modes *= amplitude
        return modes

    def first_order(self, start: Corner) -> tuple[np.ndarray, np.ndarray]:
        """Linear density today of the brick whose first cell is ``start``, and its first-order displacement (Mpc).

        Float32 of shape (side, side, side) and (side, side, side, 3).
        """
        universe, side, reach = self.universe, self.universe.brick, self.universe.reach
        slabs, amplitude = self._narrow
        modes = self._short_modes(moved(start, -reach), slabs, amplitude)
        core = (slice(reach, reach + side),) * 3
        displacement = np.empty((side, side, side, 3), np.float32)
        for axis in range(3):
            short = first_order_displacement(modes, slabs, universe.cell_size, axis)[core]
            displacement[..., axis] = short + self.long.at(f"first {axis}", start, side)
        return slabs.inverse(modes, overwrite=True)[core] + self.long.at("density", start, side), displacement

    def second_order(self, start: Corner) -> np.ndarray:
        """Raw second-order displacement of a brick, see :mod:`halonet.initial_conditions.displacement`, (..., 3).

        The source is that of all modes, but the window knows it only around the brick. What varies over long scales is
        known from the coarse grid; the rest, solved for in the window, comes from near by: the source is a second
        derivative of products of short modes.
        """
        universe, side, margin = self.universe, self.universe.brick, self.universe.source_reach
        slabs, amplitude = self._wide
        modes = self._short_modes(moved(start, -universe.reach - margin), slabs, amplitude)
        around, size = moved(start, -margin), side + 2 * margin
        inner = (slice(universe.reach, universe.reach + size),) * 3

        def strain(i: int, j: int) -> np.ndarray:
            short = slabs.inverse(potential_derivative(modes, slabs, i, j), overwrite=True)[inner]
            return short + self.long.at(f"strain {i}{j}", around, size)

        source = source_of(strain)
        source -= self.long.at("source", around, size)
        window, core = Slabs(size, None, universe.threads), (slice(margin, margin + side),) * 3
        source_modes = window.forward(source)
        displacement = np.empty((side, side, side, 3), np.float32)
        for axis in range(3):
            near = second_order_displacement(source_modes, window, universe.cell_size, axis)[core]
            displacement[..., axis] = near + self.long.at(f"second {axis}", start, side)
        return displacement


def moved(start: Corner, step: int) -> Corner:
    """A corner moved by so many cells along every axis."""
    x, y, z = start
    return x + step, y + step, z + step
