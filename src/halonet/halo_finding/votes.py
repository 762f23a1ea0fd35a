"""Votes: every cell points to the centre of its halo, and haloes are where the votes meet.

A cell x of probability p whose halo is predicted to have its centre at x + o and the radius R casts a vote at x + o of
weight p / (4/3 pi R^3): a complete halo collects 1. The votes are counted with a kernel that follows the predicted
radius, since the error of o does, and the maxima of this count are the candidates for centres.

Sums over votes are taken in integers (fixed-point numbers), whose order does not matter: a box shifted by whole cells
gives the shifted counts to the last bit, and so does any number of threads.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numba import njit

ONE = 1 << 24  # fixed-point unit of counts: a vote for the largest halo has some 500 of them; counts up to 127
THREADS = 2  # among which sums over votes are shared
LOG_RADII = (
    np.float32(0.4),
    np.float32(4.0),
)  # of votes: 1.5 to 55 cells, beyond any halo, as untrained networks may say


@dataclass(frozen=True)
class HeadFields:
    """What a network with both heads says of every cell of a periodic box.

    Attributes
    ----------
    probability
        To belong to a halo, float32 of shape (N, N, N).
    centre_offset
        Vector to the centre of that halo (cells), of shape (N, N, N, 3) and any float dtype.
    log_radius
        Natural logarithm of its Lagrangian radius in cells, of shape (N, N, N) and any float dtype.
    """

    probability: np.ndarray
    centre_offset: np.ndarray
    log_radius: np.ndarray


@dataclass(frozen=True)
class Votes:
    """Votes of a periodic box, in the order of their cells; one entry (row) for each.

    Attributes
    ----------
    cells
        Cell that votes, int32 of shape (votes, 3).
    offsets
        Vector from its centre to the predicted centre of its halo (cells), float32 of shape (votes, 3).
    probability
        Probability of the cell to belong to a halo, float32.
    log_radius
        Natural logarithm of the predicted radius in cells, float32.
    grid_cells
        Cells along a side of the box.
    """

    cells: np.ndarray
    offsets: np.ndarray
    probability: np.ndarray
    log_radius: np.ndarray
    grid_cells: int

    def __len__(self) -> int:
        return len(self.probability)

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """All but the size of the box, as compiled loops take it."""
        return self.cells, self.offsets, self.probability, self.log_radius


def cast_votes(fields: HeadFields, least_probability: float) -> Votes:
    """Votes of all cells of at least ``least_probability``."""
    planes = []
    # By planes: conversions of whole fields would take more memory than the votes.
    for x, plane in enumerate(fields.probability):
        y, z = np.nonzero(plane >= least_probability)
        cells = np.stack([np.full(len(y), x), y, z], axis=1).astype(np.int32)
        offsets = fields.centre_offset[x][y, z].astype(np.float32)
        planes.append((cells, offsets, plane[y, z], log_radii(fields, (x, y, z))))
    return Votes(*(np.concatenate(column) for column in zip(*planes, strict=True)), len(fields.probability))


def log_radii(fields: HeadFields, cells: tuple) -> np.ndarray:
    """Predicted ln radius of some cells, within what any halo has, float32."""
    return np.clip(fields.log_radius[cells].astype(np.float32), *LOG_RADII)


def count_votes(votes: Votes, scale: float, smallest_scale: float) -> np.ndarray:
    """Votes around every cell, fixed-point numbers in units of 1 / :data:`ONE`, int32 of shape (N, N, N).

    Parameters
    ----------
    scale, smallest_scale
        Reach s of the kernel (1 - d^2 / s^2)^2: ``scale`` predicted radii, and no less than ``smallest_scale`` cells.
    """
    n = votes.grid_cells
    # The cell n beyond a face is the cell 0 behind the other one: a table of remainders, which are slow to compute.
    around = np.arange(-n, 2 * n) % n
    return sum_over(
        votes, np.zeros((n,) * 3, np.int32), lambda part, counts: _count(part, scale, smallest_scale, around, counts)
    )


def sum_over(votes: Votes, zeros: np.ndarray, add: Callable[[tuple, np.ndarray], None]) -> np.ndarray:
    """Sum of what ``add`` adds to ``zeros``, integers, for parts of the votes given as :attr:`Votes.arrays`."""
    cuts = np.linspace(0, len(votes), THREADS + 1).astype(np.int64)
    parts = [tuple(array[low:high] for array in votes.arrays) for low, high in pairwise(cuts)]
    sums = [zeros, *(zeros.copy() for _ in parts[1:])]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(add, parts, sums))
    for other in sums[1:]:
        zeros += other
    return zeros


@njit(cache=True, nogil=True)
def place(cells, offsets, vote, n, cell, rest):
    """Cell nearest to a vote, and the vector from its centre to the vote (cells), left in ``cell`` and ``rest``."""
    for axis in range(3):
        # Neither depends on where the box begins.
        whole = np.floor(offsets[vote, axis] + np.float32(0.5))
        cell[axis] = (cells[vote, axis] + np.int64(whole)) % n
        rest[axis] = offsets[vote, axis] - whole


@njit(cache=True, nogil=True)
def _count(votes, scale, smallest, around, counts):
    cells, offsets, probability, log_radius = votes
    n, cell, rest = counts.shape[0], np.empty(3, np.int64), np.empty(3, np.float32)
    along = np.empty(n, np.float32)
    for vote in range(len(probability)):
        place(cells, offsets, vote, n, cell, rest)
        radius = np.exp(np.float64(log_radius[vote]))
        weight = ONE * np.float64(probability[vote]) / (4 / 3 * np.pi * radius**3)
        reach = min(max(scale * radius, smallest), n / 2 - 1)
        _spread(counts, around, cell, rest, np.float32(weight), np.float32(reach), along)


@njit(cache=True, nogil=True)
def _spread(counts, around, cell, rest, weight, reach, along):
    """Add a vote to the cells within ``reach`` of it; ``along`` is room to work in."""
    n, k, inverse, half = counts.shape[0], int(reach + np.float32(0.5)), np.float32(1) / reach**2, np.float32(0.5)
    first = cell[2] - k
    within = first >= 0 and cell[2] + k < n
    for m in range(2 * k + 1):
        along[m] = (np.float32(m - k) - rest[2]) ** 2 * inverse
    for i in range(-k, k + 1):
        a = np.float32(1) - (np.float32(i) - rest[0]) ** 2 * inverse
        if a <= 0:
            continue
        x = around[n + cell[0] + i]
        for j in range(-k, k + 1):
            b = a - (np.float32(j) - rest[1]) ** 2 * inverse
            if b <= 0:
                continue
            y = around[n + cell[1] + j]
            if within:  # most votes: numbers side by side, which take vector instructions
                row = counts[x, y, first : first + 2 * k + 1]
                for m in range(2 * k + 1):
                    c = max(b - along[m], np.float32(0))
                    row[m] += np.int32(weight * c * c + half)
            else:
                for m in range(2 * k + 1):
                    c = max(b - along[m], np.float32(0))
                    counts[x, y, around[n + first + m]] += np.int32(weight * c * c + half)


def peaks(counts: np.ndarray, least: float) -> np.ndarray:
    """Cells of the local maxima of at least ``least`` votes among their 26 neighbours, int64 of shape (peaks, 3).

    The highest come first. Of equal neighbours the one that is first along x, y and z is the maximum.
    """
    found = _peaks(counts, np.int32(least * ONE))
    height = counts[tuple(found.T)]
    return found[np.argsort(-height, kind="stable")]


@njit(cache=True)
def _peaks(counts, least):
    n, found = counts.shape[0], []
    for x in range(n):
        for y in range(n):
            for z in range(n):
                if counts[x, y, z] >= least and _is_peak(counts, x, y, z):
                    found.append((x, y, z))
    cells = np.empty((len(found), 3), np.int64)
    for row in range(len(found)):
        cells[row] = found[row]
    return cells


@njit(cache=True)
def _is_peak(counts, x, y, z):
    n, here = counts.shape[0], counts[x, y, z]
    for i in range(-1, 2):
        for j in range(-1, 2):
            for m in range(-1, 2):
                there = counts[(x + i) % n, (y + j) % n, (z + m) % n]
                if there > here or (there == here and (i, j, m) < (0, 0, 0)):
                    return False
    return True
