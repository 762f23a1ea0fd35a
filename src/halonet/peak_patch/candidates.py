"""Candidate peaks: local maxima of the density smoothed on a bank of top-hat filters."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numba
import numpy as np

from halonet.grid.slabs import Slabs
from halonet.grid.windows import top_hat
from halonet.settings import FilterBankSettings


def filter_radii(filters: FilterBankSettings, cell_size: float) -> np.ndarray:
    """Radii of the bank (Mpc), ascending, shape (filters,), with five significant digits as the bank's files hold them.

    From the smallest radius in equal ratios up to the largest, which is appended where the bank ends well before it.
    """
    radius, radii = filters.smallest_cells * cell_size, []
    while radius < filters.largest_mpc:
        radii.append(radius)
        radius *= filters.ratio
    if not radii or radii[-1] < 0.93 * filters.largest_mpc:
        radii.append(filters.largest_mpc)
    return np.array([float(f"{radius:.5g}") for radius in radii])


def smooth(modes: np.ndarray, slabs: Slabs, radius_cells: float) -> np.ndarray:
    """Density smoothed with a top-hat of ``radius_cells``: float32 of shape (N / ranks, N, N), from its modes."""
    squares = np.arange(3 * (slabs.cells // 2) ** 2 + 1)
    window = top_hat(2 * np.pi * radius_cells / slabs.cells * np.sqrt(squares)).astype(np.float32)
    kx, ky, kz = (np.abs(k).astype(np.int64).ravel() for k in slabs.wavenumbers)
    return slabs.inverse(_apply_window(modes, window, kx**2, ky**2, kz**2), overwrite=True)


@numba.njit(cache=True)
def _apply_window(modes, window, kx2, ky2, kz2):
    """Modes times a window tabulated by the squared integer wavenumber."""
    result = np.empty_like(modes)
    for i in range(modes.shape[0]):
        for j in range(modes.shape[1]):
            for k in range(modes.shape[2]):
                result[i, j, k] = modes[i, j, k] * window[kx2[i] + ky2[j] + kz2[k]]
    return result


class Peaks(NamedTuple):
    """Peaks of the smoothed density, of the largest filter first: flat cell indices, filters, heights; (peaks,) each.

    A cell is there once for every filter on which it is a peak. The height is the smoothed density today.
    """

    cells: np.ndarray
    filters: np.ndarray
    heights: np.ndarray


def find_peaks(
    modes: np.ndarray,
    slabs: Slabs,
    radii_cells: np.ndarray,
    threshold: float,
    progress: Callable[[range], Iterable[int]] = iter,
) -> Peaks:
    """Peaks on this rank's planes: the density smoothed there reaches ``threshold``, and no neighbour is larger."""
    found = []
    for index in progress(range(len(radii_cells))[::-1]):
        density = smooth(modes, slabs, radii_cells[index])
        cells = _peaks(density, *slabs.neighbour_planes(density), threshold)
        heights = density.reshape(-1)[cells]
        found.append((cells + slabs.start * slabs.cells**2, np.full(len(cells), index), heights))
    return Peaks(*(np.concatenate(values) for values in zip(*found, strict=True)))


def find_candidates(
    modes: np.ndarray,
    slabs: Slabs,
    radii_cells: np.ndarray,
    threshold: float,
    progress: Callable[[range], Iterable[int]] = iter,
) -> tuple[np.ndarray, np.ndarray]:
    """Peaks of the smoothed density that may collapse, on this rank's planes.

    A cell is a candidate if the density smoothed there reaches ``threshold`` and none of its 26 neighbours is larger;
    it keeps the largest filter on which it is one.

    Returns
    -------
    cells, filters
        Flat index of each candidate's cell in the whole grid, ascending, and the index of its filter; int64 of shape
        (candidates,).
    """
    peaks = find_peaks(modes, slabs, radii_cells, threshold, progress)
    # The largest filter stands first, and unique keeps the first of a cell.
    unique, first = np.unique(peaks.cells, return_index=True)
    return unique, peaks.filters[first]


@numba.njit(cache=True)
def _peaks(density, below, above, threshold):
    """Flat indices, within this slab, of cells >= threshold of which no neighbour is larger."""
    planes, n, _ = density.shape
    found = []
    for i in range(planes):
        low = density[i - 1] if i > 0 else below
        high = density[i + 1] if i < planes - 1 else above
        here = density[i]
        for j in range(n):
            j0, j2 = j - 1 if j > 0 else n - 1, j + 1 if j < n - 1 else 0
            for k in range(n):
                value = here[j, k]
                if value < threshold:
                    continue
                k0, k2 = k - 1 if k > 0 else n - 1, k + 1 if k < n - 1 else 0
                if here[j, k0] > value or here[j, k2] > value:
                    continue
                if _is_largest(value, low, here, high, j0, j, j2, k0, k, k2):
                    found.append((i * n + j) * n + k)
    result = np.empty(len(found), np.int64)
    for i in range(len(found)):
        result[i] = found[i]
    return result


@numba.njit(cache=True)
def _is_largest(value, low, here, high, j0, j1, j2, k0, k1, k2):
    for plane in (here, low, high):
        for j in (j1, j0, j2):
            if plane[j, k0] > value or plane[j, k1] > value or plane[j, k2] > value:
                return False
    return True
