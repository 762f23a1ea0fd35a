"""Lagrangian displacement to first and second order, from the modes of the linear density.

Notes
-----
First order: psi1_k = i k / k^2 delta_k, so that div psi1 = -delta and x = q + D psi1. Second order (Bouchet et al.
1995): the source S = sum_{i<j} (phi_ii phi_jj - phi_ij^2) of phi_ij = d_i d_j laplacian^-1 delta gives
eta2_k = -i k / k^2 S_k, and psi2 = -(3/7) Om(z)^(-1/143) D^2 eta2. Components of odd derivatives vanish on their
Nyquist plane.
"""

from collections.abc import Callable
from itertools import combinations

import numpy as np

from halonet.cosmology import matter_fraction
from halonet.dark_energy import second_order_ratio
from halonet.grid.slabs import Slabs
from halonet.grid.threads import in_threads
from halonet.settings import CosmologySettings


def first_order_displacement(modes: np.ndarray, slabs: Slabs, cell_size: float, axis: int) -> np.ndarray:
    """One component of psi1 (Mpc), float32 of shape (N / ranks, N, N), from the modes of the density."""
    return slabs.inverse(_gradient_over_laplacian(modes, slabs, cell_size, axis, 1j), overwrite=True)


def second_order_displacement(source_modes: np.ndarray, slabs: Slabs, cell_size: float, axis: int) -> np.ndarray:
    """One component of eta2 (Mpc) on this rank's planes, shape (planes, N, N).

    The displacement is this times :func:`second_order_coefficient` and D^2.
    """
    return slabs.inverse(_gradient_over_laplacian(source_modes, slabs, cell_size, axis, -1j), overwrite=True)


def second_order_coefficient(cosmology: CosmologySettings, redshift: float) -> float:
    """psi2 / (D^2 eta2) = -(3/7) Om(z)^(-1/143), a fit that is right to 2e-4; of other dark energy solved for."""
    if not cosmology.has_constant:
        return -second_order_ratio(cosmology, 1 / (1 + redshift))
    return -3 / 7 * matter_fraction(cosmology, redshift) ** (-1 / 143)


def second_order_source(modes: np.ndarray, slabs: Slabs) -> np.ndarray:
    """Source S of the second-order displacement, float32 of shape (N / ranks, N, N)."""
    return source_of(lambda i, j: slabs.inverse(potential_derivative(modes, slabs, i, j), overwrite=True))


def source_of(strain: Callable[[int, int], np.ndarray]) -> np.ndarray:
    """Source S of a function that computes phi_ij, i <= j; in the shape of what it returns, of which three are held."""
    xx, yy, zz = (strain(i, i) for i in range(3))
    source = xx * yy
    yy *= zz  # in place: no more than four fields at a time
    source += yy
    zz *= xx
    source += zz
    del xx, yy, zz
    for i, j in combinations(range(3), 2):
        source -= strain(i, j) ** 2
    return source


def _inverse_square(slabs: Slabs, plane: int) -> np.ndarray:
    """1 / k^2 of one plane of modes in units of the fundamental, 0 for the mean."""
    kx, ky, kz = slabs.wavenumbers
    squared = kx[plane] ** 2 + ky[0] ** 2 + kz[0] ** 2
    return np.divide(1, squared, out=np.zeros_like(squared), where=squared > 0)


def _gradient_over_laplacian(
    modes: np.ndarray, slabs: Slabs, cell_size: float, axis: int, factor: complex
) -> np.ndarray:
    length = slabs.cells * cell_size / (2 * np.pi)
    component = (slabs.wavenumbers[axis] * slabs.off_nyquist[axis] * length).astype(np.float32)
    result = np.empty_like(modes)

    def derive(i: int) -> None:
        k = component[i] if axis == 0 else component[0]
        result[i] = np.complex64(factor) * (k * _inverse_square(slabs, i)).astype(np.float32) * modes[i]

    in_threads(derive, range(slabs.cells), slabs.threads)
    return result


def potential_derivative(modes: np.ndarray, slabs: Slabs, i: int, j: int) -> np.ndarray:
    """Modes of phi_ij = d_i d_j laplacian^-1 delta, complex64 of the shape of those of the density."""
    one, other = (slabs.wavenumbers[axis] * slabs.off_nyquist[axis] for axis in (i, j))
    result = np.empty_like(modes)

    def derive(plane: int) -> None:
        k1 = one[plane] if i == 0 else one[0]
        k2 = other[plane] if j == 0 else other[0]
        result[plane] = (k1 * k2 * _inverse_square(slabs, plane)).astype(np.float32) * modes[plane]

    in_threads(derive, range(slabs.cells), slabs.threads)
    return result
