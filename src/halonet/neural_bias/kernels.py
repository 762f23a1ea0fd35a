"""Multipole kernels: convolution kernels whose weights are shared by distance and by spherical harmonic.

Notes
-----
The offsets o of an n^3 kernel fall into shells of equal integer |o|^2. A path (l, m) has one weight for every shell on
which the real harmonic does not vanish,

    K_lm(o) = w_lm,shell sqrt(4 pi) Y_lm(o / |o|),    Y_lm(0) = 0 for l > 0,

so a kernel of l = 0 holds nothing but its weights: centre, faces, edges, corners for 3^3. This counting reproduces
the 4, 9 = 3 x 3 and 10 = 5 x 2 parameters of Charnock et al. (2020). Beyond l = 2 some harmonics repeat, on the
lattice, directions that a lower l has already; ``distinct`` leaves those out, and the kernels then span the n^3 space
exactly once.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import sph_harm_y

from halonet.grid.shells import shells_within

ZERO = 1e-8  # harmonics of the lattice directions are either zero to rounding or larger than 1e-2


@dataclass(frozen=True)
class MultipoleBasis:
    """Unit-weight kernels of one multipole.

    Attributes
    ----------
    kernels
        One kernel per free weight, float64 of shape (weights, n, n, n), indexed [x, y, z].
    orders
        m of each kernel, int of shape (weights,); for ``distinct`` kernels, which may mix m, the index within a shell.
    squared_radii
        Integer squared distance of each kernel's shell (cells^2), shape (weights,).
    """

    ell: int
    kernels: np.ndarray
    orders: np.ndarray
    squared_radii: np.ndarray

    def __len__(self) -> int:
        return len(self.kernels)

    @property
    def shells(self) -> np.ndarray:
        """Squared distances on which the multipole has any weight, ascending."""
        return np.unique(self.squared_radii)


def kernel_shells(size: int) -> list[tuple[int, np.ndarray]]:
    """Shells of a ``size``^3 kernel: squared distance (cells^2) and offsets of shape (points, 3), nearest first."""
    if size < 1 or size % 2 == 0:
        raise ValueError(f"a kernel has an odd number of cells along a side, not {size}")
    half = size // 2
    shells = shells_within(int(np.ceil(3**0.5 * half)))
    inside = (np.abs(shells.offsets) <= half).all(axis=1)
    squared = (shells.offsets.astype(int) ** 2).sum(axis=1)
    return [(int(r), shells.offsets[inside & (squared == r)]) for r in np.unique(squared[inside])]


def real_harmonics(ell: int, offsets: np.ndarray) -> np.ndarray:
    """Real spherical harmonics, times sqrt(4 pi), of the directions of lattice offsets.

    Returns
    -------
    Array of shape (2 l + 1, points) for m = -l ... l; at the centre, 1 for l = 0 and 0 for all others.
    """
    if ell == 0:
        return np.ones((1, len(offsets)))
    x, y, z = offsets.T.astype(float)
    radius = np.sqrt(x**2 + y**2 + z**2)
    polar = np.arccos(np.divide(z, radius, out=np.zeros_like(z), where=radius > 0))
    azimuth = np.arctan2(y, x)
    rows = []
    for m in range(-ell, ell + 1):
        harmonic = sph_harm_y(ell, abs(m), polar, azimuth) * (-1) ** abs(m)  # without the Condon-Shortley phase
        rows.append(harmonic.real if m == 0 else np.sqrt(2) * (harmonic.real if m > 0 else harmonic.imag))
    values = np.sqrt(4 * np.pi) * np.array(rows)
    values[:, radius == 0] = 0.0
    values[np.abs(values) < ZERO] = 0.0
    return values


@lru_cache(maxsize=64)
def multipole_basis(size: int, ell: int, distinct: bool | None = None) -> MultipoleBasis:
    """Kernels of multipole ``ell``, one per free weight.

    Parameters
    ----------
    size
        Cells along a side of the kernel, odd.
    distinct
        Leave out, shell by shell, what lower multipoles span already; default: for l > 2, where such repeats begin.

    Raises
    ------
    ValueError
        If the size is even, ``ell`` negative, or nothing of this multipole is left on the lattice.
    """
    if ell < 0:
        raise ValueError(f"a multipole is 0 or larger, not {ell}")
    distinct = ell > 2 if distinct is None else distinct
    entries = []
    for squared, offsets in kernel_shells(size):
        rows = real_harmonics(ell, offsets)
        labels = range(-ell, ell + 1)
        if distinct and ell:
            lower = np.concatenate([real_harmonics(lesser, offsets) for lesser in range(ell)])
            rows = _new_directions(rows, lower)
            labels = range(len(rows))
        entries += [(m, squared, offsets, row) for m, row in zip(labels, rows, strict=True) if np.abs(row).max() > ZERO]
    if not entries:
        raise ValueError(f"l = {ell} adds nothing to a kernel of {size}^3 cells: lower multipoles span it already")
    entries.sort(key=lambda entry: entry[0])  # by m, nearest shell first
    kernels = np.zeros((len(entries), size, size, size))
    for kernel, (_, _, offsets, row) in zip(kernels, entries, strict=True):
        kernel[tuple((offsets + size // 2).T)] = row
    return MultipoleBasis(ell, kernels, np.array([e[0] for e in entries]), np.array([e[1] for e in entries]))


def _new_directions(rows: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Orthonormal directions of ``rows`` outside the span of ``lower``, at the root mean square of a harmonic."""
    points = rows.shape[1]
    _, values, span = np.linalg.svd(lower, full_matrices=False)
    span = span[values > 1e-8 * max(values[0], 1)]
    rest = rows - rows @ span.T @ span
    _, values, directions = np.linalg.svd(rest, full_matrices=False)
    return directions[values > 1e-8] * np.sqrt(points)


def saturating_ell(size: int) -> int:
    """Multipole at which distinct kernels span the whole ``size``^3 space: 3 for 3^3, 6 for 5^3."""
    ell, spanned = 0, 0
    while True:
        spanned += len(multipole_basis(size, ell, distinct=True)) if _adds(size, ell) else 0
        if spanned == size**3:
            return ell
        ell += 1


def _adds(size: int, ell: int) -> bool:
    try:
        multipole_basis(size, ell, distinct=True)
    except ValueError:
        return False
    return True
