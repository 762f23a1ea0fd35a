"""Power spectra and cross-correlation of halo counts and of masks on a periodic grid (paper, Eqs. 5 and 6)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
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
    if assignment == "nearest":
        corners = [(np.floor(scaled).astype(np.int64), np.ones(len(scaled)))]
    else:
        corners = list(_cloud_corners(scaled - 0.5))
    flat = [_flat_index(index % cells, cells) for index, _ in corners]
    # Few cells hold a halo: only theirs are counted, the others all have one value.
    occupied, places = np.unique(np.concatenate(flat), return_inverse=True)
    counts = np.zeros(len(occupied) + 1)  # the last one of a cell without any
    for (_, weight), place in zip(corners, np.split(places, len(corners)), strict=True):
        counts += np.bincount(place, weight, minlength=len(counts))
    overdensity = (counts / (len(positions) / cells**3) - 1).astype(np.float32)
    field = np.full(cells**3, overdensity[-1])
    field[occupied] = overdensity[:-1]
    return field.reshape((cells,) * 3)


def _flat_index(index: np.ndarray, cells: int) -> np.ndarray:
    x, y, z = index.T
    return (x * cells + y) * cells + z


def _cloud_corners(scaled: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
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
    modes_of_second = modes_of_first if second is first else fft.rfftn(second, overwrite_x=False)
    wavenumber, modes = _shells_of_modes(cells)
    planes = np.zeros((cells, 3, cells // 2 + 1))
    # kx and -kx have the same shells: what they share is computed once.
    for pair in ({plane, -plane % cells} for plane in range(cells // 2 + 1)):
        index, weight = _plane_of_modes(min(pair), cells)
        if assignment == "cloud_in_cell":
            window = _cloud_window(min(pair), cells) ** 2
        for plane in pair:
            for row, power in zip(planes[plane], _products(modes_of_first[plane], modes_of_second[plane]), strict=True):
                power *= weight
                if assignment == "cloud_in_cell":
                    power /= window
                row += _sums(index, power, cells)
    # Added up in the order of planes, whichever were computed first.
    powers = np.zeros((3, cells // 2 + 1))
    for sums in planes:
        powers += sums
    return Spectra(
        wavenumber[1:] / modes[1:] * 2 * np.pi / box_size,
        modes[1:].astype(np.int64),
        *(power / modes[1:] * box_size**3 / cells**6 for power in powers[:, 1:]),
    )


@lru_cache(maxsize=2)
def _shells_of_modes(cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Sum of |k| in units of the fundamental, and number of modes, of every shell: the same for all fields."""
    sums = np.zeros((2, cells // 2 + 1))
    for plane in range(cells):
        index, weight = _plane_of_modes(plane, cells)
        length = np.sqrt(_squared(plane, cells))
        for row, value in zip(sums, (weight * length, np.broadcast_to(weight, length.shape)), strict=True):
            row += _sums(index, value, cells)
    return sums[0], sums[1]


def _sums(index: np.ndarray, values: np.ndarray, cells: int) -> np.ndarray:
    """Sums of values by their shell, up to the Nyquist frequency."""
    return np.bincount(index, values.ravel(), minlength=2 * cells)[: cells // 2 + 1]


def _products(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    one, other = one.astype(np.complex128), other.astype(np.complex128)
    return np.abs(one) ** 2, np.abs(other) ** 2, (one * other.conj()).real


def _plane_of_modes(plane: int, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Shell of the modes of one plane of kx, flat, and multiplicity of those of one kz."""
    index = np.rint(np.sqrt(_squared(plane, cells))).astype(np.int64).ravel()
    kz = np.arange(cells // 2 + 1)
    # The real transform stores one of each pair k, -k, save on the two planes that are their own mirror images.
    return index, np.where((kz == 0) | (2 * kz == cells), 1.0, 2.0)


def _squared(plane: int, cells: int) -> np.ndarray:
    """|k|^2 in units of the fundamental squared of the modes of one plane of kx, shape (N, N / 2 + 1)."""
    k = fft.fftfreq(cells, 1 / cells)
    return k[plane] ** 2 + k[:, None] ** 2 + np.arange(cells // 2 + 1) ** 2


def _cloud_window(plane: int, cells: int) -> np.ndarray:
    """Fourier window of cloud-in-cell on one plane of kx: the product of sinc^2 (k_i times half a cell)."""
    k = fft.fftfreq(cells)
    kz = np.arange(cells // 2 + 1) / cells
    return (np.sinc(k[plane]) * np.sinc(k)[:, None] * np.sinc(kz)) ** 2
