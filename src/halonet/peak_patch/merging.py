"""From overlapping candidates to haloes: exclusion, overlap reduction and final-state exclusion.

Bond & Myers 1996, section 4, with the rules behind the HaloNet catalogues. Candidates are sorted from the largest
radius down, ties by filter and cell, so that the outcome never depends on the order they were found in. Lengths are in
cells of the periodic grid, distances those of the nearest image.
"""

import numba
import numpy as np

BIN_CELLS = 4.0  # side of the bins candidates are looked up in


def merging_order(radii: np.ndarray, filters: np.ndarray, indices: np.ndarray, cells: int) -> np.ndarray:
    """Order of candidates: radius and filter descending, then position with x varying fastest, as the reference has it.

    All have the shape (candidates,). ``indices`` are flat cell indices (z fastest) in a grid of ``cells`` cells along a
    side.
    """
    return order_of(radii, filters, np.stack(np.unravel_index(indices, (cells,) * 3), axis=-1))


def order_of(radii: np.ndarray, filters: np.ndarray, lattice: np.ndarray) -> np.ndarray:
    """The same order for indices of cells along each axis, shape (candidates, 3)."""
    x, y, z = lattice.T
    return np.lexsort((x, y, z, -filters, -radii))


def exclude(positions: np.ndarray, radii: np.ndarray, cells: int) -> np.ndarray:
    """Which candidates survive: going down the list, a survivor removes every smaller one centred inside it.

    Parameters
    ----------
    positions
        Lagrangian centres (cells), in [0, N), shape (candidates, 3), in :func:`merging_order`.
    radii
        Radii (cells), shape (candidates,).
    cells
        N, cells along a side of the box.

    Returns
    -------
    survives
        bool of shape (candidates,).
    """
    return _exclude(*_binned(positions, cells), radii, 1.0, 0.0)


def exclude_final_state(positions: np.ndarray, radii: np.ndarray, fraction: float, cells: int) -> np.ndarray:
    """Which haloes survive, bool of shape (haloes,).

    Of a pair closer than ``fraction`` (R1 + R2) in Eulerian space the smaller one is removed. Positions (haloes, 3) and
    radii (haloes,) are in cells.
    """
    return _exclude(*_binned(positions, cells), radii, fraction, fraction)


def reduce_overlaps(positions: np.ndarray, radii: np.ndarray, reduction: str, cells: int) -> np.ndarray:
    """Radii (cells), shape (haloes,), after the volume that spheres share was taken off; 0 where nothing is left.

    For a pair at distance D < R1 + R2 the plane of intersection cuts a cap off each sphere. ``shared`` takes from each
    halo its own cap, ``smaller`` takes both from the smaller halo. All caps are those of the radii before reduction.
    """
    lost = _lost_volumes(*_binned(positions, cells), radii, reduction == "shared")
    return np.maximum(radii**3 - 3 * lost / (4 * np.pi), 0.0) ** (1 / 3)


def _binned(positions: np.ndarray, cells: int) -> tuple[np.ndarray, float, int, np.ndarray, np.ndarray]:
    """Positions sorted into periodic bins: positions, box, bins a side, first member of each bin, members."""
    bins = max(int(cells / BIN_CELLS), 1)
    index = np.minimum((positions * (bins / cells)).astype(np.int64), bins - 1)
    flat = (index[:, 0] * bins + index[:, 1]) * bins + index[:, 2]
    members = np.argsort(flat, kind="stable")
    starts = np.zeros(bins**3 + 1, np.int64)
    np.cumsum(np.bincount(flat, minlength=bins**3), out=starts[1:])
    return np.ascontiguousarray(positions, np.float64), float(cells), bins, starts, members


@numba.njit(cache=True)
def _later_within(i, reach, positions, box, bins, starts, members, found, squares):
    """Members after ``i`` within ``reach`` of it, with their squared distances; returns how many."""
    width, count = box / bins, 0
    span = min(int(reach / width) + 1, bins)
    here = positions[i]
    low = [int(here[axis] / width) - span for axis in range(3)]
    steps = min(2 * span + 1, bins)
    for a in range(low[0], low[0] + steps):
        for b in range(low[1], low[1] + steps):
            row = ((a % bins) * bins + b % bins) * bins
            for c in range(low[2], low[2] + steps):
                cell = row + c % bins
                for k in range(starts[cell], starts[cell + 1]):
                    j = members[k]
                    if j <= i:
                        continue
                    square = 0.0
                    for axis in range(3):
                        gap = abs(here[axis] - positions[j, axis])
                        gap = min(gap, box - gap)
                        square += gap * gap
                    if square < reach * reach:
                        found[count], squares[count] = j, square
                        count += 1
    return count


@numba.njit(cache=True)
def _exclude(positions, box, bins, starts, members, radii, own, other):
    """Going down the list, a survivor removes later ones closer than own R1 + other R2."""
    count = len(radii)
    survives = np.ones(count, np.bool_)
    found, squares = np.empty(count, np.int64), np.empty(count)
    for i in range(count):
        if not survives[i]:
            continue
        reach = (own + other) * radii[i]
        for k in range(_later_within(i, reach, positions, box, bins, starts, members, found, squares)):
            j = found[k]
            if squares[k] < (own * radii[i] + other * radii[j]) ** 2:
                survives[j] = False
    return survives


@numba.njit(cache=True)
def caps(r1, r2, d):
    """Volumes that the plane of intersection cuts off two spheres at a distance ``d``."""
    h1 = (r2 - r1 + d) * (r2 + r1 - d) / (2 * d)
    h2 = (r1 - r2 + d) * (r1 + r2 - d) / (2 * d)
    return np.pi / 3 * h1**2 * (3 * r1 - h1), np.pi / 3 * h2**2 * (3 * r2 - h2)


@numba.njit(cache=True)
def _lost_volumes(positions, box, bins, starts, members, radii, shared):
    """Volume each sphere loses to those it overlaps (cells)."""
    count = len(radii)
    lost, found, squares = np.zeros(count), np.empty(count, np.int64), np.empty(count)
    for i in range(count):
        r1 = radii[i]
        for k in range(_later_within(i, 2 * r1, positions, box, bins, starts, members, found, squares)):
            j, d = found[k], np.sqrt(squares[k])
            r2 = radii[j]
            if d >= r1 + r2 or d == 0:
                continue
            cap1, cap2 = caps(r1, r2, d)
            if shared:
                lost[i] += cap1
                lost[j] += cap2
            else:
                lost[j] += cap1 + cap2
    return lost
