"""Shells of the sphere around a candidate, and the weights that turn displacements on shells into a mean strain.

By Gauss's theorem the strain averaged within a sphere is a sum of psi_L n_K over its surface. On a grid the surface is
smeared with the cubic-spline kernel of smoothed-particle hydrodynamics of support 2 cells (Monaghan 1992, ARA&A 30,
543): every shell closer than 2 cells to the surface takes part, with a weight that depends on the two radii only.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from halonet.grid.shells import shells_within

SUPPORT = 2.0  # cells


def spline(x: np.ndarray) -> np.ndarray:
    """Cubic-spline kernel W(x), normalised to 1 over space, 0 beyond x = 2; the shape of ``x``."""
    inner = 1.5 / np.pi * (2 / 3 - x**2 + x**3 / 2)
    return np.where(x < 1, inner, np.where(x < 2, (2 - x) ** 3 / (4 * np.pi), 0.0))


def spline_integral(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """H(u, v) = integral from u to 2 of 4 pi W(x) x (v - x^2) dx, in closed form for 0 <= u < 2, element by element."""
    u2 = u * u
    outer = 1.6 * v - 6.4 / 7 - u2 * (4 - u * (4 - u * (1.5 - 0.2 * u))) * v
    outer = outer + u2**2 * (2 - u * (2.4 - u * (1 - u / 7)))
    inner = 1.6 * v - 6.4 / 7 - 0.2 * (v - 1 / 7) - u2 * (2 - u2 * (1.5 - 0.6 * u)) * v
    inner = inner + u2**2 * (1 - u2 * (1 - 3 * u / 7))
    return np.where(u < 1, inner, outer)


@dataclass(frozen=True)
class Sphere:
    """Shells that a candidate's sphere can grow over.

    Attributes
    ----------
    offsets
        Cell offsets by distance, int32 of shape (cells, 3).
    starts
        Index of each shell's first offset and, at the end, the number of offsets, int64 of shape (shells + 1,).
    squares
        Squared radius of each shell (cells^2), int64 of shape (shells,).
    radii
        Radius of each shell (cells), float64 of shape (shells,).
    first, last
        First and last shell closer than 2 cells to each shell, the centre left out, int64 of shape (shells,).
    weight_starts, weights
        Weight of shell m' in the strain within shell m: weights[weight_starts[m] + m' - first[m]], to be multiplied
        with the sum over shell m' of displacement times integer offset, and divided by the cell size.
    """

    offsets: np.ndarray
    starts: np.ndarray
    squares: np.ndarray
    radii: np.ndarray
    first: np.ndarray
    last: np.ndarray
    weight_starts: np.ndarray
    weights: np.ndarray

    @property
    def reach(self) -> int:
        """Cells from the centre to the outermost cell."""
        return int(self.offsets.max())


@lru_cache(maxsize=4)
def sphere(radius: int) -> Sphere:
    """Sphere of ``radius`` cells; its outermost shell is never closed and left out, as in the reference code."""
    shells = shells_within(radius)
    count = len(shells.squared_radii) - 1
    starts, squares = shells.starts[: count + 1], shells.squared_radii[:count]
    radii = np.sqrt(squares.astype(np.float64))
    first = np.maximum(np.searchsorted(radii, radii - SUPPORT, side="right"), 1)
    last = np.searchsorted(radii, radii + SUPPORT, side="left") - 1
    rows = [_weights(radii[m], radii[first[m] : last[m] + 1]) for m in range(count)]
    weight_starts = np.cumsum([0, *(len(row) for row in rows)])[:-1]
    return Sphere(
        shells.offsets[: starts[-1]], starts, squares, radii, first, last, weight_starts, np.concatenate(rows)
    )


def _weights(radius: float, others: np.ndarray) -> np.ndarray:
    """Weights of shells of radii ``others`` (cells) in the strain within ``radius``; 1 / others makes unit offsets."""
    if radius == 0:
        return -3 * spline(others) / (2 * others) / others
    width = spline_integral(np.abs(radius - others), radius**2 + others**2) / (2 * radius * others) ** 2
    return -3 / (4 * np.pi * radius) * width / others
