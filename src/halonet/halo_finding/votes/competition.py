"""Loops over votes, compiled: which candidate each goes to."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def collect_votes(votes, rivals, bins, n, reach, weight, sums):
    """Add the moments of every vote to those of its candidate, from whose centre positions count."""
    cells, rests, log_radius, moments = votes
    centres, centre_rests, _ = rivals
    gap = np.empty(3)
    first, count = np.empty(3, np.int64), np.empty(3, np.int64)  # made once: millions of votes are looked at
    for vote in range(len(log_radius)):
        here = np.float64(log_radius[vote])
        best = _best(cells[vote], rests[vote], here, rivals, bins, n, reach, weight, first, count, gap)
        if best < 0:
            continue
        _between(cells[vote], centres[best], centre_rests[best], n, gap)
        p, squares = np.float64(moments[vote, 0]), 0.0
        for axis in range(3):
            sums[best, 1 + axis] += moments[vote, 1 + axis] + np.int64(np.floor(p * gap[axis]))
            squares += gap[axis] * (p * gap[axis] + 2 * np.float64(moments[vote, 1 + axis]))
        sums[best, 0] += moments[vote, 0]
        sums[best, 4] += moments[vote, 4]
        sums[best, 5] += moments[vote, 5] + np.int64(np.floor(squares))
        sums[best, 6] += moments[vote, 6]


@njit(cache=True, nogil=True)
def _best(cell, rest, log_radius, rivals, bins, n, reach, weight, first, count, gap):
    """Candidate that fits a vote best, -1 if none is within ``reach`` of the radius that it predicts.

    ``first``, ``count`` and ``gap`` are room to work in, of 3 numbers each.
    """
    starts, around = bins
    side, radius = len(around) // 3, np.exp(log_radius)
    k, best, least = min(int(reach * radius) + 2, n // 2), -1, np.inf
    far = 1.000001 * (reach * radius) ** 2
    for axis in range(3):
        low, high = (cell[axis] - k) * side // n, (cell[axis] + k) * side // n
        first[axis], count[axis] = side + low, min(high - low + 1, side)
    for a in range(first[0], first[0] + count[0]):
        for b in range(first[1], first[1] + count[1]):
            row = (around[a] * side + around[b]) * side
            for c in range(first[2], first[2] + count[2]):
                bin = row + around[c]
                for rival in range(starts[bin], starts[bin + 1]):
                    _between(cell, rivals[0][rival], rivals[1][rival], n, gap)
                    squared = (gap[0] + rest[0]) ** 2 + (gap[1] + rest[1]) ** 2 + (gap[2] + rest[2]) ** 2
                    if squared > far:  # most are, and a division takes long
                        continue
                    distance = squared / radius**2
                    misfit = distance + (weight * (log_radius - rivals[2][rival])) ** 2
                    if distance <= reach**2 and misfit < least:
                        best, least = rival, misfit
    return best


@njit(cache=True, nogil=True)
def _between(cell, centre, rest, n, gap):
    """Vector from a centre, the ``rest`` from that of its cell, to that of ``cell`` (cells), left in ``gap``.

    The shorter way around the box.
    """
    for axis in range(3):
        between = cell[axis] - centre[axis]
        if 2 * between > n:
            between -= n
        elif 2 * between < -n:
            between += n
        gap[axis] = between - rest[axis]
