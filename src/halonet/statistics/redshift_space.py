"""Monopole and quadrupole of the power spectrum of haloes in redshift space, for a distant observer along an axis."""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from halonet.statistics.power_spectrum import halo_overdensity

CELLS = 128  # along a side of the mesh


@dataclass(frozen=True)
class Multipoles:
    """Multipoles of the power spectrum in linear bins of k, mean over the three axes, arrays of shape (bins,).

    Attributes
    ----------
    k
        Mean wavenumber of the modes of a bin (1/Mpc).
    modes
        Number of modes of a bin, k and -k both counted.
    monopole, quadrupole
        P_0 and P_2 (Mpc^3). Shot noise is in the monopole and not subtracted.
    """

    k: np.ndarray
    modes: np.ndarray
    monopole: np.ndarray
    quadrupole: np.ndarray


def redshift_space_multipoles(
    positions: np.ndarray, shifts: np.ndarray, box_size: float, bins: int = 20, cells: int = CELLS
) -> Multipoles:
    """Multipoles of a periodic box, each axis in its turn the line of sight.

    Parameters
    ----------
    positions
        Eulerian positions (Mpc) in [0, L), shape (haloes, 3).
    shifts
        Peculiar velocity times (1 + z) / H(z): comoving shifts along each axis (Mpc), shape (haloes, 3).
    bins
        Bins of the fundamental width, the first one centred on the fundamental; at most a quarter of ``cells``.
    cells
        Cells along a side of the mesh; clouds in cells, whose window is divided out.

    Notes
    -----
    P_l(k) = (2 l + 1) <|delta(k)|^2 L_l(mu)>, mu the cosine to the line of sight (Kaiser 1987; Hamilton 1998).
    """
    if bins > cells // 4:
        raise ValueError(f"bins = {bins} reach beyond half of the Nyquist frequency of {cells} cells; {cells // 4} fit")
    index, weight, cosines, k = _modes(cells, bins)
    window = np.sinc(fft.fftfreq(cells)) ** 2
    window = window[:, None, None] * window[:, None] * window[: cells // 2 + 1]
    number = np.bincount(index, weight, bins + 1)[1:]
    sums = np.zeros((2, bins))
    for axis in range(3):
        seen = positions.astype(np.float64)
        seen[:, axis] += shifts[:, axis]
        field = halo_overdensity(np.mod(seen, box_size), cells, box_size, "cloud_in_cell")
        power = weight * np.abs((fft.rfftn(field) / window).ravel()[cosines.inside]) ** 2
        legendre = 0.5 * (3 * cosines.squared[axis] - 1)
        sums[0] += np.bincount(index, power, bins + 1)[1:]
        sums[1] += np.bincount(index, 5 * power * legendre, bins + 1)[1:]
    sums *= box_size**3 / cells**6 / (3 * number)
    mean = np.bincount(index, weight * k, bins + 1)[1:] / number
    return Multipoles(mean * 2 * np.pi / box_size, number.astype(np.int64), *sums)


@dataclass(frozen=True)
class _Cosines:
    """Modes that fall into a bin, flat, and the square of their cosine to each axis, shape (3, modes)."""

    inside: np.ndarray
    squared: np.ndarray


def _modes(cells: int, bins: int) -> tuple[np.ndarray, np.ndarray, _Cosines, np.ndarray]:
    """Bin and multiplicity of the modes up to the last bin, their cosines, and |k| in units of the fundamental."""
    whole = fft.fftfreq(cells, 1 / cells) ** 2
    half = np.arange(cells // 2 + 1, dtype=float)
    parts = np.broadcast_arrays(whole[:, None, None], whole[:, None], half**2)
    squared = parts[0] + parts[1] + parts[2]
    index = np.rint(np.sqrt(squared)).astype(np.int64).ravel()
    inside = np.flatnonzero((index >= 1) & (index <= bins))
    # The real transform stores one of each pair k, -k, save on the plane that is its own mirror image.
    weight = np.broadcast_to(np.where(half == 0, 1.0, 2.0), squared.shape).ravel()[inside]
    length = squared.ravel()[inside]
    cosines = np.stack([part.ravel()[inside] / length for part in parts])
    return index[inside], weight, _Cosines(inside, cosines), np.sqrt(length)
