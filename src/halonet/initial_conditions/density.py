"""Gaussian linear density with a given power spectrum.

Notes
-----
With white noise n of unit variance per cell, delta_k = FFT(n) sqrt(P(k) / a^3), a the cell size, in numpy's FFT
convention; the mean vanishes. Modes beyond the one-dimensional Nyquist frequency, in the corners of the Fourier cube,
are kept, as Peak Patch does (Stein, Alvarez & Bond 2018).
"""

from collections.abc import Callable

import numpy as np

from halonet.cosmology import growth_factor
from halonet.grid.slabs import Slabs
from halonet.grid.threads import in_threads
from halonet.initial_conditions.noise import white_noise
from halonet.plausibility.whiteness import check_noise, check_spectrum_is_flat
from halonet.settings import CosmologySettings


def linear_density(
    slabs: Slabs, seed: int, box_size: float, k: np.ndarray, power: np.ndarray, cosmology: CosmologySettings
) -> np.ndarray:
    """Gaussian density of a box, linearly extrapolated to the cosmology's redshift.

    Parameters
    ----------
    box_size
        Side of the box (Mpc).
    k, power
        Linear power spectrum at z = 0: 1/Mpc and Mpc^3.

    Returns
    -------
    Density contrast, float32 of shape (N / ranks, N, N).

    Raises
    ------
    ValueError
        If the spectrum does not cover the modes of the grid.
    """
    check_covered(slabs.cells, box_size, k)
    return _coloured(slabs, slabs.forward(white_noise(slabs, seed)), box_size, k, power, cosmology)


def linear_density_of(
    slabs: Slabs,
    noise: np.ndarray,
    box_size: float,
    k: np.ndarray,
    power: np.ndarray,
    cosmology: CosmologySettings,
    source: str = "phases",
    go_on: bool = False,
) -> np.ndarray:
    """Density of white noise from elsewhere, like :func:`linear_density`; collective.

    Parameters
    ----------
    noise
        This rank's planes, float32 of shape (N / ranks, N, N), of unit variance.
    source
        What messages call the noise.
    go_on
        Warn only, where it is not white.

    Returns
    -------
    Density contrast, float32 of shape (N / ranks, N, N): of the project's own noise that of its seed, bit for bit.

    Raises
    ------
    ValueError
        If the spectrum does not cover the modes of the grid, or the noise is not white (``PlausibilityError``).
    """
    check_covered(slabs.cells, box_size, k)
    check_noise(noise, slabs, source, go_on)
    modes = slabs.forward(noise)
    check_spectrum_is_flat(modes, slabs, source, go_on)
    return _coloured(slabs, modes, box_size, k, power, cosmology)


def check_covered(cells: int, box_size: float, k: np.ndarray) -> None:
    """Refuse wavenumbers of a spectrum (1/Mpc) that do not cover a box (Mpc) of ``cells`` cells along a side."""
    fundamental, cell_size = 2 * np.pi / box_size, box_size / cells
    highest = 3**0.5 * np.pi / cell_size
    if k[0] > fundamental or k[-1] < highest:
        raise ValueError(
            f"the power spectrum covers {k[0]:.3g} to {k[-1]:.3g} per Mpc; a box of {box_size} Mpc with cells of "
            f"{cell_size} Mpc needs {fundamental:.3g} to {highest:.3g} per Mpc"
        )


def _coloured(
    slabs: Slabs, modes: np.ndarray, box_size: float, k: np.ndarray, power: np.ndarray, cosmology: CosmologySettings
) -> np.ndarray:
    """Density of the modes of white noise, which are overwritten."""
    growth, cell_size = growth_factor(cosmology, cosmology.redshift), box_size / slabs.cells
    logarithms, amplitude = np.log(k), growth * np.sqrt(power / cell_size**3)
    scaled(modes, slabs, box_size, lambda wavenumber: np.interp(np.log(wavenumber), logarithms, amplitude))
    return slabs.inverse(modes, overwrite=True)


def scaled(modes: np.ndarray, slabs: Slabs, box_size: float, factor: Callable[[np.ndarray], np.ndarray]) -> None:
    """Multiply modes of a box of side ``box_size`` (Mpc) by a function of wavenumber (1/Mpc); the mean vanishes."""
    fundamental, (kx, ky, kz) = 2 * np.pi / box_size, slabs.wavenumbers

    def scale(i: int) -> None:
        squared = kx[i] ** 2 + ky[0] ** 2 + kz[0] ** 2
        wavenumber = fundamental * np.sqrt(squared)
        modes[i] *= np.where(squared > 0, factor(np.maximum(wavenumber, fundamental)), 0).astype(np.float32)

    in_threads(scale, range(slabs.cells), slabs.threads)
