"""Counting votes: haloes are where they meet.

A cell x of probability p whose halo is predicted to have its centre at x + o and the radius R casts a vote at x + o of
weight p / (4/3 pi R^3): a complete halo collects 1. The votes (:mod:`halonet.halo_finding.votes.casting`) are counted
with a kernel that follows the predicted radius, since the error of o does, and the maxima of this count are the
candidates for centres. Over ranks each counts what reaches into its planes.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from numba import njit

from halonet.grid.lists import ranks_touched, send_rows
from halonet.grid.slabs import Slabs
from halonet.halo_finding.votes.casting import THREADS, UNIT, Votes

ONE = 1 << 24  # fixed-point unit of counts: a vote for the largest halo has some 500 of them; counts up to 127


def count_votes(votes: Votes, scale: float, smallest_scale: float, slabs: Slabs | None = None) -> np.ndarray:
    """Votes around every cell of this rank, fixed-point numbers in units of 1 / :data:`ONE`; collective.

    Parameters
    ----------
    votes
        For the cells of this rank.
    scale, smallest_scale
        Reach s of the kernel (1 - d^2 / s^2)^2: ``scale`` predicted radii, and no less than ``smallest_scale`` cells.

    Returns
    -------
    ndarray
        int32 of shape (N / ranks, N, N).
    """
    n = votes.grid_cells
    slabs = slabs or Slabs(n)
    arrays: tuple[np.ndarray, ...] = (votes.cells, votes.rests, votes.log_radius, votes.moments[:, 0])
    if slabs.ranks > 1:
        arrays = _with_neighbours(arrays, scale, smallest_scale, slabs)
    # The cell n beyond a face is the cell 0 behind the other one: a table of remainders, which are slow to compute.
    around = np.arange(-n, 2 * n) % n

    def count(part: tuple, counts: np.ndarray) -> None:
        _count(part, scale, smallest_scale, around, slabs.start, counts)

    return sum_over(arrays, np.zeros(slabs.shape, np.int32), count)


def _with_neighbours(
    arrays: tuple[np.ndarray, ...], scale: float, smallest_scale: float, slabs: Slabs
) -> tuple[np.ndarray, ...]:
    """Votes, and those of other ranks that reach into the planes of this one; collective."""
    reach = np.maximum(scale * np.exp(arrays[2].astype(np.float64)), smallest_scale)
    reach = (np.minimum(reach, slabs.cells / 2 - 1) + 1.5).astype(np.int64)  # one more than may be
    rows = ranks_touched(slabs, arrays[0][:, 0] - reach, 2 * reach + 1)
    return tuple(np.concatenate(both) for both in zip(arrays, send_rows(slabs, rows, arrays), strict=True))


def sum_over(votes: Sequence[np.ndarray], zeros: np.ndarray, add: Callable[[tuple, np.ndarray], None]) -> np.ndarray:
    """Sum of what ``add`` adds to ``zeros``, integers, for parts of the votes, given as arrays with a row for each."""
    cuts = np.linspace(0, len(votes[0]), THREADS + 1).astype(np.int64)
    parts = [tuple(array[low:high] for array in votes) for low, high in pairwise(cuts)]
    sums = [zeros, *(zeros.copy() for _ in parts[1:])]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(add, parts, sums))
    for other in sums[1:]:
        zeros += other
    return zeros


@njit(cache=True, nogil=True)
def _count(votes, scale, smallest, around, first, counts):
    cells, rests, log_radius, volumes = votes
    n, along = counts.shape[1], np.empty(counts.shape[1], np.float32)
    for vote in range(len(log_radius)):
        radius = np.exp(np.float64(log_radius[vote]))
        weight = ONE / UNIT * volumes[vote] / (4 / 3 * np.pi * radius**3)
        reach = min(max(scale * radius, smallest), n / 2 - 1)
        vote_of = (cells[vote], rests[vote], np.float32(weight), np.float32(reach))
        _spread(counts, around, first, vote_of, along)


@njit(cache=True, nogil=True)
def _spread(counts, around, first_plane, vote, along):
    """Add a vote to those of the cells within its reach that are counted; ``along`` is room to work in."""
    cell, rest, weight, reach = vote
    n, k, inverse, half = counts.shape[1], int(reach + np.float32(0.5)), np.float32(1) / reach**2, np.float32(0.5)
    first = cell[2] - k
    within = first >= 0 and cell[2] + k < n
    for m in range(2 * k + 1):
        along[m] = (np.float32(m - k) - rest[2]) ** 2 * inverse
    for i in range(-k, k + 1):
        a = np.float32(1) - (np.float32(i) - rest[0]) ** 2 * inverse
        if a <= 0:
            continue
        x = around[n + cell[0] + i] - first_plane
        if x < 0 or x >= counts.shape[0]:
            continue
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


def peaks(counts: np.ndarray, least: float, slabs: Slabs | None = None) -> np.ndarray:
    """Cells of the local maxima of at least ``least`` votes among their 26 neighbours, int64 of shape (peaks, 3).

    The highest come first. Of equal neighbours the one that is first along x, y and z is the maximum. Those of all
    ranks on each of them; collective.
    """
    slabs = slabs or Slabs(len(counts))
    found = _peaks(counts, *slabs.neighbour_planes(counts), np.int32(least * ONE))
    height = slabs.gather(counts[tuple(found.T)])
    found[:, 0] += slabs.start
    return slabs.gather(found)[np.argsort(-height, kind="stable")]


@njit(cache=True)
def _peaks(counts, below, above, least):
    (planes, n, _), found = counts.shape, []
    for x in range(planes):
        three = (below if x == 0 else counts[x - 1], counts[x], above if x == planes - 1 else counts[x + 1])
        for y in range(n):
            for z in range(n):
                if counts[x, y, z] >= least and _is_peak(three, y, z):
                    found.append((x, y, z))
    cells = np.empty((len(found), 3), np.int64)
    for row in range(len(found)):
        cells[row] = found[row]
    return cells


@njit(cache=True)
def _is_peak(three, y, z):
    """Whether a cell of the second of three planes is a maximum."""
    n, here = len(three[1]), three[1][y, z]
    for i in range(-1, 2):
        for j in range(-1, 2):
            for m in range(-1, 2):
                there = three[i + 1][(y + j) % n, (z + m) % n]
                if there > here or (there == here and (i, j, m) < (0, 0, 0)):
                    return False
    return True
