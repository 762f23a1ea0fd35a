"""Values between the points of a coarse grid by a fixed local rule: eight points along each axis, whoever asks.

The kernel is that of Kaiser and Bessel. What it does to the modes is taken back before, in the modes of the coarse
grid, as non-uniform Fourier transforms do (Barnett, Magland & af Klinteberg 2019, SIAM J. Sci. Comput. 41, C479).
"""

from functools import cache

import numpy as np

from halonet.grid.lattice_cube import Corner, Cube
from halonet.grid.slabs import Slabs

POINTS = 8  # along each axis
SHARPNESS = np.pi * POINTS * (1 - 0.5 * 0.85)  # for modes up to 0.85 of the Nyquist frequency: 1e-4 and better


def kernel(distance: np.ndarray) -> np.ndarray:
    """Weight of a point at a distance (coarse cells) along an axis, of the same shape."""
    inside = np.maximum(1 - (2 * distance / POINTS) ** 2, 0)
    return np.where(inside > 0, np.i0(SHARPNESS * np.sqrt(inside)) / np.i0(SHARPNESS), 0)


def prepared(modes: np.ndarray, slabs: Slabs, coarsening: int) -> np.ndarray:
    """Modes of the coarse field to be interpolated to cells of which ``coarsening`` go along a coarse one; a copy."""
    offsets = np.arange(-POINTS // 2 * coarsening, POINTS // 2 * coarsening + 1)
    weights = kernel(offsets / coarsening)
    result = modes.copy()
    for k in slabs.wavenumbers:
        phases = 2 * np.pi * k[..., None] * offsets / (slabs.cells * coarsening)
        result *= (coarsening / (np.cos(phases) * weights).sum(axis=-1)).astype(np.float32)
    return result


@cache
def _weights(coarsening: int) -> np.ndarray:
    """Weights of the points around a fine cell, by its number within the coarse one: float32, (coarsening, points)."""
    fine = np.arange(coarsening)[:, None] / coarsening
    return kernel(np.arange(POINTS) - POINTS // 2 + 1 - fine).astype(np.float32)


def interpolate(coarse: np.ndarray, cube: Cube, start: Corner, side: int, coarsening: int) -> np.ndarray:
    """Values in the window of ``side`` fine cells from ``start`` on, float32 of shape (side, side, side).

    Parameters
    ----------
    coarse
        Real field of :func:`prepared` modes in ``cube``, of the periodic coarse grid.
    """
    lows, points = around(start, side, coarsening)
    weights = _weights(coarsening)
    values = coarse[cube.window(lows, points)]
    for axis in (2, 1, 0):  # the last step, which does most, reads whole planes
        cells = start[axis] + np.arange(side)
        first = cells // coarsening - POINTS // 2 + 1
        result = 0.0
        for point in range(POINTS):
            weight = weights[cells % coarsening, point].reshape([-1 if i == axis else 1 for i in range(3)])
            result = result + weight * np.take(values, first + point - lows[axis], axis)
        values = np.asarray(result)
    return values


def around(start: Corner, side: int, coarsening: int) -> tuple[Corner, int]:
    """First point and number of points along a side of the coarse grid that a window of fine cells needs."""
    half = POINTS // 2
    x, y, z = (low // coarsening - half + 1 for low in start)
    return (x, y, z), side // coarsening + POINTS + 1
