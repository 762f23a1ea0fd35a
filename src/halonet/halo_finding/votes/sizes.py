"""Sizes of haloes from the numbers of true ones: constants by which the volume that votes becomes that of the halo.

Volumes are put in the order of the true ones, the largest first, as in abundance matching, but by three constants in
place of a table: they are those of a network, and not of one box.
"""

from dataclasses import dataclass

import numpy as np

from halonet.halo_finding.votes.search import LARGE_CELLS, PIVOT_CELLS

CUTS = np.array([1, 2, 3, 5, 10, 30, 100])  # in units of the smallest compared halo, where numbers are compared
STEEPEST = 2.0  # power of the volume, and its inverse the flattest


@dataclass(frozen=True)
class Sizes:
    """As in :class:`~halonet.settings.VoteSettings`."""

    volume_factor: float = 1.0
    volume_slope: float = 1.0
    large_volume_slope: float = 1.0


AS_THEY_VOTE = Sizes()


def fit_sizes(log_volumes: np.ndarray, true_cells: np.ndarray, weight: float, smallest: float) -> Sizes:
    """Constants with which as many haloes are found above each volume as there are true ones.

    Parameters
    ----------
    log_volumes
        Natural logarithm of the volumes (cells) of all found haloes, before any of the constants.
    true_cells
        Volumes of all true haloes (cells).
    weight
        Of the volume that votes, in ``log_volumes``, above 0: the factor counts with it.
    smallest
        Volume of the smallest compared halo (cells).

    Returns
    -------
    Sizes
        The factor makes numbers above :data:`~halonet.halo_finding.votes.search.PIVOT_CELLS` equal. The slopes, to and
        from :data:`~halonet.halo_finding.votes.search.LARGE_CELLS`, are least squares over ln volume, with the true
        numbers above a cut for weights. 1 where there are too few haloes, true or found, to tell.
    """
    found, true = (np.sort(each)[::-1] for each in (log_volumes, np.log(true_cells)))
    cuts = np.append(smallest * CUTS, PIVOT_CELLS)
    numbers = np.searchsorted(-true, -np.log(cuts), side="right")
    known = (numbers > 0) & (numbers <= len(found))
    if not known[-1]:
        return AS_THEY_VOTE
    # The smallest true halo above a cut, and the found one of the same rank.
    ranks = numbers[known] - 1
    at, aim, pivot = found[ranks], true[ranks], np.log(PIVOT_CELLS)
    shift = aim[-1] - at[-1]
    at, aim, knot = at + shift - pivot, aim - pivot, np.log(LARGE_CELLS) - pivot
    small = cuts[known] <= LARGE_CELLS
    slope = _slope(at[small], aim[small], numbers[known][small])
    large = _slope(at[~small] - knot, aim[~small] - slope * knot, numbers[known][~small], slope)
    return Sizes(float(np.exp(shift / weight)), slope, large)


def _slope(at: np.ndarray, aim: np.ndarray, weights: np.ndarray, unknown: float = 1.0) -> float:
    """Slope of a line through the origin by least squares; ``unknown`` without a point."""
    square = float((weights * at**2).sum())
    slope = float((weights * at * aim).sum()) / square if square > 0 else unknown
    return float(np.clip(slope, 1 / STEEPEST, STEEPEST))
