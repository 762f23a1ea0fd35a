"""Halo mask: the cells whose centre lies inside a halo."""

import numba
import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.grid.slabs import Slabs


def halo_mask(catalogue: HaloCatalogue, slabs: Slabs, minimum_cells: float = 0.0) -> np.ndarray:
    """Union of the Lagrangian spheres of haloes.

    Parameters
    ----------
    catalogue
        Haloes of the whole periodic box.
    minimum_cells
        Haloes of a smaller volume (cells) are left out.

    Returns
    -------
    mask
        1 where a cell's centre is strictly inside a sphere, uint8 of shape (N / ranks, N, N).
    """
    haloes = catalogue.larger_than(minimum_cells)
    mask = np.zeros(slabs.shape, np.uint8)
    _fill(mask, slabs.start, haloes.centres_in_cells(), haloes["radius"].astype(float) / haloes.cell_size)
    return mask


@numba.njit(cache=True)
def _fill(mask, start, centres, radii):
    planes, n, _ = mask.shape
    for halo in range(len(radii)):
        # Cell i has its centre at i + 1/2.
        x, y, z = centres[halo] - 0.5
        r = radii[halo]
        for i in range(int(np.ceil(x - r)), int(np.floor(x + r)) + 1):
            plane = i % n - start
            if plane < 0 or plane >= planes:
                continue
            for j in range(int(np.ceil(y - r)), int(np.floor(y + r)) + 1):
                rest = r * r - (i - x) ** 2 - (j - y) ** 2
                if rest <= 0:
                    continue
                for k in range(int(np.ceil(z - r)), int(np.floor(z + r)) + 1):
                    if (k - z) ** 2 < rest:
                        mask[plane, j % n, k % n] = 1
