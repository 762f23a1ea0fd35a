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
    across = first // cells
    x, y, z = across // cells, across % cells, first % cells
    for m in range(len(displacements)):
        positions[m, 0] = _number(((x + 0.5 + np.float64(displacements[m, 0])) * scale - shift) * _UNIT, period)
        positions[m, 1] = _number(((y + 0.5 + np.float64(displacements[m, 1])) * scale - shift) * _UNIT, period)
        positions[m, 2] = _number(((z + 0.5 + np.float64(displacements[m, 2])) * scale - shift) * _UNIT, period)
        z += 1  # counted, as a division takes longer than all the rest
        if z == cells:
            y, z = y + 1, 0
            if y == cells:
                x, y = x + 1, 0


@njit(cache=True, nogil=True, inline="always")
def _number(position, period):
    """Nearest whole number, within a period."""
    number = np.int64(np.floor(position + 0.5))
    while number < 0:
        number += period
    while number >= period:
        number -= period
    return number
