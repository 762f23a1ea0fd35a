"""Overdensity, ellipticity and prolateness of haloes from the strain tensor within their radius (paper, Eqs. 7 to 9).

Notes
-----
The strain s_ij = d_i d_j laplacian^-1 delta, with modes k_i k_j / k^2 delta_k, is averaged over the cells whose
distance from the centre cell of a halo is at most its radius. Eigenvalues l1 >= l2 >= l3 of the mean give the
overdensity d = l1 + l2 + l3, the ellipticity e = (l1 - l3) / (2 d) and the prolateness p = (l1 - 2 l2 + l3) / (2 d), so
that -e <= p <= e. The trace of s is the density itself: five inverse transforms do for six components. Those off the
diagonal are odd in k_i and vanish on their Nyquist plane, or a real field would prefer a direction.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from halonet.catalogue import LAGRANGIAN, HaloCatalogue
from halonet.grid.slabs import Slabs
from halonet.spheres import centre_cells, mean_within

BYTES_PER_CELL = 20  # modes, those of a component, and what its inverse transform takes; besides the density
CELLS_EDGES = 10 ** np.arange(1.35, 5.05, 0.15)  # bins of mass (cells)
EDGES = {
    "overdensity": np.linspace(-0.5, 5.5, 61),
    "ellipticity": np.linspace(0, 0.8, 41),
    "prolateness": np.linspace(-0.5, 0.5, 41),
}
_COMPONENTS = ((0, 0), (1, 1), (0, 1), (1, 2), (2, 0))
_MARGIN = 1e-4  # cells; keeps the last shell of a radius that is the root of an integer through single precision


@dataclass(frozen=True)
class HaloShapes:
    """Strain of haloes, each array of shape (haloes,); ellipticity and prolateness are NaN where overdensity <= 0."""

    overdensity: np.ndarray
    ellipticity: np.ndarray
    prolateness: np.ndarray


def measure_shapes(density: np.ndarray, catalogues: list[HaloCatalogue], threads: int = 1) -> list[HaloShapes]:
    """Overdensity, ellipticity and prolateness of all haloes of some catalogues of one box, in one pass over fields.

    Parameters
    ----------
    density
        Linear density, shape (N, N, N).
    threads
        Threads of the Fourier transforms.
    """
    shapes = []
    for strain in mean_strains(density, catalogues, threads):
        l3, l2, l1 = np.linalg.eigvalsh(strain).T
        overdensity = l1 + l2 + l3
        twice = np.where(overdensity > 0, 2 * overdensity, np.nan)
        shapes.append(HaloShapes(overdensity, (l1 - l3) / twice, (l1 - 2 * l2 + l3) / twice))
    return shapes


def mean_strains(density: np.ndarray, catalogues: list[HaloCatalogue], threads: int = 1) -> list[np.ndarray]:
    """Strain averaged within each halo, float64 of shape (haloes, 3, 3) for every catalogue."""
    cells = len(density)
    centres = [centre_cells(haloes.positions(LAGRANGIAN), haloes.box_size_mpc / cells, cells) for haloes in catalogues]
    radii = [haloes["radius"].astype(np.float64) / (haloes.box_size_mpc / cells) + _MARGIN for haloes in catalogues]
    strains = [np.zeros((len(haloes), 3, 3)) for haloes in catalogues]
    for (i, j), field in _strain_fields(density, threads):
        for strain, where, radius in zip(strains, centres, radii, strict=True):
            strain[:, i, j] = strain[:, j, i] = mean_within(field, where, radius)
    for strain, where, radius in zip(strains, centres, radii, strict=True):
        strain[:, 2, 2] = mean_within(density, where, radius) - strain[:, 0, 0] - strain[:, 1, 1]
    return strains


def _strain_fields(density: np.ndarray, threads: int) -> Iterator[tuple[tuple[int, int], np.ndarray]]:
    """Five components of the strain, one at a time, float32 of shape (N, N, N); the sixth follows from the density."""
    slabs = Slabs(len(density), threads=threads)
    modes = slabs.forward(density)
    for i, j in _COMPONENTS:
        # Of a mean overdensity, which a user's own density may have, each axis takes a third.
        mean = float(modes[0, 0, 0].real) / density.size / 3 if i == j else 0.0
        field = slabs.inverse(_component(modes, slabs, i, j), overwrite=True)
        field += np.float32(mean)
        yield (i, j), field


def _component(modes: np.ndarray, slabs: Slabs, i: int, j: int) -> np.ndarray:
    """Modes of a component of the strain, without their mean."""
    kx, ky, kz = (k.astype(np.float32) for k in slabs.wavenumbers)
    off = slabs.off_nyquist if i != j else (np.ones(1, np.float32),) * 3
    first, second = ((kx, ky, kz)[axis] * off[axis] for axis in (i, j))
    result = np.empty_like(modes)
    for plane in range(slabs.cells):
        squared = kx[plane] ** 2 + ky[0] ** 2 + kz[0] ** 2
        squared[squared == 0] = np.inf
        one, other = (k[plane] if axis == 0 else k[0] for k, axis in ((first, i), (second, j)))
        np.multiply(one * other / squared, modes[plane], out=result[plane])
    return result


def shape_histograms(shapes: HaloShapes, cells: np.ndarray, matched: np.ndarray) -> dict:
    """Numbers of matched and unmatched haloes in bins of mass and of each property; of several boxes they add up.

    Parameters
    ----------
    cells
        Mass of each halo in grid cells, shape (haloes,).
    matched
        Whether a halo has a partner in the other catalogue, bool of shape (haloes,).

    Returns
    -------
    dict
        ``matched`` and ``unmatched``, each with a table (bins of mass, bins of the property) for each property. Values
        beyond the outermost edges are counted in the outermost bins, undefined ones nowhere.
    """
    result: dict[str, dict[str, list]] = {}
    for group, rows in (("matched", matched), ("unmatched", ~matched)):
        result[group] = {}
        for name, edges in EDGES.items():
            values = np.clip(getattr(shapes, name)[rows], edges[0], edges[-1])
            known = np.isfinite(values)
            counts = np.histogram2d(cells[rows][known], values[known], (CELLS_EDGES, edges))[0]
            result[group][name] = counts.astype(int).tolist()
    return result
