"""Parts of a box over ranks: every rank gets the particles in its planes, and those within a reach of them.

Particles stay on the rank of their Lagrangian cell; what is sent here is a copy of their positions, with their indices,
some planes at a time. All parts have their particles in one order: that of the planes as they are sent.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numba import njit

from halonet.grid.fixed_point import FRACTION_BITS, LARGEST_MESH, fixed_positions
from halonet.grid.lists import send_rows
from halonet.grid.slabs import Slabs
from halonet.particles import Particles
from halonet.settings import SettingsError

LARGEST_PART = 2**31 - 1  # particles of a rank, whose rows are 32-bit integers
ROUNDS = 8  # in which positions are sent


@dataclass(frozen=True)
class Part:
    """Particles in a rank's planes and around them.

    Attributes
    ----------
    indices
        Of their Lagrangian cells in the box, of :func:`index_type`, shape (n,).
    ends
        First x of the part and that after its last, beyond the faces of the box where it reaches there.
    own
        Rows of the particles in this rank's planes.
    lent, borrowed
        For every other rank the rows of own particles that it has, too, and those of particles in its planes.
    """

    indices: np.ndarray
    ends: tuple[int, int]
    own: np.ndarray
    lent: list[np.ndarray]
    borrowed: list[np.ndarray]


def index_type(cells: int) -> type:
    """Type that holds the index of every particle of a box."""
    return np.int32 if cells**3 < 2**31 else np.int64


def positions_of(particles: Particles, start: int = 0, stop: int | None = None) -> np.ndarray:
    """Positions in units of 2^-20 cells (:mod:`halonet.grid.fixed_point`), uint32 of shape (n, 3).

    Of the particles of planes ``start`` to ``stop`` of those that there are.
    """
    cells, planes = particles.cells, particles.displacements[start:stop]
    if cells > LARGEST_MESH or len(particles.displacements) * cells**2 > LARGEST_PART:
        raise SettingsError(
            f"{cells} particles along a side of the box are more than {LARGEST_PART} on a rank, whose rows fit into 32 "
            f"bits, or than {LARGEST_MESH} along a side; start more ranks"
        )
    positions = np.empty((len(planes) * cells**2, 3), np.uint32)
    scale, first = np.float32(1 / particles.cell_size), particles.first_plane + start
    for plane, displacements in enumerate(planes):
        rows = slice(plane * cells**2, (plane + 1) * cells**2)
        fixed_positions(
            displacements.reshape(-1, 3) * scale, (first + plane) * cells**2, cells, 1, 0.0, positions[rows]
        )
    return positions


def ends_of_parts(slabs: Slabs, reach: int) -> list[tuple[int, int]]:
    """Of every rank the first x within ``reach`` of its planes and that after the last (units of 2^-20 cells)."""
    return [(low - reach, high + reach) for low, high in pairwise(bound << FRACTION_BITS for bound in slabs.bounds)]


def fetch_part(slabs: Slabs, particles: Particles, reach: int) -> tuple[Part, np.ndarray]:
    """The part of this rank with all within ``reach`` (units of 2^-20 cells) along x, and its positions; collective.

    Positions are uint32 of shape (n, 3).
    """
    period = slabs.cells << FRACTION_BITS
    inner, outer = ends_of_parts(slabs, 0), ends_of_parts(slabs, reach)
    first = slabs.start * slabs.cells**2
    stop = first + slabs.planes * slabs.cells**2
    numbers: np.ndarray = np.arange(first, stop, dtype=index_type(slabs.cells))
    positions, indices = fetch_positions(slabs, particles, reach, numbers)
    own, none = _between(positions, *inner[slabs.rank], period), np.empty(0, np.int32)
    lent = [own[_between(positions[own], *ends, period)] for ends in outer]
    borrowed = [_between(positions, *ends, period) for ends in inner]
    lent[slabs.rank] = borrowed[slabs.rank] = none
    return Part(indices, outer[slabs.rank], own, lent, borrowed), positions


def fetch_positions(slabs: Slabs, particles: Particles, reach: int, *columns: np.ndarray) -> list[np.ndarray]:
    """Positions of the particles of a part, as :func:`fetch_part` has them, and other columns of them; collective."""
    period, planes = slabs.cells << FRACTION_BITS, -(-slabs.cells // slabs.ranks)
    size = -(-planes // ROUNDS)
    pieces: list[list[np.ndarray]] = [[] for _ in range(1 + len(columns))]
    for start in range(0, planes, size):
        some = positions_of(particles, start, start + size)
        here = slice(start * slabs.cells**2, start * slabs.cells**2 + len(some))
        rows = [_between(some, *ends, period) for ends in ends_of_parts(slabs, reach)]
        arrived = send_rows(slabs, rows, [some, *(column[here] for column in columns)])
        for column, values in zip(pieces, arrived, strict=True):
            column.append(values)
    return [np.concatenate(pieces.pop(0)) for _ in range(1 + len(columns))]  # of each the pieces are given back


@njit(cache=True)
def _between(positions, low, high, period):
    """Rows of the positions whose x, or a periodic image of it, is not below ``low`` and below ``high``; int32."""
    number = 0
    for m in range(len(positions)):
        number += high - low >= period or (np.int64(positions[m, 0]) - low) % period < high - low
    rows, place = np.empty(number, np.int32), 0
    for m in range(len(positions)):
        if high - low >= period or (np.int64(positions[m, 0]) - low) % period < high - low:
            rows[place] = m
            place += 1
    return rows
