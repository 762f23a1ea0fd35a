"""Two-point correlation function of haloes in a periodic box."""

import numba
import numpy as np

SMALLEST, LARGEST = 1.0, 64.0  # Mpc; separations
BINS_PER_DECADE = 10
LARGEST_IN_BOX = 1 / 3  # of the side: beyond, a box holds few independent pairs
PARCELS_PER_REACH = 2  # cubes that points are sorted into, along the largest separation: 3 take as long, 4 longer


def separation_edges(box_size: float) -> np.ndarray:
    """Limits (Mpc) of logarithmic bins of separation that a box of side ``box_size`` (Mpc) fills, shape (bins + 1,)."""
    edges = SMALLEST * 10 ** (np.arange(100) / BINS_PER_DECADE)
    return edges[edges <= min(LARGEST, LARGEST_IN_BOX * box_size) * (1 + 1e-9)]


def count_pairs(positions: np.ndarray, box_size: float, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of points in bins of separation, and how many a uniform random sample would have.

    Parameters
    ----------
    positions
        Positions (Mpc) in [0, L), shape (n, 3).
    edges
        Limits of the bins (Mpc), shape (bins + 1,), below L / 2.

    Returns
    -------
    pairs, expected
        Each pair counted once, int64; the mean of a Poisson process with the same n, float64; of shape (bins,). Both
        add up over boxes: xi = sum pairs / sum expected - 1, with the Poisson error sqrt(sum pairs) / sum expected.

    Notes
    -----
    A periodic box needs no random catalogue: expected = n (n - 1) / 2 x volume of the shell / L^3.
    """
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    expected = len(positions) * (len(positions) - 1) / 2 * shells / box_size**3
    if len(positions) < 2:
        return np.zeros(len(shells), np.int64), expected
    # Single precision may round a position just below L up to L.
    wrapped = np.asarray(positions, float) % box_size
    side = max(1, min(int(PARCELS_PER_REACH * box_size / edges[-1]), round(len(wrapped) ** (1 / 3))))
    parcels = np.minimum((wrapped * (side / box_size)).astype(np.int64), side - 1) @ (side**2, side, 1)
    order = np.argsort(parcels, kind="stable")
    starts = np.searchsorted(parcels[order], np.arange(side**3 + 1))
    reach = int(np.ceil(edges[-1] * side / box_size))
    return _count(wrapped[order], starts, side, reach, box_size, edges**2), expected


@numba.njit(cache=True)
def _count(positions, starts, side, reach, box_size, edges):
    """Pairs between squared separations ``edges`` of points sorted into ``side``^3 cubes."""
    counts = np.zeros(len(edges), np.int64)
    around = min(2 * reach + 1, side)  # cubes along an axis that a pair may span, each once
    for own in range(side**3):
        x, y, z = own // side**2, own // side % side, own % side
        for step in range(around**3):
            other_x = (x + step // around**2 - reach) % side
            other_y = (y + step // around % around - reach) % side
            other = (other_x * side + other_y) * side + (z + step % around - reach) % side
            if other < own:
                continue  # met from the other one
            for i in range(starts[own], starts[own + 1]):
                for j in range(max(i + 1, starts[other]), starts[other + 1]):
                    squared = 0.0
                    for axis in range(3):
                        distance = abs(positions[i, axis] - positions[j, axis])
                        distance = min(distance, box_size - distance)
                        squared += distance * distance
                    if edges[0] < squared <= edges[-1]:
                        bin_ = len(edges) - 1
                        while squared <= edges[bin_ - 1]:  # most pairs are far apart
                            bin_ -= 1
                        counts[bin_] += 1
    return counts[1:]
