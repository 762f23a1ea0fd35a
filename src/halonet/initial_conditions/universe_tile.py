"""A tile of a universe and what is known around it."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from halonet.grid.lattice_cube import Corner, Cube
from halonet.initial_conditions.bricks import moved
from halonet.initial_conditions.universe import Universe


@dataclass(frozen=True)
class Tile:
    """A tile, and what is known around it.

    Attributes
    ----------
    universe
        What it is part of.
    start, side
        Its first cell along each axis, and cells along a side.
    margin
        Cells around it in which candidates are searched.
    """

    universe: Universe
    start: Corner
    side: int
    margin: int = 0

    @property
    def known(self) -> Cube:
        """Where all candidates are known, without regard to what repeats."""
        return Cube(moved(self.start, -self.margin), self.side + 2 * self.margin, self.universe.cells)

    def with_whole_bricks(self, reach: int) -> Self:
        """The same tile with the widest margin for which nothing within ``reach`` cells of it needs a further brick."""
        known, brick = self.known, self.universe.brick
        room = min(min(low % brick, -(low + known.side) % brick) for low in known.start)
        return replace(self, margin=self.margin + max(room - reach, 0))

    def bricks(self) -> list[Corner]:
        """Bricks that candidates are searched in."""
        cube = self.known
        return Cube.within(cube.start, cube.side, cube.period).bricks(self.universe.brick)

    def around_bricks(self, reach: int) -> Cube:
        """All bricks of which a part is known, and ``reach`` cells around them."""
        known, brick = self.known, self.universe.brick
        x, y, z = (low // brick * brick - reach for low in known.start)
        ends = [-(-(low + known.side) // brick) * brick + reach for low in known.start]
        side = max(end - low for end, low in zip(ends, (x, y, z), strict=True))
        return self.universe.cube((x, y, z), side)

    def depth(self, positions: np.ndarray) -> np.ndarray:
        """How far within the known cells positions (cells) lie, shape (positions,), from (positions, 3)."""
        low = np.array(self.known.start)
        return np.minimum(positions - low, low + self.known.side - positions).min(axis=1)

    def owns(self, lattice: np.ndarray) -> np.ndarray:
        """Whether cells lie in the tile itself, bool of shape (cells,)."""
        inside = lattice - np.array(self.start)
        return ((inside >= 0) & (inside < self.side)).all(axis=1)

    def images(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where cells of the universe, shape (cells, 3), are seen in the known ones: their rows, and the lattice there.

        A universe that is smaller than what is known repeats, and so do they.
        """
        n, low, side = self.universe.cells, np.array(self.known.start), self.known.side
        lowest = low + (cells - low) % n
        steps = np.arange(-(-side // n)) * n
        offsets = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 1, 3)
        lattice = (lowest + offsets).reshape(-1, 3)
        rows = np.tile(np.arange(len(cells)), len(offsets))
        there = (lattice < low + side).all(axis=1)
        return rows[there], lattice[there]
