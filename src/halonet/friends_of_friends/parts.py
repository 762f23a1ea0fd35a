"""Parts of a box over ranks: every rank gets the particles in its planes, and those within a reach of them.

Particles stay on the rank of their Lagrangian cell; what is sent here is a copy of their positions, with their indices.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from halonet.grid.fixed_point import FRACTION_BITS
from halonet.grid.lists import send_rows
from halonet.grid.slabs import Slabs


@dataclass(frozen=True)
class Part:
    """Particles in a rank's planes and around them, in the order of their indices.

    Attributes
    ----------
    indices
        Of their Lagrangian cells in the box, int64 of shape (n,).
    positions
        In units of 2^-20 cells, uint32 of shape (n, 3).
    ends
        First x of the part and that after its last, beyond the faces of the box where it reaches there.
    own
        Rows of the particles in this rank's planes.
    lent, borrowed
        For every other rank the rows of own particles that it has, too, and those of particles in its planes.
    """

    indices: np.ndarray
    positions: np.ndarray
    ends: tuple[int, int]
    own: np.ndarray
    lent: list[np.ndarray]
    borrowed: list[np.ndarray]


def fetch_part(slabs: Slabs, positions: np.ndarray, reach: int) -> Part:
    """The part of this rank with all within ``reach`` (units of 2^-20 cells) along x; collective.

    ``positions`` are those of the particles of this rank's Lagrangian cells, uint32 of shape (n, 3).
    """
    period = slabs.cells << FRACTION_BITS
    inner = list(pairwise(bound << FRACTION_BITS for bound in slabs.bounds))
    outer = [(low - reach, high + reach) for low, high in inner]
    indices = slabs.start * slabs.cells**2 + np.arange(len(positions))
    rows = [_between(positions, ends, period) for ends in outer]
    indices, positions = send_rows(slabs, rows, [indices, positions])
    own, none = _between(positions, inner[slabs.rank], period), np.empty(0, np.int64)
    lent = [own[_between(positions[own], ends, period)] for ends in outer]
    borrowed = [_between(positions, ends, period) for ends in inner]
    lent[slabs.rank] = borrowed[slabs.rank] = none
    return Part(indices, positions, outer[slabs.rank], own, lent, borrowed)


def _between(positions: np.ndarray, ends: tuple[int, int], period: int) -> np.ndarray:
    """Rows of the positions whose x, or a periodic image of it, is not below the first end and below the other."""
    low, high = ends
    if high - low >= period:
        return np.arange(len(positions))
    return np.flatnonzero((positions[:, 0].astype(np.int64) - low) % period < high - low)
