"""Spectra of the linear density of a mock, whose means over all phases are known from the power spectrum alone.

They serve as controls of the partners' spectra, so that fewer partners know their mean as well.
"""

import numpy as np

from halonet.cosmology import growth_factor, growth_rate
from halonet.settings import CosmologySettings
from halonet.statistics.inner_modes import inner_modes, inner_multiplicity, inner_squares
from halonet.statistics.mock import LINE_OF_SIGHT
from halonet.statistics.redshift_space import legendre_weights
from halonet.statistics.wide_bins import WideBins


def linear_spectra(density: np.ndarray, box_size: float, bins: WideBins, rate: float) -> dict[str, np.ndarray]:
    """Power spectrum and multipoles (Mpc^3) of a linear density of shape (N, N, N), by statistic.

    Parameters
    ----------
    rate
        Growth rate f, for Kaiser's factor (1 + f mu^2)^2 of the multipoles.
    """
    power = np.abs(inner_modes(density, bins.narrow)) ** 2 * box_size**3
    return _binned(power, bins, rate)


def expected_spectra(
    spectrum: tuple[np.ndarray, np.ndarray], cosmology: CosmologySettings, bins: WideBins
) -> dict[str, np.ndarray]:
    """Means of :func:`linear_spectra` over all phases, from the linear power spectrum at z = 0 (1/Mpc and Mpc^3)."""
    x, y, z = inner_squares(bins.narrow)
    k = bins.fundamental * np.sqrt(np.maximum(x + y + z, 1))
    # Between its points the amplitude is interpolated as the density draws it.
    amplitude = np.interp(np.log(k), np.log(spectrum[0]), np.sqrt(spectrum[1]))
    power = (growth_factor(cosmology, cosmology.redshift) * amplitude) ** 2
    return _binned(power, bins, growth_rate(cosmology, cosmology.redshift))


def _binned(power: np.ndarray, bins: WideBins, rate: float) -> dict[str, np.ndarray]:
    squares = inner_squares(bins.narrow)
    length = squares[0] + squares[1] + squares[2]
    index = bins.index(np.sqrt(length)).ravel()
    weight = np.broadcast_to(inner_multiplicity(bins.narrow), length.shape)
    cosines = squares[LINE_OF_SIGHT] / np.maximum(length, 1)

    def mean(values: np.ndarray) -> np.ndarray:
        number = np.bincount(index, weight.ravel(), bins.number + 1)[1:]
        return np.bincount(index, (weight * values).ravel(), bins.number + 1)[1:] / number

    seen = power * (1 + rate * cosines) ** 2
    multipoles = [mean(seen * factor) for factor in legendre_weights(cosines)]
    return {"power_spectrum": mean(power), "multipoles": np.concatenate(multipoles)}
