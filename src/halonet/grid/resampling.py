"""A field in slabs on a grid of half as many cells along a side, and back."""

import numpy as np
from numba import njit

from halonet.grid.slabs import SlabError, Slabs
from halonet.grid.threads import in_threads


def halved(slabs: Slabs) -> Slabs:
    """The grid of half as many cells along a side, over the same ranks and threads.

    Raises
    ------
    SlabError
        If the number of cells is odd.
    """
    if slabs.cells % 2:
        raise SlabError(f"{slabs.cells} cells along a side cannot be halved; an even number is needed")
    return Slabs(slabs.cells // 2, slabs.communicator, slabs.threads)


def coarsened(field: np.ndarray, slabs: Slabs) -> np.ndarray:
    """A field without the modes that the halved grid does not have, at the centres of its cells; collective.

    Parameters
    ----------
    field
        This rank's planes of the field in ``slabs``, float32 of shape (planes, N, N).

    Returns
    -------
    This rank's planes in ``halved(slabs)``, float32 of shape (planes, N / 2, N / 2).
    """
    modes = slabs.forward(field)
    for k in slabs.wavenumbers:
        # Centres of coarse cells lie half a fine cell beyond those of every second fine one.
        kept = np.abs(k) < slabs.cells // 4
        modes *= (kept * np.exp(1j * np.pi * k / slabs.cells)).astype(np.complex64)
    fine = _planes_of_halved(slabs.inverse(modes, overwrite=True), slabs, halved(slabs))
    return np.ascontiguousarray(fine[::2, ::2, ::2])


def _planes_of_halved(field: np.ndarray, slabs: Slabs, coarse: Slabs) -> np.ndarray:
    """Fine planes in this rank's planes of the halved grid; collective."""
    if slabs.ranks == 1:
        return field
    bounds = zip(coarse.bounds[:-1], coarse.bounds[1:], strict=True)
    return slabs.fetch_planes(field, [(2 * start, 2 * (stop - start)) for start, stop in bounds])


def block_means(field: np.ndarray, slabs: Slabs) -> np.ndarray:
    """Means of vectors over the eight cells in each cell of the halved grid; collective.

    Parameters
    ----------
    field
        This rank's planes in ``slabs``, float32 of shape (planes, N, N, 3).

    Returns
    -------
    This rank's planes in ``halved(slabs)``, float32 of shape (planes, N / 2, N / 2, 3).
    """
    coarse = halved(slabs)
    fine, result = _planes_of_halved(field, slabs, coarse), np.empty((*coarse.shape, 3), np.float32)
    in_threads(lambda i: _mean_of_planes(fine[2 * i], fine[2 * i + 1], result[i]), range(coarse.planes), slabs.threads)
    return result


@njit(cache=True, nogil=True)
def _mean_of_planes(one, other, result):
    eighth = np.float32(0.125)
    for y in range(len(result)):
        for z in range(len(result)):
            for c in range(3):
                total = np.float32(0)
                for i in range(2):
                    for j in range(2):
                        total += one[2 * y + i, 2 * z + j, c] + other[2 * y + i, 2 * z + j, c]
                result[y, z, c] = eighth * total


def refined(field: np.ndarray, slabs: Slabs) -> np.ndarray:
    """A field of the halved grid, interpolated linearly along each axis to the cells of ``slabs``; collective.

    Parameters
    ----------
    field
        This rank's planes in ``halved(slabs)``, float32 of shape (planes, N / 2, N / 2) or, of vectors, (..., 3).

    Returns
    -------
    This rank's planes in ``slabs``, float32 of shape (planes, N, N) or (planes, N, N, 3).
    """
    result = np.empty(slabs.shape + field.shape[3:], np.float32)
    coarse, bounds = halved(slabs), zip(slabs.bounds[:-1], slabs.bounds[1:], strict=True)
    # Cell f lies between the coarse cells (f - 1) // 2 and the next.
    wanted = [((start - 1) // 2, stop // 2 - (start - 1) // 2 + 1) for start, stop in bounds]
    around, first = coarse.fetch_planes(field, wanted), wanted[slabs.rank][0]
    around = around.reshape(len(around), coarse.cells, -1)
    rows = result.reshape(slabs.planes, slabs.cells, -1)

    def plane(i: int) -> None:
        low = (slabs.start + i - 1) // 2 - first
        _refine_plane(around[low], around[low + 1], (slabs.start + i) % 2, rows[i])

    in_threads(plane, range(slabs.planes), slabs.threads)
    return result


@njit(cache=True, nogil=True)
def _refine_plane(low, high, odd, result):
    """A plane between two, whose rows have the components of a cell side by side."""
    near, far, n = np.float32(0.75), np.float32(0.25), len(low)
    of_low, of_high = (near, far) if odd else (far, near)
    between, width = of_low * low + of_high * high, low.shape[1] // n
    row = np.empty((n + 2) * width, np.float32)  # with the last cell before the first, and the first behind the last
    for y in range(2 * n):
        nearer = y // 2
        further = (nearer + 1) % n if y % 2 else (nearer - 1) % n
        for i in range(n * width):
            row[width + i] = near * between[nearer, i] + far * between[further, i]
        for c in range(width):
            row[c], row[(n + 1) * width + c] = row[n * width + c], row[width + c]
        for z in range(n):
            for c in range(width):
                before, here, after = row[z * width + c], row[(z + 1) * width + c], row[(z + 2) * width + c]
                result[y, 2 * z * width + c] = near * here + far * before
                result[y, (2 * z + 1) * width + c] = near * here + far * after
