"""Two-point correlation function of haloes in a periodic box."""

import numpy as np
from scipy.spatial import cKDTree

SMALLEST, LARGEST = 1.0, 64.0  # Mpc; separations
BINS_PER_DECADE = 10
LARGEST_IN_BOX = 1 / 3  # of the side: beyond, a box holds few independent pairs


def separation_edges(box_size: float) -> np.ndarray:
    """Limits (Mpc) of logarithmic bins of separation that a box of side ``box_size`` (Mpc) can fill."""
    edges = SMALLEST * 10 ** (np.arange(100) / BINS_PER_DECADE)
    return edges[edges <= min(LARGEST, LARGEST_IN_BOX * box_size) * (1 + 1e-9)]


def count_pairs(positions: np.ndarray, box_size: float, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of points in bins of separation, and how many a uniform random sample would have.

    Parameters
    ----------
    positions
        Places (Mpc) in [0, L), shape (n, 3).
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
    # Single precision may round a place just below L up to L, which a periodic tree refuses.
    tree = cKDTree(positions % box_size, boxsize=box_size)
    ordered = tree.count_neighbors(tree, edges)
    return np.diff(ordered) // 2, expected
