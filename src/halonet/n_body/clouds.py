"""Clouds in cells, in whole numbers: deposit of particles on a mesh, and forces read out of a potential.

Notes
-----
A particle's weights on the eight mesh points around it are whole numbers that sum to 2^14: the weight is parted along
x, each part along y, each of those along z, every time rounded to a whole number (Hockney & Eastwood 1988, section 5;
rounding as this project does it). Sums of whole numbers know no order, so the mesh is the same for any number of ranks
and threads, and no mass is lost. Read-out uses the same weights: deposit and read-out are adjoint to the last bit,
which is what conserves momentum.

The mesh of a rank is its planes with :data:`BELOW` planes of the rank below and :data:`ABOVE` of that above.
"""

import numpy as np
from numba import njit

from halonet.grid.fixed_point import FRACTION_BITS

WEIGHT_BITS = 14
WEIGHT = 1 << WEIGHT_BITS
BELOW, ABOVE = 2, 3  # planes that the derivative of read-out reaches beyond those that hold particles
_HALF = 1 << (FRACTION_BITS - 1)
_FRACTION = (1 << FRACTION_BITS) - 1


@njit(cache=True, nogil=True, inline="always")
def _upper_part(weight, fraction):
    """Part of a weight that goes to the upper of two points."""
    return (weight * fraction + _HALF) >> FRACTION_BITS


@njit(cache=True, nogil=True)
def deposit(positions, mesh, first_plane, first_row, last_row):
    """Add the weights of particles to rows ``first_row`` to ``last_row`` of a mesh.

    Parameters
    ----------
    positions
        Of :mod:`halonet.grid.fixed_point`, uint32 of shape (n, 3); all within this rank's planes.
    mesh
        int32 of shape (BELOW + planes + ABOVE, M, M).
    first_plane
        First of this rank's planes.
    """
    side = mesh.shape[1]
    for m in range(len(positions)):
        y = np.int64(positions[m, 1])
        j = y >> FRACTION_BITS
        j1 = j + 1 if j + 1 < side else 0
        here, beyond = first_row <= j < last_row, first_row <= j1 < last_row
        if not (here or beyond):
            continue
        x, z = np.int64(positions[m, 0]), np.int64(positions[m, 2])
        i, k = (x >> FRACTION_BITS) - first_plane + BELOW, z >> FRACTION_BITS
        k1 = k + 1 if k + 1 < side else 0
        fx, fy, fz = x & _FRACTION, y & _FRACTION, z & _FRACTION
        w1 = _upper_part(WEIGHT, fx)
        for a, wx in ((0, WEIGHT - w1), (1, w1)):
            w1y = _upper_part(wx, fy)
            if here:
                w = wx - w1y
                upper = _upper_part(w, fz)
                mesh[i + a, j, k] += np.int32(w - upper)
                mesh[i + a, j, k1] += np.int32(upper)
            if beyond:
                upper = _upper_part(w1y, fz)
                mesh[i + a, j1, k] += np.int32(w1y - upper)
                mesh[i + a, j1, k1] += np.int32(upper)


@njit(cache=True, nogil=True, inline="always")
def _wrapped(index, side):
    if index < 0:
        return index + side
    return index - side if index >= side else index


@njit(cache=True, nogil=True)
def read_out(positions, potential, first_plane, factor, forces):
    """Force -grad of a potential on particles, by the four-point derivative at the eight points around each.

    The derivative is (8 (f_1 - f_-1) - (f_2 - f_-2)) / 12, in Fourier space i (8 sin k - sin 2k) / 6 (FastPM).

    Parameters
    ----------
    positions
        As :func:`deposit` takes them.
    potential
        float32 of shape (BELOW + planes + ABOVE, M, M).
    factor
        Multiplies the force, which is per cell of the mesh.
    forces
        To be filled, float32 of shape (n, 3).
    """
    side = potential.shape[1]
    scale = np.float32(-factor / (12 * WEIGHT))
    values = potential.reshape(-1)
    for m in range(len(positions)):
        x, y, z = np.int64(positions[m, 0]), np.int64(positions[m, 1]), np.int64(positions[m, 2])
        i = (x >> FRACTION_BITS) - first_plane + BELOW
        j, k = y >> FRACTION_BITS, z >> FRACTION_BITS
        fractions = x & _FRACTION, y & _FRACTION, z & _FRACTION
        if BELOW <= j < side - ABOVE and BELOW <= k < side - ABOVE:
            gx, gy, gz = _gradient_within(values, (i * side + j) * side + k, side, fractions)
        else:
            gx, gy, gz = _gradient_at_an_edge(potential, (i, j, k), side, fractions)
        forces[m, 0], forces[m, 1], forces[m, 2] = scale * gx, scale * gy, scale * gz


