"""Probability stacked by distance from the boundary of protohaloes, where their true cells are known.

Spheres around the centre of a protohalo that is none mix cells of its own with others at every distance. Here a cell of
a halo counts for that halo, by its distance to the nearest cell that is not the halo's; a cell of no halo counts for
the halo whose cell is nearest, by that distance. Both are distances of centres of cells, so the boundary is half a cell
closer.
"""

from itertools import pairwise

import numpy as np
from numba import njit

from halonet.catalogue import HaloCatalogue
from halonet.grid.shells import shells_within
from halonet.statistics.profiles import MASS_EDGES

REACH = 8  # cells; those that are farther from every boundary are left out
BINS = 2 * (REACH - 1)  # from the deepest inside to the farthest outside, one cell wide


def boundary_profiles(probability: np.ndarray, true: HaloCatalogue, owners: np.ndarray) -> list[dict]:
    """Stack the probability by signed distance from the boundaries of the haloes of each bin of mass.

    Parameters
    ----------
    probability
        Shape (N, N, N).
    owners
        Row in ``true`` sorted by mass of the halo of every cell, -1 outside, int32 of shape (N, N, N).

    Returns
    -------
    list of dict
        Per bin of mass its limits ``cells``, the number of ``haloes``, and per bin of distance the ``counts`` of cells,
        the sums of their ``distances`` (cells, negative inside), the ``sums`` of the probability and of its
        ``squares``. Sums of several boxes add up.
    """
    cells = true.sorted_by_mass()["cells"]
    classes = np.searchsorted(MASS_EDGES, cells, side="right") - 1
    shells = shells_within(REACH)
    offsets = shells.offsets[1 : shells.starts[np.searchsorted(shells.squared_radii, REACH**2)]]
    lengths = np.sqrt((offsets.astype(np.float64) ** 2).sum(axis=1))
    # Haloes beyond either end of the bins share a last row, which is left out.
    bins = len(MASS_EDGES) - 1
    classes[(classes < 0) | (classes >= bins)] = bins
    table = np.zeros((bins + 1, BINS, 4))
    _stack(probability, owners, classes, offsets, lengths, table)
    profiles = []
    for row, (low, high) in enumerate(pairwise(MASS_EDGES)):
        counts, distances, sums, squares = table[row].T
        profiles.append(
            {
                "cells": [low, high],
                "haloes": int((classes == row).sum()),
                "counts": counts.astype(int).tolist(),
                "distances": distances.tolist(),
                "sums": sums.tolist(),
                "squares": squares.tolist(),
            }
        )
    return profiles


@njit(cache=True)
def _nearest_other(owners, i, j, k, offsets):
    """Number of the first offset to a cell of another halo, or of any for a cell of none; -1 where there is none."""
    n, mine = owners.shape[0], owners[i, j, k]
    for number in range(len(offsets)):
        x, y, z = i + offsets[number, 0], j + offsets[number, 1], k + offsets[number, 2]
        # A remainder takes longer than all the rest.
        x += n if x < 0 else -n if x >= n else 0
        y += n if y < 0 else -n if y >= n else 0
        z += n if z < 0 else -n if z >= n else 0
        other = owners[x, y, z]
        if other != mine:
            return number, other
    return -1, mine


@njit(cache=True)
def _stack(probability, owners, classes, offsets, lengths, table):
    n = owners.shape[0]
    for i in range(n):
        for j in range(n):
            for k in range(n):
                number, other = _nearest_other(owners, i, j, k, offsets)
                if number < 0:
                    continue
                mine, distance = owners[i, j, k], lengths[number]
                depth = int(distance)  # at least 1
                side = BINS // 2 - depth if mine >= 0 else BINS // 2 - 1 + depth
                entry = table[classes[mine if mine >= 0 else other], side]
                value = np.float64(probability[i, j, k])
                entry[0] += 1
                entry[1] += 0.5 - distance if mine >= 0 else distance - 0.5
                entry[2] += value
                entry[3] += value * value
