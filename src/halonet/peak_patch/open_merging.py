"""Exclusion and overlaps as :mod:`halonet.peak_patch.merging` has them, in a part of space that has borders.

Whether a patch survives hangs on larger ones around it, of which some may lie beyond what was searched. So a patch is
alive, dead, or nobody knows; what is known does not depend on where the search ended. Lengths are in cells.
"""

import numba
import numpy as np

from halonet.peak_patch.merging import BIN_CELLS, caps

DEAD, ALIVE, UNKNOWN = 0, 1, 2


def exclude_within(
    positions: np.ndarray, radii: np.ndarray, fraction: float | None, undecided: np.ndarray
) -> np.ndarray:
    """Going down the list, an alive patch removes later ones; int8 of shape (patches,): DEAD, ALIVE or UNKNOWN.

    Parameters
    ----------
    positions, radii
        Shape (patches, 3) and (patches,), in merging order.
    fraction
        A pair closer than ``fraction`` (R1 + R2) is one too many; None: a smaller patch centred within a larger one is.
    undecided
        Patches that one which is not there might remove, bool of shape (patches,).
    """
    states = np.where(undecided, UNKNOWN, ALIVE).astype(np.int8)
    own, other = (1.0, 0.0) if fraction is None else (fraction, fraction)
    _exclude(*_columns(positions), radii, own, other, states)
    return states


def lost_volumes(
    positions: np.ndarray, radii: np.ndarray, reduction: str, states: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Volume (cells) that each patch gives up to those it overlaps, and whether one of these is UNKNOWN.

    Both have the shape (patches,); ``reduction`` is that of :func:`halonet.peak_patch.merging.reduce_overlaps`.
    """
    return _lost(*_columns(positions), radii, reduction == "shared", states)


def _columns(
    positions: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Positions sorted into square columns along z, which lie where they lie whatever else there is.

    Returns positions, first column and numbers of columns along x and y, first member of each, members, their z.
    """
    index = np.floor(positions[:, :2] / BIN_CELLS).astype(np.int64)
    low = index.min(axis=0) if len(index) else np.zeros(2, np.int64)
    shape = index.max(axis=0) - low + 1 if len(index) else np.ones(2, np.int64)
    flat = (index[:, 0] - low[0]) * shape[1] + index[:, 1] - low[1]
    members = np.lexsort((positions[:, 2], flat))
    starts = np.zeros(shape[0] * shape[1] + 1, np.int64)
    np.cumsum(np.bincount(flat, minlength=shape[0] * shape[1]), out=starts[1:])
    return positions, low, shape, starts, members, positions[members, 2]


@numba.njit(cache=True)
def _later_within(i, reach, positions, low, shape, starts, members, heights, found, squares):
    """Members after ``i`` within ``reach`` of it, with their squared distances; returns how many."""
    count, (x, y, z) = 0, positions[i]
    for a in range(int(np.floor((x - reach) / BIN_CELLS)), int(np.floor((x + reach) / BIN_CELLS)) + 1):
        for b in range(int(np.floor((y - reach) / BIN_CELLS)), int(np.floor((y + reach) / BIN_CELLS)) + 1):
            if not (0 <= a - low[0] < shape[0] and 0 <= b - low[1] < shape[1]):
                continue
            column = (a - low[0]) * shape[1] + b - low[1]
            stop = starts[column + 1]
            k = starts[column] + np.searchsorted(heights[starts[column] : stop], z - reach)
            while k < stop and heights[k] < z + reach:
                j = members[k]
                if j > i:
                    dx, dy, dz = positions[j, 0] - x, positions[j, 1] - y, positions[j, 2] - z
                    square = dx * dx + dy * dy + dz * dz
                    if square < reach * reach:
                        found[count], squares[count] = j, square
                        count += 1
                k += 1
    return count


@numba.njit(cache=True)
def _exclude(positions, low, shape, starts, members, heights, radii, own, other, states):
    """Going down the list, what is alive kills what is later and closer than own R1 + other R2."""
    found, squares = np.empty(len(radii), np.int64), np.empty(len(radii))
    for i in range(len(radii)):
        if states[i] == DEAD:
            continue
        reach = (own + other) * radii[i]
        for k in range(_later_within(i, reach, positions, low, shape, starts, members, heights, found, squares)):
            j = found[k]
            if squares[k] < (own * radii[i] + other * radii[j]) ** 2:
                if states[i] == ALIVE:
                    states[j] = DEAD
                elif states[j] == ALIVE:
                    states[j] = UNKNOWN


@numba.njit(cache=True)
def _lost(positions, low, shape, starts, members, heights, radii, shared, states):
    """Volumes that alive patches give up to each other, and who overlaps with one that nobody knows of."""
    lost, doubtful = np.zeros(len(radii)), np.zeros(len(radii), np.bool_)
    found, squares = np.empty(len(radii), np.int64), np.empty(len(radii))
    for i in range(len(radii)):
        reach = 2 * radii[i]
        for k in range(_later_within(i, reach, positions, low, shape, starts, members, heights, found, squares)):
            j, d = found[k], np.sqrt(squares[k])
            if d >= radii[i] + radii[j] or d == 0:
                continue
            if states[i] == UNKNOWN or states[j] == UNKNOWN:
                doubtful[i] = doubtful[j] = True
                continue
            cap1, cap2 = caps(radii[i], radii[j], d)
            if shared:
                lost[i] += cap1
                lost[j] += cap2
            else:
                lost[j] += cap1 + cap2
    return lost, doubtful
