"""White noise is held against what it is: mean 0, variance 1, Gaussian, and a flat spectrum.

Of large boxes some planes stand for all, evenly spread, so that a check takes little beside the drawing of the density.
"""

import numpy as np

from halonet.grid.slabs import Slabs
from halonet.plausibility.verdict import judge

SIGMAS = 6.0  # of the scatter of a box of so many cells, which one box in 10^8 exceeds
ALLOWED = 0.02  # beyond the scatter: of variance and spectrum, for noise that is constrained or was rounded
ALLOWED_KURTOSIS = 0.2
LOOKED_AT = 32  # planes of cells, and of modes, at least
BINS = 12  # of wavenumbers, of equal width up to the corner of the Fourier cube


def check_noise(noise: np.ndarray, slabs: Slabs, source: str, go_on: bool = False) -> None:
    """Refuse noise whose mean, variance or kurtosis is not that of a Gaussian of unit variance; collective.

    Parameters
    ----------
    noise
        This rank's planes, float32 of shape (N / ranks, N, N).

    Raises
    ------
    PlausibilityError
        Unless ``go_on``.
    """
    every = _stride(slabs.cells)
    number = slabs.cells**2 * len(range(0, slabs.cells, every))
    # Plane by plane: powers of a whole box in double precision would take four times its memory.
    sums = np.zeros((slabs.planes, 3))
    for i in range(-slabs.start % every, slabs.planes, every):
        sums[i] = _sums_of_powers(noise[i].astype(np.float64))
    mean, second, fourth = (slabs.sum_planes(values) / number for values in sums.T)
    variance = second - mean**2
    if abs(mean) > SIGMAS * (max(variance, 1) / number) ** 0.5:
        judge(f"{source}: the noise has the mean {mean:.4g}; white noise of {slabs.cells}^3 cells has 0", go_on)
    if abs(variance - 1) > SIGMAS * (2 / number) ** 0.5 + ALLOWED:
        judge(
            f"{source}: the noise has the variance {variance:.4g}; 1 in every cell is needed, of any size: divide "
            "it by its standard deviation if it is white",
            go_on,
        )
    kurtosis = fourth / second**2 - 3 if second > 0 else np.inf
    if abs(kurtosis) > SIGMAS * (24 / number) ** 0.5 + ALLOWED_KURTOSIS:
        judge(f"{source}: the noise is not Gaussian, its excess kurtosis is {kurtosis:.3g} and should be 0", go_on)


def _stride(cells: int) -> int:
    """Every how many planes one is looked at."""
    return max(1, cells // LOOKED_AT)


def _sums_of_powers(plane: np.ndarray) -> tuple[float, float, float]:
    """Sums of a plane, its squares and its fourth powers."""
    squared = plane * plane
    return plane.sum(), squared.sum(), (squared * squared).sum()


def check_spectrum_is_flat(modes: np.ndarray, slabs: Slabs, source: str, go_on: bool = False) -> None:
    """Refuse noise whose spectrum is not 1 at all wavenumbers; collective.

    Parameters
    ----------
    modes
        Of the noise, this rank's as :meth:`Slabs.forward` gives them.

    Raises
    ------
    PlausibilityError
        Unless ``go_on``.
    """
    power, weight = _binned(modes, slabs)
    edges = np.arange(len(power) + 1) / len(power) * 3**0.5
    for i in np.flatnonzero(weight):
        found = power[i] / weight[i] / slabs.cells**3
        if abs(found - 1) > SIGMAS * (2 / weight[i]) ** 0.5 + ALLOWED:
            judge(
                f"{source}: no white noise, its spectrum is {found:.3g} from {edges[i]:.2f} to {edges[i + 1]:.2f} of "
                "the Nyquist frequency and should be 1 everywhere: give the noise itself, not a density, nor noise of "
                "another grid that was interpolated",
                go_on,
            )
            return


def _binned(modes: np.ndarray, slabs: Slabs) -> tuple[np.ndarray, np.ndarray]:
    """Sums of |n_k|^2 and numbers of modes by wavenumber, without the mean, float64 of shape (bins,) each."""
    kx, ky, kz = slabs.wavenumbers
    bins, half = min(BINS, max(slabs.cells // 2, 1)), slabs.cells / 2
    twice = np.where((kz == 0) | (kz == half), 1.0, 2.0)[0] * np.ones((slabs.planes, 1))  # kz < 0 is not held
    power, weight = np.zeros((2, bins))
    for i in range(0, slabs.cells, _stride(slabs.cells)):
        squared = kx[i] ** 2 + ky[0] ** 2 + kz[0] ** 2
        shells = np.minimum(np.sqrt(squared) * (bins / half / 3**0.5), bins - 1).astype(np.int64).ravel()
        weights = np.where(squared > 0, twice, 0).ravel()
        values = modes[i].real.astype(np.float64) ** 2 + modes[i].imag.astype(np.float64) ** 2
        power += np.bincount(shells, weights * values.ravel(), bins)
        weight += np.bincount(shells, weights, bins)
    if slabs.communicator is not None:
        power, weight = (sum(slabs.communicator.allgather(values)) for values in (power, weight))
    return power, weight
