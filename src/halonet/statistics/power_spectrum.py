"""Power spectra and cross-correlation of halo counts and of masks on a periodic grid (paper, Eqs. 5 and 6)."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import fft


@dataclass(frozen=True)
class Spectra:
    """Spectra of two fields in linear bins of k of the fundamental width, arrays of shape (N / 2,).

    Attributes
    ----------
    k
        Mean wavenumber of the modes of a bin (1/Mpc); bin i is centred on i + 1 times the fundamental.
    modes
        Number of modes of a bin, k and -k both counted.
    first, second, cross
        Power spectra of either field and their cross spectrum (Mpc^3), shot noise included.
    """

    k: np.ndarray
    modes: np.ndarray
    first: np.ndarray
    second: np.ndarray
    cross: np.ndarray

    @property
    def correlation(self) -> np.ndarray:
        """Cross-correlation coefficient r(k), Eq. 6; NaN where a field has no power."""
        product = np.sqrt(self.first * self.second)
        return np.divide(self.cross, product, out=np.full(len(product), np.nan), where=product > 0)

    @property
    def ratio(self) -> np.ndarray:
        """Power of the second field over that of the first; NaN where the first has none."""
        return np.divide(self.second, self.first, out=np.full(len(self.first), np.nan), where=self.first > 0)


def halo_overdensity(positions: np.ndarray, cells: int, box_size: float, assignment: str = "nearest") -> np.ndarray:
    """Overdensity of unweighted halo counts on a grid.

    Parameters
    ----------
    positions
        Centres (Mpc) in [0, L), shape (haloes, 3); at least one.
    cells
        Cells along a side of the grid.
    assignment
        ``nearest`` cell (paper) or ``cloud_in_cell``.

    Returns
    -------
    ndarray
        float32 of shape (N, N, N), mean 0.
    """
    scaled = positions / (box_size / cells)
    counts = np.zeros(cells**3)
    if assignment == "nearest":
        corners = [(np.floor(scaled).astype(np.int64), np.ones(len(scaled)))]
    else:
        corners = list(_cloud_corners(scaled - 0.5))
    for index, weight in corners:
        x, y, z = (index % cells).T
        counts += np.bincount((x * cells + y) * cells + z, weight, minlength=cells**3)
    overdensity = counts / (len(positions) / cells**3) - 1
    return overdensity.astype(np.float32).reshape((cells,) * 3)


def _cloud_corners(scaled: np.ndarray):
    lower = np.floor(scaled).astype(np.int64)
    fraction = scaled - lower
    for corner in product((0, 1), repeat=3):
        yield lower + corner, np.where(corner, fraction, 1 - fraction).prod(axis=1)


def measure_spectra(first: np.ndarray, second: np.ndarray, box_size: float, assignment: str | None = None) -> Spectra:
    """Auto and cross spectra of two fields of shape (N, N, N).

    Parameters
    ----------
    assignment
        ``cloud_in_cell`` divides by the window of that assignment. None and ``nearest`` leave the fields as they are:
        the paper does not correct for the nearest-cell window, which cancels in ratios and in r(k).

    Notes
    -----
    P(k) = V / N^6 <|delta_k|^2>, the discrete form of Eq. 5. A Poisson sample of n haloes has P = V / n; this shot
    noise is not subtracted.
    """
    cells = len(first)
    modes_of_first = fft.rfftn(first, overwrite_x=False)
    modes_of_second = fft.rfftn(second, overwrite_x=False)
    bins = cells // 2 + 1
    sums = np.zeros((5, bins))
    for plane in range(cells):
        squared, weight = _plane_of_modes(plane, cells)
        index = np.rint(np.sqrt(squared)).astype(np.int64).ravel()
        window = _cloud_window(plane, cells) ** 2 if assignment == "cloud_in_cell" else 1.0
        one, other = modes_of_first[plane], modes_of_second[plane]
        values = (weight * np.sqrt(squared), weight, *(weight * f / window for f in _products(one, other)))
        for row, value in zip(sums, values, strict=True):
            row += np.bincount(index, np.broadcast_to(value, squared.shape).ravel(), minlength=2 * cells)[:bins]
    wavenumber, modes, *powers = sums[:, 1:]
    return Spectra(
        wavenumber / modes * 2 * np.pi / box_size,
        modes.astype(np.int64),
        *(power / modes * box_size**3 / cells**6 for power in powers),
    )


def _products(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    one, other = one.astype(np.complex128), other.astype(np.complex128)
    return np.abs(one) ** 2, np.abs(other) ** 2, (one * other.conj()).real


def _plane_of_modes(plane: int, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """|k|^2 in units of the fundamental squared and multiplicity of the modes of one plane of kx."""
    k = fft.fftfreq(cells, 1 / cells)
    kz = np.arange(cells // 2 + 1)
    squared = k[plane] ** 2 + k[:, None] ** 2 + kz**2
    # The real transform stores one of each pair k, -k, save on the two planes that are their own mirror images.
    weight = np.where((kz == 0) | (2 * kz == cells), 1.0, 2.0)
    return squared, np.broadcast_to(weight, squared.shape)


def _cloud_window(plane: int, cells: int) -> np.ndarray:
    """Fourier window of cloud-in-cell on one plane of kx: the product of sinc^2 (k_i times half a cell)."""
    k = fft.fftfreq(cells)
    kz = np.arange(cells // 2 + 1) / cells
    return (np.sinc(k[plane]) * np.sinc(k)[:, None] * np.sinc(kz)) ** 2
