"""Connected regions of probable halo cells on a periodic grid, and their centres (paper, section 4, step i).

Everything that decides the order or the centre of a region is integer arithmetic relative to the region's own cells, so
that a periodic shift of the box by whole cells shifts the result by as many cells and changes nothing else.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from halonet.grid.scratch import zeros

PROBABILITY_STEPS = 2**30  # probability is summed in steps of this fraction: an integer sum knows no order


@dataclass(frozen=True)
class Regions:
    """Connected regions, the largest first.

    Attributes
    ----------
    centres
        Cell nearest to the periodic centre of mass, int64 of shape (regions, 3).
    sizes
        Number of cells, int64 of shape (regions,).
    """

    centres: np.ndarray
    sizes: np.ndarray

    def __len__(self) -> int:
        return len(self.sizes)


def connected_regions(probability: np.ndarray, claimed: np.ndarray, threshold: float) -> Regions:
    """Regions of cells above ``threshold`` that belong to no halo yet, connected through their six faces.

    Parameters
    ----------
    probability
        Probability to belong to a halo, float32 of shape (N, N, N).
    claimed
        Cells that belong to a halo already, bool of the same shape.
    threshold
        Only cells with a larger probability count.

    Notes
    -----
    Regions of equal size are ordered by the summed probability of their cells' neighbours, then by their lowest cell
    index. The sum stands before the index because the index depends on where the periodic box was cut open; it is over
    neighbours because the probability of the cells themselves saturates at 1.
    """
    candidates = zeros(probability.shape, bool)
    for plane, probable, taken in zip(candidates, probability, claimed, strict=True):
        plane[...] = (probable > np.float32(threshold)) & ~taken
    centres, sizes, weights, first = _flood(probability, candidates, np.count_nonzero(candidates))
    order = np.lexsort((first, -weights, -sizes))
    return Regions(centres[order], sizes[order])


@njit(cache=True)
def _flood(probability, candidates, cells):
    """Flood every region once; ``candidates`` is consumed. Returns centres, sizes, weights and lowest cell indices."""
    n = probability.shape[0]
    centres = np.empty((cells, 3), np.int64)
    sizes, weights, first = np.empty(cells, np.int64), np.empty(cells, np.int64), np.empty(cells, np.int64)
    stack, counts, regions = np.empty(cells, np.int64), np.zeros((3, n), np.int64), 0
    origin = np.empty(3, np.int64)
    for x in range(n):
        for y in range(n):
            for z in range(n):
                if not candidates[x, y, z]:
                    continue
                start = (x * n + y) * n + z
                sizes[regions], weights[regions] = _flood_one(probability, candidates, start, stack, counts)
                origin[0], origin[1], origin[2] = x, y, z
                for axis in range(3):
                    centres[regions, axis] = nearest_centre(counts[axis], origin[axis], sizes[regions])
                first[regions] = start
                regions += 1
    return centres[:regions].copy(), sizes[:regions].copy(), weights[:regions].copy(), first[:regions].copy()


@njit(cache=True)
def _flood_one(probability, candidates, start, stack, counts):
    """Flood the region of cell ``start``; fills ``counts``, its cells per plane of each axis. Returns size, weight."""
    n = probability.shape[0]
    top, size, weight = 1, 0, 0
    stack[0] = start
    candidates[start // (n * n), start // n % n, start % n] = False
    while top:
        top -= 1
        cell = stack[top]
        x, y, z = cell // (n * n), cell // n % n, cell % n
        size += 1
        counts[0, x] += 1
        counts[1, y] += 1
        counts[2, z] += 1
        for face in range(6):
            i, j, k = x, y, z
            step = 1 if face < 3 else n - 1
            if face % 3 == 0:
                i = (x + step) % n
            elif face % 3 == 1:
                j = (y + step) % n
            else:
                k = (z + step) % n
            weight += np.int64(probability[i, j, k] * np.float64(PROBABILITY_STEPS))
            if candidates[i, j, k]:
                candidates[i, j, k] = False
                stack[top] = (i * n + j) * n + k
                top += 1
    return size, weight


@njit(cache=True)
def nearest_centre(counts, origin, size):
    """Plane nearest to the periodic mean of ``counts``, which is emptied; half-way goes up.

    The planes of a connected region form one arc through ``origin``, and its mean is taken along the arc. A region that
    goes all the way round has no ends: there the mean is the one about which the variance is least.
    """
    n = counts.size
    below, above = 0, 0
    while below < n - 1 and counts[(origin - below - 1) % n]:
        below += 1
    while above < n - 1 - below and counts[(origin + above + 1) % n]:
        above += 1
    start = (origin - below) % n if below + above + 1 < n else _best_cut(counts, size)
    moment = 0
    for step in range(below + above + 1):
        plane = (start + step) % n
        moment += step * counts[plane]
        counts[plane] = 0
    return (start + (2 * moment + size) // (2 * size)) % n


@njit(cache=True)
def _best_cut(counts, size):
    """First plane of the unwrapping with the least variance."""
    n, best, least = counts.size, 0, np.inf
    for start in range(n):
        first, second = 0.0, 0.0
        for step in range(n):
            first += step * counts[(start + step) % n]
            second += step * step * counts[(start + step) % n]
        variance = second - first * first / size
        if variance < least:
            best, least = start, variance
    return best
