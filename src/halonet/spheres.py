"""Means of a periodic field within spheres and in shells of cells around given cells."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from halonet.grid.shells import Shells, shells_within
from halonet.grid.slabs import Slabs
from halonet.grid.surroundings import around_centres


def centre_cells(positions: np.ndarray, cell_size: float, cells: int) -> np.ndarray:
    """Cells that hold ``positions`` (Mpc, shape (n, 3)), int64 of the same shape."""
    return np.floor(positions / cell_size).astype(np.int64) % cells


def mean_within(field: np.ndarray, centres: np.ndarray, radii: np.ndarray, slabs: Slabs | None = None) -> np.ndarray:
    """Mean of ``field`` over the cells with distance <= radius from each centre cell; collective.

    Parameters
    ----------
    field
        This rank's planes of a periodic field, shape (N / ranks, N, N).
    centres
        Cells, int64 of shape (n, 3), in planes of this rank.
    radii
        Radii (cells), shape (n,).
    slabs
        Of the box, where several ranks have it.
    """
    slabs, means = slabs or Slabs(len(field)), np.empty(len(centres))
    largest = slabs.largest(radii)
    if largest < 0:
        return means
    shells = shells_within(int(np.ceil(largest)))
    starts, stops = (_shells_before(shells, np.asarray(edge, np.float64)) for edge in (np.full(len(radii), -1), radii))

    def average(rows: np.ndarray, fields: Sequence[np.ndarray], first: int, cells: np.ndarray) -> None:
        means[rows] = _mean_over_offsets(fields[0], first, cells, shells.offsets, starts[rows], stops[rows])

    around_centres(slabs, [field], centres, np.floor(radii).astype(np.int64), average)
    return means


def mean_at_radius(field: np.ndarray, centres: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Mean of ``field`` over the shell one cell thick at each radius (cells), as :func:`mean_within`."""
    radii = np.asarray(radii, np.float64)
    return _mean_between(field, centres, radii - 0.5, radii + 0.5)


def _mean_between(field: np.ndarray, centres: np.ndarray, inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
    """Mean over inner < distance <= outer."""
    if len(centres) == 0:
        return np.zeros(0)
    shells = shells_within(int(np.ceil(outer.max())))
    starts, stops = (_shells_before(shells, edge) for edge in (inner, outer))
    return _mean_over_offsets(field, 0, centres, shells.offsets, starts, stops)


def _shells_before(shells: Shells, radii: np.ndarray) -> np.ndarray:
    """Number of offsets within these radii."""
    return shells.starts[np.searchsorted(shells.radii, radii, side="right")]


@njit(cache=True)
def _value(field, first, centre, offset):
    n = field.shape[1]
    x, y, z = centre[0] + offset[0], centre[1] + offset[1], centre[2] + offset[2]
    return np.float64(field[x % n - first, y % n, z % n])


@njit(cache=True)
def _mean_over_offsets(field, first, centres, offsets, starts, stops):
    means = np.empty(len(centres))
    for halo in range(len(centres)):
        total = 0.0
        for i in range(starts[halo], stops[halo]):
            total += _value(field, first, centres[halo], offsets[i])
        means[halo] = total / (stops[halo] - starts[halo])
    return means


@dataclass(frozen=True)
class ShellSums:
    """Sums over all cells in shells one cell thick around a set of centres, each of shape (reach + 1,).

    Shell i holds the cells whose distance rounds to i cells. Sums of several boxes add up.
    """

    counts: np.ndarray
    sums: np.ndarray
    squares: np.ndarray

    def __add__(self, other: "ShellSums") -> "ShellSums":
        return ShellSums(self.counts + other.counts, self.sums + other.sums, self.squares + other.squares)

    @property
    def mean(self) -> np.ndarray:
        """Mean over the cells of each shell; NaN where there is none."""
        return np.divide(self.sums, self.counts, out=np.full(len(self.sums), np.nan), where=self.counts > 0)

    @property
    def deviation(self) -> np.ndarray:
        """Standard deviation over the cells of each shell; NaN where there are fewer than two."""
        squares = np.divide(self.squares, self.counts, out=np.full(len(self.sums), np.nan), where=self.counts > 1)
        return np.sqrt(np.maximum(squares - self.mean**2, 0))


def shell_sums(field: np.ndarray, centres: np.ndarray, reach: int) -> ShellSums:
    """Stack ``field`` in shells around the cells ``centres`` (int64, shape (n, 3)), out to ``reach`` cells."""
    shells = shells_within(reach)
    shell_of_offset = np.repeat(np.rint(shells.radii).astype(np.int64), np.diff(shells.starts))
    sums, squares = _stack(field, centres, shells.offsets, shell_of_offset, reach + 1)
    return ShellSums(np.bincount(shell_of_offset, minlength=reach + 1) * len(centres), sums, squares)


@njit(cache=True)
def _stack(field, centres, offsets, shell_of_offset, shells):
    sums, squares = np.zeros(shells), np.zeros(shells)
    for halo in range(len(centres)):
        for i in range(len(offsets)):
            value = _value(field, 0, centres[halo], offsets[i])
            sums[shell_of_offset[i]] += value
            squares[shell_of_offset[i]] += value * value
    return sums, squares
