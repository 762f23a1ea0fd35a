"""Second-order perturbation theory by differences on the grid, which takes few Fourier transforms.

The exact source of the second order takes six transforms back, and its displacement three more
(:mod:`halonet.initial_conditions.displacement`). Here one transform gives the potential of each, and differences of
fourth order give its derivatives. A first derivative of a wave of 8 cells is 1.2% too small, one of 4 cells 15%, and
shorter ones fade: second order says nothing true about them.
"""

import numpy as np
from numba import njit

from halonet.grid.slabs import Slabs
from halonet.grid.threads import in_threads
from halonet.n_body.mesh import to_potential

REACH = 2  # planes, rows and columns on either side


def potential(modes: np.ndarray, slabs: Slabs) -> np.ndarray:
    """laplacian^-1 of a field (cells squared), with :data:`REACH` planes of neighbours on both sides; collective.

    ``modes`` are the field's, complex64 of the shape of those of ``slabs``; they are overwritten.
    """
    kx, ky, kz = (((2 * np.pi / slabs.cells * k.ravel()) ** 2).astype(np.float32) for k in slabs.wavenumbers)

    def divide(plane: int) -> None:
        part = slice(plane, plane + 1)
        to_potential(modes[part].view(np.float32), kx[part], ky, kz)

    in_threads(divide, range(slabs.cells), slabs.threads)
    return slabs.with_ghosts(slabs.inverse(modes, overwrite=True), REACH)


def second_order_source_by_differences(potentials: np.ndarray, slabs: Slabs) -> np.ndarray:
    """Source S = sum_{i<j} (phi_ii phi_jj - phi_ij^2), float32 of shape (planes, N, N).

    ``potentials`` is phi, the potential of the linear density, as :func:`potential` gives it.
    """
    source = np.empty(slabs.shape, np.float32)

    def work(plane: int) -> None:
        source_of_plane(potentials[plane : plane + 5], source[plane])

    in_threads(work, range(slabs.planes), slabs.threads)
    return source


@njit(cache=True, nogil=True)
def put_plane(first, second, axis, growths, displacements, momenta):
    """A component of a plane's displacement and momentum, (N, N, 3) each.

    They come from psi1 in that plane, and from the potential of the second order in five around it.
    """
    slopes = np.empty(len(first), np.float32)
    for y in range(len(first)):
        slope_of_row(second, y, axis, slopes)
        for z in range(len(first)):
            displacements[y, z, axis] = growths[0] * first[y, z] - growths[1] * slopes[z]
            momenta[y, z, axis] = growths[2] * first[y, z] - growths[3] * slopes[z]


@njit(cache=True, nogil=True)
def slope_of_row(planes, y, axis, slopes):
    """Derivative along an axis (per cell) of row ``y`` of the middle one of five planes of a potential, (5, N, N)."""
    side = len(slopes)
    y1, y2, y3, y4 = (y - 2) % side, (y - 1) % side, (y + 1) % side, (y + 2) % side
    if axis == 0:
        _slopes(planes[0, y], planes[1, y], planes[3, y], planes[4, y], slopes)
    elif axis == 1:
        _slopes(planes[2, y1], planes[2, y2], planes[2, y3], planes[2, y4], slopes)
    else:
        row, inner = planes[2, y], slice(2, side - 2)
        _slopes(row[: side - 4], row[1 : side - 3], row[3 : side - 1], row[4:], slopes[inner])
        for z in (0, 1, side - 2, side - 1):
            slopes[z] = _slope(row[z - 2], row[z - 1], row[(z + 1) % side], row[(z + 2) % side])


@njit(cache=True, nogil=True, inline="always")
def _slopes(far_below, below, above, far_above, slopes):
    for z in range(len(slopes)):
        slopes[z] = _slope(far_below[z], below[z], above[z], far_above[z])


@njit(cache=True, nogil=True, inline="always")
def _slope(far_below, below, above, far_above):
    return (np.float32(8) * (above - below) - (far_above - far_below)) * np.float32(1 / 12)


@njit(cache=True, nogil=True)
def source_of_plane(planes, source):
    """Source of the middle one of five planes of a potential, (5, N, N)."""
    side = source.shape[0]
    for y in range(side):
        rows = (y - 2) % side, (y - 1) % side, y, (y + 1) % side, (y + 2) % side
        # Numbers without a sign are not asked whether they count from the end: the loop becomes one over vectors.
        for z in range(np.uint64(2), np.uint64(side - 2)):
            z1, z2 = np.uint64(1), np.uint64(2)
            source[y, z] = _source_at(planes, rows, (z - z2, z - z1, z, z + z1, z + z2))
        for z in (0, 1, side - 2, side - 1):
            source[y, z] = _source_at(planes, rows, ((z - 2) % side, (z - 1) % side, z, (z + 1) % side, (z + 2) % side))


@njit(cache=True, nogil=True, inline="always")
def _source_at(f, y, z):
    """Source at the middle of planes, rows ``y`` and columns ``z``, five of each."""
    sixteen, thirty, twelfth = np.float32(16), np.float32(30), np.float32(1 / 12)
    middle = thirty * f[2, y[2], z[2]]
    xx = (sixteen * (f[3, y[2], z[2]] + f[1, y[2], z[2]]) - (f[4, y[2], z[2]] + f[0, y[2], z[2]]) - middle) * twelfth
    yy = (sixteen * (f[2, y[3], z[2]] + f[2, y[1], z[2]]) - (f[2, y[4], z[2]] + f[2, y[0], z[2]]) - middle) * twelfth
    zz = (sixteen * (f[2, y[2], z[3]] + f[2, y[2], z[1]]) - (f[2, y[2], z[4]] + f[2, y[2], z[0]]) - middle) * twelfth
    xy = _cross(
        (f[3, y[3], z[2]] - f[3, y[1], z[2]]) - (f[1, y[3], z[2]] - f[1, y[1], z[2]]),
        (f[4, y[4], z[2]] - f[4, y[0], z[2]]) - (f[0, y[4], z[2]] - f[0, y[0], z[2]]),
    )
    xz = _cross(
        (f[3, y[2], z[3]] - f[3, y[2], z[1]]) - (f[1, y[2], z[3]] - f[1, y[2], z[1]]),
        (f[4, y[2], z[4]] - f[4, y[2], z[0]]) - (f[0, y[2], z[4]] - f[0, y[2], z[0]]),
    )
    yz = _cross(
        (f[2, y[3], z[3]] - f[2, y[3], z[1]]) - (f[2, y[1], z[3]] - f[2, y[1], z[1]]),
        (f[2, y[4], z[4]] - f[2, y[4], z[0]]) - (f[2, y[0], z[4]] - f[2, y[0], z[0]]),
    )
    return xx * yy + yy * zz + zz * xx - (xy * xy + xz * xz + yz * yz)


@njit(cache=True, nogil=True, inline="always")
def _cross(near, far):
    """Mixed derivative to fourth order, of sums over the corners of squares of 2 and of 4 cells."""
    return near / np.float32(3) - far / np.float32(48)
