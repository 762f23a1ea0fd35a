"""Mass functions and power spectra of haloes."""

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.checks.numbers import WAVENUMBER, checked
from halonet.interface.given import Cosmology, checked_box, checked_masses, settings_of
from halonet.kept_spectra import kept_power_spectrum
from halonet.settings import CosmologySettings
from halonet.statistics.mass_function import MODELS, predicted_abundance
from halonet.statistics.mock import binned_power

POINTS = 30


def mass_function(haloes: HaloCatalogue, masses: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Count the cumulative mass function of a catalogue.

    Parameters
    ----------
    haloes
        At least one halo.
    masses
        Where to count (Msun), shape (n,); by default 30 masses, evenly spaced in the logarithm, that the haloes span.

    Returns
    -------
    masses, abundance
        Masses (Msun) and the comoving number of haloes of at least that mass, n(>=M) (per Mpc^3), shapes (n,).

    Raises
    ------
    ValueError
        If there are no haloes and no masses are given.

    Examples
    --------
    >>> import halonet
    >>> masses, abundance = halonet.mass_function(halonet.make_mock(seed=7, cells=32))
    >>> masses.shape, round(abundance[0] * 32**3)
    ((30,), 39)
    """
    checked_box(haloes)
    if masses is None:
        if not len(haloes):
            raise ValueError("the catalogue has no haloes; give the masses to count at")
        masses = np.geomspace(haloes["mass"].min(), haloes["mass"].max(), POINTS)
        masses[0] = haloes["mass"].min()  # which rounding could lift above the smallest halo
    masses = checked_masses(masses)
    above = len(haloes) - np.searchsorted(np.sort(haloes["mass"]), masses, side="left")
    return masses, above / haloes.box_size_mpc**3


def analytic_mass_function(
    masses: np.ndarray, cosmology: Cosmology | None = None, model: str = "tinker_2008"
) -> np.ndarray:
    """Compute the cumulative mass function of Tinker et al. (2008) or Press & Schechter (1974).

    Parameters
    ----------
    masses
        Halo masses (Msun), shape (n,).
    cosmology
        With its redshift, also as a dictionary; by default the paper's, at redshift 0.
    model
        ``tinker_2008``, for masses within 200 times the mean density, or ``press_schechter``.

    Returns
    -------
    ndarray
        Comoving n(>M) (per Mpc^3), float64 of shape (n,).

    Raises
    ------
    ValueError
        If there is no such model.

    Notes
    -----
    Multiplicity functions of colossus, and sigma(M) of CAMB's spectrum.

    Examples
    --------
    >>> import halonet
    >>> print(halonet.analytic_mass_function([1e13, 1e14]).round(6))
    [1.92e-04 1.20e-05]
    """
    if model not in MODELS:
        raise ValueError(f"model = {model!r}; there are {', '.join(MODELS)}")
    cosmology, chosen = settings_of(cosmology, CosmologySettings()), {model: MODELS[model]}
    spectrum = kept_power_spectrum(cosmology)
    masses = checked_masses(masses)
    return predicted_abundance(masses, cosmology, cosmology.redshift, *spectrum, chosen)[model]


def power_spectrum(
    haloes: HaloCatalogue, largest_k_per_mpc: float | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Measure the power spectrum of the haloes' Eulerian number density.

    Parameters
    ----------
    haloes
        With Eulerian centres; at least one halo.
    largest_k_per_mpc
        Of the spectrum (1/Mpc); by default half of the Nyquist frequency of the catalogue's grid.

    Returns
    -------
    k, modes, power
        Mean wavenumber (1/Mpc), number of modes and P(k) (Mpc^3) of each bin, shapes (bins,). Shot noise, the volume
        over the number of haloes, is included.

    Raises
    ------
    ValueError
        If there are no haloes, or they have no Eulerian centres.

    Notes
    -----
    Cloud-in-cell assignment on the catalogue's grid, divided by its window; docs/statistics.md.

    Examples
    --------
    >>> import halonet
    >>> k, modes, power = halonet.power_spectrum(halonet.make_mock(seed=7, cells=32))
    >>> print(f"{k[0]:.2f} per Mpc, {modes[0]} modes")
    0.25 per Mpc, 18 modes
    """
    checked_box(haloes)
    if not len(haloes):
        raise ValueError("the catalogue has no haloes, of which a power spectrum could be measured")
    if missing := {"x", "y", "z"} - set(haloes.columns):
        raise ValueError(f"the catalogue has no columns {', '.join(sorted(missing))}, the haloes' Eulerian centres")
    largest = 0.5 * np.pi / haloes.cell_size
    if largest_k_per_mpc is not None:
        largest = checked("largest_k_per_mpc", largest_k_per_mpc, WAVENUMBER)
    return binned_power(haloes, largest, haloes.grid_cells)
