"""Even multipoles of the power spectrum of haloes in redshift space, for a distant observer along an axis."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from halonet.cosmology import hubble_rate
from halonet.settings import CosmologySettings
from halonet.spectra import halo_overdensity
from halonet.statistics.inner_modes import inner_modes, inner_multiplicity, inner_squares

CELLS = 128  # along a side of the mesh
ALL_AXES = (0, 1, 2)


@dataclass(frozen=True)
class Multipoles:
    """Multipoles of the power spectrum in linear bins of k, mean over lines of sight, arrays of shape (bins,).

    Attributes
    ----------
    k
        Mean wavenumber of the modes of a bin (1/Mpc).
    modes
        Number of modes of a bin, k and -k both counted.
    monopole, quadrupole, hexadecapole
        P_0, P_2 and P_4 (Mpc^3). Shot noise is in the monopole and not subtracted.
    """

    k: np.ndarray
    modes: np.ndarray
    monopole: np.ndarray
    quadrupole: np.ndarray
    hexadecapole: np.ndarray


def redshift_shifts(velocities: np.ndarray, cosmology: CosmologySettings) -> np.ndarray:
    """Comoving shifts (Mpc) along each axis of peculiar ``velocities`` (km/s): v (1 + z) / H(z), z the cosmology's."""
    return velocities * (1 + cosmology.redshift) / hubble_rate(cosmology, cosmology.redshift)


def redshift_space_multipoles(
    positions: np.ndarray,
    shifts: np.ndarray,
    box_size: float,
    bins: int = 20,
    cells: int = CELLS,
    axes: tuple[int, ...] = ALL_AXES,
) -> Multipoles:
    """Multipoles of a periodic box, each of ``axes`` in its turn the line of sight.

    Parameters
    ----------
    positions
        Eulerian positions (Mpc) in [0, L), shape (haloes, 3).
    shifts
        Comoving shifts along each axis (Mpc), shape (haloes, 3): :func:`redshift_shifts`.
    bins
        Bins of the fundamental width, the first one centred on the fundamental; at most a quarter of ``cells``.
    cells
        Cells along a side of the mesh; clouds in cells, whose window is divided out.
    axes
        Lines of sight. The mean over three has less scatter than a survey, which sees one.

    Notes
    -----
    P_l(k) = (2 l + 1) <|delta(k)|^2 L_l(mu)>, mu the cosine to the line of sight (Kaiser 1987; Hamilton 1998).
    """
    if bins > cells // 4:
        raise ValueError(f"bins = {bins} reach beyond half of the Nyquist frequency of {cells} cells; {cells // 4} fit")
    modes = _modes(bins)
    number = np.bincount(modes.index, modes.weight, bins + 1)[1:]
    sums = np.zeros((3, bins))
    for axis in axes:
        seen = positions.astype(np.float64)
        seen[:, axis] += shifts[:, axis]
        field = halo_overdensity(np.mod(seen, box_size), cells, box_size, "cloud_in_cell")
        power = modes.weight * np.abs(inner_modes(field, bins, of_clouds=True).ravel()[modes.inside]) ** 2
        for row, factor in zip(sums, legendre_weights(modes.cosines[axis]), strict=True):
            row += np.bincount(modes.index, power * factor, bins + 1)[1:]
    sums *= box_size**3 / (len(axes) * number)
    mean = np.bincount(modes.index, modes.weight * modes.length, bins + 1)[1:] / number
    return Multipoles(mean * 2 * np.pi / box_size, number.astype(np.int64), *sums)


def legendre_weights(squared: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(2 l + 1) L_l of l = 0, 2 and 4 where the square of the cosine is ``squared``."""
    return np.ones_like(squared), 2.5 * (3 * squared - 1), 1.125 * (35 * squared**2 - 30 * squared + 3)


@dataclass(frozen=True)
class _Modes:
    """Modes that fall into a bin, flat: where they are among the inner ones, their bin, multiplicity and |k|.

    ``cosines`` are the squares of their cosine to each axis, shape (3, modes).
    """

    inside: np.ndarray
    index: np.ndarray
    weight: np.ndarray
    length: np.ndarray
    cosines: np.ndarray


@lru_cache(maxsize=2)
def _modes(bins: int) -> _Modes:
    """Modes up to the last bin, |k| in units of the fundamental."""
    parts = inner_squares(bins)
    squared = (parts[0] + parts[1] + parts[2]).ravel()
    index = np.rint(np.sqrt(squared)).astype(np.int64)
    inside = np.flatnonzero((index >= 1) & (index <= bins))
    weight = np.broadcast_to(inner_multiplicity(bins), parts[0].shape).ravel()[inside]
    cosines = np.stack([part.ravel()[inside] / squared[inside] for part in parts])
    return _Modes(inside, index[inside], weight, np.sqrt(squared[inside]), cosines)