@njit(cache=True, nogil=True, inline="always")
def _gradient_within(values, lowest, side, fractions):
    """Twelve times the gradient of a mesh, one number after the other, where no neighbour is across an edge.

    Indices without a sign need not be asked whether they count from the end, which is a quarter of the time.
    """
    fx, fy, fz = fractions
    plane, row, one, two, eight = np.uint64(side * side), np.uint64(side), np.uint64(1), np.uint64(2), np.float32(8)
    gx, gy, gz = np.float32(0), np.float32(0), np.float32(0)
    w1 = _upper_part(WEIGHT, fx)
    for a in range(2):
        wx = w1 if a else WEIGHT - w1
        w1y = _upper_part(wx, fy)
        for b in range(2):
            wy = w1y if b else wx - w1y
            w1z = _upper_part(wy, fz)
            at = np.uint64(lowest) + np.uint64(a) * plane + np.uint64(b) * row
            for c in range(2):
                w = np.float32(w1z if c else wy - w1z)
                gx += w * (
                    eight * (values[at + plane] - values[at - plane])
                    - (values[at + two * plane] - values[at - two * plane])
                )
                gy += w * (
                    eight * (values[at + row] - values[at - row]) - (values[at + two * row] - values[at - two * row])
                )
                gz += w * (eight * (values[at + one] - values[at - one]) - (values[at + two] - values[at - two]))
                at += one
    return gx, gy, gz


@njit(cache=True, nogil=True)
def _gradient_at_an_edge(potential, lowest, side, fractions):
    """The same numbers, to the last bit, where neighbours along y or z may be on the other side of the box."""
    (i, j, k), (fx, fy, fz), eight = lowest, fractions, np.float32(8)
    gx, gy, gz = np.float32(0), np.float32(0), np.float32(0)
    w1 = _upper_part(WEIGHT, fx)
    for a in range(2):
        wx = w1 if a else WEIGHT - w1
        w1y = _upper_part(wx, fy)
        ia = i + a
        for b in range(2):
            wy = w1y if b else wx - w1y
            w1z = _upper_part(wy, fz)
            jb = _wrapped(j + b, side)
            below, above = _wrapped(j + b - 1, side), _wrapped(j + b + 1, side)
            far_below, far_above = _wrapped(j + b - 2, side), _wrapped(j + b + 2, side)
            for c in range(2):
                w = np.float32(w1z if c else wy - w1z)
                kc = _wrapped(k + c, side)
                gx += w * (
                    eight * (potential[ia + 1, jb, kc] - potential[ia - 1, jb, kc])
                    - (potential[ia + 2, jb, kc] - potential[ia - 2, jb, kc])
                )
                gy += w * (
                    eight * (potential[ia, above, kc] - potential[ia, below, kc])
                    - (potential[ia, far_above, kc] - potential[ia, far_below, kc])
                )
                gz += w * (
                    eight * (potential[ia, jb, _wrapped(kc + 1, side)] - potential[ia, jb, _wrapped(kc - 1, side)])
                    - (potential[ia, jb, _wrapped(kc + 2, side)] - potential[ia, jb, _wrapped(kc - 2, side)])
                )
    return gx, gy, gz


@njit(cache=True, nogil=True)
def read_density(positions, contrast, first_plane, densities):
    """1 + delta of a mesh on particles, with the weights of their deposit.

    Parameters
    ----------
    positions
        As :func:`deposit` takes them.
    contrast
        float32 of shape (BELOW + planes + ABOVE, M, M).
    densities
        To be filled, float32 of shape (n, 1).
    """
    side = contrast.shape[1]
    for m in range(len(positions)):
        x, y, z = np.int64(positions[m, 0]), np.int64(positions[m, 1]), np.int64(positions[m, 2])
        i = (x >> FRACTION_BITS) - first_plane + BELOW
        j, k = y >> FRACTION_BITS, z >> FRACTION_BITS
        fx, fy, fz = x & _FRACTION, y & _FRACTION, z & _FRACTION
        total = np.float32(0)
        w1 = _upper_part(WEIGHT, fx)
        for a in range(2):
            wx = w1 if a else WEIGHT - w1
            w1y = _upper_part(wx, fy)
            for b in range(2):
                wy = w1y if b else wx - w1y
                w1z = _upper_part(wy, fz)
                jb = _wrapped(j + b, side)
                total += np.float32(wy - w1z) * contrast[i + a, jb, k]
                total += np.float32(w1z) * contrast[i + a, jb, _wrapped(k + 1, side)]
        densities[m, 0] = np.float32(1) + total / np.float32(WEIGHT)


@njit(cache=True, nogil=True)
def advance(values, rates, factor):
    """Add ``factor`` times ``rates`` to ``values``, float32 of shape (n, 3)."""
    by = np.float32(factor)
    for m in range(len(values)):
        for axis in range(3):
            values[m, axis] += by * rates[m, axis]
