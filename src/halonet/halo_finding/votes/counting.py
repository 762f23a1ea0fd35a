"""Votes: every cell points to the centre of its halo, and haloes are where the votes meet.

A cell x of probability p whose halo is predicted to have its centre at x + o and the radius R casts a vote at x + o of
weight p / (4/3 pi R^3): a complete halo collects 1. The votes are counted with a kernel that follows the predicted
radius, since the error of o does, and the maxima of this count are the candidates for centres.

Votes of nearly the same radius that fall into one cell are one from there on, with their moments: a quarter of the
number, and where exactly in the cell they fall is kept on average.

Sums over votes are taken in integers (fixed-point numbers), whose order does not matter: a box shifted by whole cells
gives the shifted counts to the last bit, and so does any number of threads.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numba import njit

from halonet.grid.threads import in_threads
from halonet.halo_finding.votes.fields import HeadFields

ONE = 1 << 24  # fixed-point unit of counts: a vote for the largest halo has some 500 of them; counts up to 127
UNIT = 1 << 30  # fixed-point unit of sums over votes
THREADS = 2  # among which sums over votes are shared
# Of votes: 1.5 to 55 cells, beyond any halo, as untrained networks may say.
LOG_RADII = (np.float32(0.4), np.float32(4.0))
SAME_LOG_RADIUS = np.float32(0.15)  # width of bins of ln radius, as much as networks err: 25 bins, bits of an integer


@dataclass(frozen=True)
class Votes:
    """Votes of a periodic box, those of one cell and nearly one radius together; one entry (row) for each.

    Attributes
    ----------
    cells
        Cell that is voted for, int32 of shape (votes, 3).
    rests
        Mean vector from its centre to the position that is voted for (cells), float32 of shape (votes, 3).
    log_radius
        Mean natural logarithm of the predicted radius in cells, float32.
    moments
        Sums over the cells that vote, in units of 1 / :data:`UNIT`, int64 of shape (votes, 7): probability p, p times
        rest (3), p ln radius, p rest^2 and p (ln radius)^2.
    grid_cells
        Cells along a side of the box.
    """

    cells: np.ndarray
    rests: np.ndarray
    log_radius: np.ndarray
    moments: np.ndarray
    grid_cells: int

    def __len__(self) -> int:
        return len(self.log_radius)

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """All but the size of the box, as compiled loops take it."""
        return self.cells, self.rests, self.log_radius, self.moments


def cast_votes(fields: HeadFields, least_probability: float) -> Votes:
    """Votes of all cells of at least ``least_probability``; 8 bytes per cell of the box beside the votes."""
    n, least = len(fields.probability), np.float32(least_probability)
    bins = np.zeros(n**3, np.uint32)  # of ln radius that votes for a cell have, each a bit
    _share(fields, _mark, n, least, bins)
    numbers = np.bitwise_count(bins)
    ends = np.cumsum(numbers, dtype=np.int32)
    moments = np.zeros((ends[-1], 7), np.int64)
    _share(fields, _add, n, least, bins, ends, moments)
    voted = np.flatnonzero(bins)
    cells = np.unravel_index(np.repeat(voted, numbers[voted]), (n,) * 3)
    means = (moments[:, 1:5] / np.maximum(moments[:, :1], 1)).astype(np.float32)
    return Votes(np.stack(cells, axis=1).astype(np.int32), means[:, :3], means[:, 3], moments, n)


def _share(fields: HeadFields, work: Callable[..., object], *arguments: object) -> None:
    """Go through all planes in several threads, each of which works on votes for cells in planes of its own."""
    cuts = np.linspace(0, len(fields.probability), THREADS + 1).astype(int)
    in_threads(lambda own: [work(*plane, own, *arguments) for plane in _planes(fields)], pairwise(cuts), THREADS)


def _planes(fields: HeadFields) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """Number, probability, offsets and ln radius of every plane; conversions of whole fields would take more memory."""
    for x, probability in enumerate(fields.probability):
        yield x, probability, fields.centre_offset[x].astype(np.float32), log_radii(fields, x)


@njit(cache=True, nogil=True)
def _voted(y, z, plane, offset, log_radius, n):
    """Cell that a cell votes for, in a plane that is known, as one number, and the bin of its ln radius."""
    flat = (plane * n + (y + _nearest(offset[1])) % n) * n + (z + _nearest(offset[2])) % n
    return flat, np.uint32((log_radius - LOG_RADII[0]) / SAME_LOG_RADIUS)


@njit(cache=True, nogil=True)
def _nearest(step):
    return np.int64(np.floor(step + np.float32(0.5)))  # which does not depend on where the box begins


@njit(cache=True, nogil=True)
def _mark(x, probability, offset, log_radius, planes, n, least, bins):
    for y in range(n):
        for z in range(n):
            plane = (x + _nearest(offset[y, z, 0])) % n
            if probability[y, z] >= least and planes[0] <= plane < planes[1]:
                flat, bin_ = _voted(y, z, plane, offset[y, z], log_radius[y, z], n)
                bins[flat] |= np.uint32(1) << bin_


@njit(cache=True, nogil=True)
def _add(x, probability, offset, log_radius, planes, n, least, bins, ends, moments):
    rest = np.empty(3)
    for y in range(n):
        for z in range(n):
            plane = (x + _nearest(offset[y, z, 0])) % n
            if probability[y, z] < least or not planes[0] <= plane < planes[1]:
                continue
            flat, bin_ = _voted(y, z, plane, offset[y, z], log_radius[y, z], n)
            row, others = ends[flat] - 1, bins[flat] >> (bin_ + np.uint32(1))
            while others:  # bins of larger radii come after it
                row -= others & np.uint32(1)
                others >>= np.uint32(1)
            p, here = UNIT * np.float64(probability[y, z]), np.float64(log_radius[y, z])
            for axis in range(3):
                rest[axis] = offset[y, z, axis] - _nearest(offset[y, z, axis])
                moments[row, 1 + axis] += np.int64(np.floor(p * rest[axis]))
            moments[row, 0] += np.int64(p)
            moments[row, 4] += np.int64(np.floor(p * here))
            moments[row, 5] += np.int64(p * (rest[0] ** 2 + rest[1] ** 2 + rest[2] ** 2))
            moments[row, 6] += np.int64(p * here**2)


def log_radii(fields: HeadFields, cells: int | tuple[np.ndarray, ...]) -> np.ndarray:
    """Predicted ln radius (of cells) of some cells, clipped to what any halo has; float32.

    ``cells`` is what indexes a field (N, N, N): the number of a plane, or arrays of x, y and z.
    """
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
def _count(votes, scale, smallest, around, counts):
    cells, rests, log_radius, moments = votes
    n, along = counts.shape[0], np.empty(counts.shape[0], np.float32)
    for vote in range(len(log_radius)):
        radius = np.exp(np.float64(log_radius[vote]))
        weight = ONE / UNIT * moments[vote, 0] / (4 / 3 * np.pi * radius**3)
        reach = min(max(scale * radius, smallest), n / 2 - 1)
        _spread(counts, around, cells[vote], rests[vote], np.float32(weight), np.float32(reach), along)


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
