"""Probability stacked in shells around true haloes, in bins of mass (paper, Fig. 5)."""

from itertools import pairwise

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.spheres import centre_cells, shell_sums

MASS_EDGES = (27.0, 60.0, 150.0, 400.0, 1000.0, 3000.0, 10000.0, 100000.0)  # cells
REACH = 1.8  # in units of the largest radius of a bin


def stacked_profiles(probability: np.ndarray, true: HaloCatalogue) -> list[dict]:
    """Stack the probability, shape (N, N, N), around the true haloes of each bin of mass.

    Returns
    -------
    list of dict
        Per bin its limits ``cells``, the number of ``haloes``, the sum of their radii ``radius_sum`` (cells), and per
        shell one cell thick the ``counts`` of cells, the ``sums`` of the probability and of its ``squares``. Sums of
        several boxes add up.
    """
    cells = len(probability)
    centres = centre_cells(true.positions(), true.cell_size, cells)
    profiles = []
    for low, high in pairwise(MASS_EDGES):
        rows = (true["cells"] >= low) & (true["cells"] < high)
        reach = min(int(np.ceil(REACH * (3 * high / (4 * np.pi)) ** (1 / 3))), (cells - 1) // 2)
        sums = shell_sums(probability, centres[rows], reach)
        profiles.append(
            {
                "cells": [low, high],
                "haloes": int(rows.sum()),
                "radius_sum": float(true["radius"][rows].sum(dtype=np.float64) / true.cell_size),
                "counts": sums.counts.tolist(),
                "sums": sums.sums.tolist(),
                "squares": sums.squares.tolist(),
            }
        )
    return profiles
