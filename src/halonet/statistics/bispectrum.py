"""Bispectrum of points in a periodic box, of equilateral and of squeezed triangles, by Fourier transforms.

Notes
-----
For bins of k, the field D_j(x) holds the modes of bin j alone, and N_j(x) ones in their stead. Then

    B(j1, j2, j3) = V^2 sum_x D_j1 D_j2 D_j3 / sum_x N_j1 N_j2 N_j3

is the mean of delta_k1 delta_k2 delta_k3 over the closed triangles with a side in each bin (Scoccimarro 2000; Watkinson
et al. 2017). The mesh of the sums has more than three times the largest |k|, so that no open triangle looks closed.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import fft

from halonet.spectra import halo_overdensity
from halonet.statistics.inner_modes import inner_modes
from halonet.statistics.wide_bins import WideBins


@dataclass(frozen=True)
class Bispectrum:
    """Bispectrum in bins of k, arrays of shape (bins,).

    Attributes
    ----------
    k
        Mean wavenumber of the modes of a bin (1/Mpc).
    equilateral
        B (Mpc^6) of triangles with all sides in a bin, shot noise included.
    squeezed
        B (Mpc^6) of triangles with two sides in a bin and one in the first, shape (bins - 1,): from the second bin on.
    triangles, squeezed_triangles
        Number of closed triangles behind either, with every order of their sides.
    """

    k: np.ndarray
    equilateral: np.ndarray
    squeezed: np.ndarray
    triangles: np.ndarray
    squeezed_triangles: np.ndarray


def bispectrum_of_points(positions: np.ndarray, box_size: float, bins: WideBins) -> Bispectrum:
    """Bispectrum of points at ``positions`` (Mpc) in [0, L), shape (n, 3), n > 0; clouds in cells, corrected."""
    cells = bins.mesh
    return bispectrum_of_field(halo_overdensity(positions, cells, box_size, "cloud_in_cell"), box_size, bins, True)


def bispectrum_of_field(field: np.ndarray, box_size: float, bins: WideBins, of_clouds: bool = False) -> Bispectrum:
    """Bispectrum of a field of shape (N, N, N), N at least twice the largest |k| of ``bins`` in fundamentals.

    Parameters
    ----------
    of_clouds
        Whether to divide by the window of cloud-in-cell.
    """
    mesh = _mesh(bins)
    modes = np.zeros((mesh, mesh, mesh // 2 + 1), np.complex128)
    along = np.arange(-bins.narrow, bins.narrow + 1)
    modes[np.ix_(along, along, along[bins.narrow :])] = inner_modes(field, bins.narrow, of_clouds)
    index, wavenumbers = _bins_of_modes(mesh, bins)
    first = None
    rows = []
    for number in range(1, bins.number + 1):
        inside = index == number
        fields = [fft.irfftn(np.where(inside, each, 0), (mesh,) * 3, norm="forward") for each in (modes, 1.0)]
        first = first or fields
        (own, ones), (long, long_ones) = fields, first
        sums = [(a * b**2).sum() for a, b in ((own, own), (ones, ones), (long, own), (long_ones, ones))]
        rows.append((wavenumbers[number], *sums))
    k, equilateral, triangles, squeezed, squeezed_triangles = np.array(rows).T
    closed, squeezed_closed = (np.rint(each / mesh**3) for each in (triangles, squeezed_triangles))
    volume = box_size**3
    return Bispectrum(
        k * bins.fundamental,
        volume**2 * equilateral / mesh**3 / closed,
        volume**2 * squeezed[1:] / mesh**3 / squeezed_closed[1:],
        closed,
        squeezed_closed[1:],
    )


def shot_noise(power: np.ndarray, density: float, squeezed: bool = False) -> np.ndarray:
    """Shot noise of the bispectrum (Mpc^6): (P1 + P2 + P3) / n - 2 / n^2, P with its own shot noise 1 / n.

    Parameters
    ----------
    power
        P (Mpc^3) of the bins, shot noise included, shape (bins,).
    density
        n, points per Mpc^3.
    squeezed
        Of squeezed triangles, shape (bins - 1,).
    """
    sides = power[0] + 2 * power[1:] if squeezed else 3 * power
    return sides / density - 2 / density**2


def _mesh(bins: WideBins) -> int:
    """Cells along a side on which the sum over closed triangles has no aliases, even and fast to transform."""
    cells = 3 * bins.narrow + 3
    while (cells := fft.next_fast_len(cells, real=True)) % 2:
        cells += 1
    return cells


@lru_cache(maxsize=2)
def _bins_of_modes(mesh: int, bins: WideBins) -> tuple[np.ndarray, np.ndarray]:
    """Bin of every mode of the half grid, 0 outside of all, and mean |k| of each bin in fundamentals, from 1 on."""
    whole, half = fft.fftfreq(mesh, 1 / mesh) ** 2, np.arange(mesh // 2 + 1.0) ** 2
    length = np.sqrt(whole[:, None, None] + whole[:, None] + half)
    index = bins.index(length)
    weight = np.broadcast_to(np.where(half == 0, 1.0, 2.0), length.shape)  # no mode of a bin is at Nyquist
    sums = [np.bincount(index.ravel(), each.ravel(), bins.number + 1) for each in (weight * length, weight)]
    return index, sums[0] / sums[1]
