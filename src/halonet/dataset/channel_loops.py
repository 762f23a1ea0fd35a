"""Loops of the channels, compiled: filters on modes, and invariants of tensors.

Of one radius all channels come from phi = W(k R) delta_k / k^2 by second derivatives. Those along x are taken with the
transform along x, of a few ky at a time; those along y and z with the transforms of one plane of x at a time. Nothing
of the size of a box is passed over more often than that.
"""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def derive_along_x(modes, first, window, odd_x, columns):
    """phi, and its derivatives by x once and twice, for modes of a few ky.

    Parameters
    ----------
    modes
        complex64 of shape (N, ky, kz): kx in the order of the transform, ``first`` is the number of the first ky.
    window
        W(k R) / k^2 by k^2 in units of the fundamental, float32; 0 for k = 0.
    odd_x
        0 for the kx whose odd derivatives vanish, else 1; float32.
    columns
        To be filled, complex64 of shape (3, N, ky, kz): phi, kx phi, kx^2 phi.
    """
    n = modes.shape[0]
    for i in range(n):
        kx = i if 2 * i <= n else i - n
        for j in range(modes.shape[1]):
            ky = first + j if 2 * (first + j) <= n else first + j - n
            across = kx * kx + ky * ky
            for k in range(modes.shape[2]):
                phi = modes[i, j, k] * window[across + k * k]
                columns[0, i, j, k] = phi
                columns[1, i, j, k] = phi * np.float32(kx) * odd_x[i]
                columns[2, i, j, k] = phi * np.float32(kx * kx)


@njit(cache=True, nogil=True)
def strain_of_plane(plane, odd, kz, strain):
    """Modes of the components of the strain in a plane of constant x.

    Complex numbers are pairs of real ones here, which all factors are: loops over them take vector instructions.

    Parameters
    ----------
    plane
        What :func:`derive_along_x` found, transformed back along x, float32 of shape (3, ky, 2 kz): phi and its
        derivatives.
    odd
        As ``odd_x``, for ky.
    kz
        Wavenumber of every number of the last axis, and the same with 0 where odd derivatives vanish: float32 of shape
        (2, 2 kz).
    strain
        To be filled, float32 of shape (6, ky, 2 kz): the components of the traceless strain in an orthonormal basis,
        (xx - yy) / sqrt 2, (3 zz - trace) / sqrt 6, sqrt 2 xy, sqrt 2 yz, sqrt 2 zx; and the trace.
    """
    n, root2, by_root6 = plane.shape[1], np.float32(2**0.5), np.float32(6**-0.5)
    for j in range(n):
        ky = np.float32(j if 2 * j <= n else j - n)
        squared, across = ky * ky, root2 * ky * odd[j]
        for k in range(plane.shape[2]):
            phi, along, xx = plane[0, j, k], plane[1, j, k], plane[2, j, k]
            yy, zz, z = squared * phi, kz[0, k] * kz[0, k] * phi, kz[1, k]
            strain[0, j, k] = (xx - yy) * np.float32(0.5) * root2
            strain[1, j, k] = (np.float32(2) * zz - xx - yy) * by_root6
            strain[2, j, k] = across * along
            strain[3, j, k] = across * z * phi
            strain[4, j, k] = root2 * z * along
            strain[5, j, k] = xx + yy + zz


@njit(cache=True, nogil=True)
def invariants(strain, shear, prolateness):
    """Norm of traceless tensors, and 3 sqrt 6 times their determinant over its square; 0 for the zero tensor.

    Parameters
    ----------
    strain
        Five components as in :func:`strain_of_plane`, float32 of shape (at least 5, N, N).
    shear, prolateness
        To be filled, float32 of shape (N, N).
    """
    root2, root6 = np.float32(0.5**0.5), np.float32(1 / 6**0.5)
    factor, least = np.float32(3 * 6**0.5), np.float32(np.finfo(np.float32).tiny)
    for y in range(shear.shape[0]):
        for z in range(shear.shape[1]):
            a, b = strain[0, y, z], strain[1, y, z]
            c, d, e = strain[2, y, z], strain[3, y, z], strain[4, y, z]
            squares = a * a + b * b + c * c + d * d + e * e
            xy, yz, zx = c * root2, d * root2, e * root2
            half, axial = a * root2, b * root6
            xx, yy, zz = half - axial, -half - axial, np.float32(2) * axial
            determinant = xx * yy * zz + np.float32(2) * xy * yz * zx - xx * yz * yz - yy * zx * zx - zz * xy * xy
            shear[y, z] = np.sqrt(squares)
            prolateness[y, z] = factor * determinant / max(squares, least)


@njit(cache=True, nogil=True)
def to_whole_numbers(field, divisor, step, limit, whole):
    """A field over ``divisor`` in units of ``step``, rounded to whole numbers from -127 to 127.

    Parameters
    ----------
    field
        float32 of shape (N, N).
    divisor, step, limit
        float32.
    whole
        To be filled, int8 of shape (N, N).

    Returns
    -------
    int
        How many quotients are finite and within ``limit``.
    """
    inverse, most, legal = np.float32(1) / step, np.float32(127), 0
    rounding = np.float32(1.5 * 2**23)  # whose sum with a number of few digits has no room for a fraction
    for y in range(field.shape[0]):
        values, row = field[y], whole[y]
        for z in range(len(values)):
            value = values[z] / divisor
            legal += int(abs(value) < limit)
            units = min(max(value * inverse, -most), most)
            row[z] = np.int8(np.int32((units + rounding) - rounding))
    return legal
