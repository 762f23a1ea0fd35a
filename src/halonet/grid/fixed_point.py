"""Positions in a periodic box as whole numbers: 2^20 of them along a cell of the mesh.

Whole numbers wrap, compare and are sent without rounding, so that whatever follows from them does not depend on which
rank or thread computes it. A mesh has at most 4096 cells along a side.
"""

import numpy as np
from numba import njit

FRACTION_BITS = 20
LARGEST_MESH = 1 << (32 - FRACTION_BITS)
_UNIT = 1 << FRACTION_BITS


@njit(cache=True, nogil=True)
def fixed_positions(displacements, first, cells, scale, shift, positions):
    """Positions of particles that started at the centres of consecutive cells.

    Parameters
    ----------
    displacements
        In cells, float32 of shape (n, 3).
    first
        Flat index of the first particle's cell, in a grid of ``cells``^3.
    scale
        Cells of the mesh along a cell.
    shift
        Place of the mesh's origin (cells of the mesh).
    positions
        To be filled, uint32 of shape (n, 3).
    """
    period = np.int64(cells) * scale * _UNIT
    for m in range(len(displacements)):
        flat = first + m
        across = flat // cells
        lattice = (across // cells, across % cells, flat % cells)
        for axis in range(3):
            position = ((lattice[axis] + 0.5 + np.float64(displacements[m, axis])) * scale - shift) * _UNIT
            number = np.int64(np.floor(position + 0.5))
            while number < 0:
                number += period
            while number >= period:
                number -= period
            positions[m, axis] = number
