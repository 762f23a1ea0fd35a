"""Halo mass functions: counted in catalogues, and of Tinker et al. (2008) and Press & Schechter (1974)."""

import numpy as np
from colossus.lss import mass_function
from scipy import integrate, interpolate

from halonet.catalogue import HaloCatalogue
from halonet.cosmology import growth_factor, mean_matter_density, sigma_of_radius, use_in_colossus
from halonet.plausibility.spectrum import shape_without_wiggles
from halonet.settings import CosmologySettings

KEY_CUTS = (100.0, 300.0, 1000.0, 3000.0, 10000.0)  # cells; quoted in tables
_TENTHS = 10 ** np.arange(1.5, 5.05, 0.1)
CUTS = np.unique(np.concatenate([[27.0], _TENTHS, KEY_CUTS]))  # cells
BIN_EDGES = _TENTHS[::2]  # cells; bins of the differential mass function, limits of which are among the cuts
HEAVIEST = 1e17  # Msun; no halo is heavier
ALL_MASSES = np.geomspace(1e9, 1e16, 350)  # Msun
WAVENUMBERS = np.geomspace(1e-4, 50.0, 500)  # 1/Mpc
MODELS = {
    "tinker_2008": ("tinker08", "200m"),
    "press_schechter": ("press74", "fof"),
}  # colossus: model, mass definition


def count_above(catalogue: HaloCatalogue, cuts: np.ndarray = CUTS) -> np.ndarray:
    """Number of haloes of at least each of ``cuts`` cells, int64 of the shape of ``cuts``."""
    return len(catalogue) - np.searchsorted(np.sort(catalogue["cells"]), cuts, side="left")


def predicted_abundance(
    masses: np.ndarray,
    cosmology: CosmologySettings,
    redshift: float,
    k: np.ndarray,
    power: np.ndarray,
    models: dict[str, tuple[str, str]] = MODELS,
) -> dict[str, np.ndarray]:
    """Comoving number density of haloes above each mass, by analytic mass functions.

    Parameters
    ----------
    masses
        Halo masses (Msun, no h), shape (n,).
    k, power
        Linear power spectrum at redshift 0 (1/Mpc and Mpc^3, no h).
    models
        Model of colossus and definition of mass by the names of the result.

    Returns
    -------
    dict
        n(>M) in Mpc^-3 of each model, shape (n,); by default ``tinker_2008`` (200 times the mean density) and
        ``press_schechter``.

    Notes
    -----
    dn/dlnM = f(sigma) rho / M dln(1/sigma)/dlnM with the multiplicity functions f of colossus and sigma(M) of a top-hat
    from the given spectrum.
    """
    grid = np.geomspace(masses.min(), HEAVIEST, 601)
    density = mean_matter_density(cosmology)
    # sigma(M) is smooth: a spline through every fifth mass is right to 1e-6.
    radii = (3 * grid[::5] / (4 * np.pi * density)) ** (1 / 3)
    log_sigma = np.log([sigma_of_radius(k, power, radius) for radius in radii])
    spline = interpolate.CubicSpline(np.log(grid[::5]), log_sigma)
    factor = density / grid * -spline(np.log(grid), 1)
    sigma = growth_factor(cosmology, redshift) * np.exp(spline(np.log(grid)))
    use_in_colossus(cosmology)
    abundance = {}
    for name, (model, definition) in models.items():
        multiplicity = mass_function.massFunction(sigma, redshift, q_in="sigma", mdef=definition, model=model)
        abundance[name] = _integrate_upwards(grid, factor * multiplicity, masses)
    return abundance


def tinker_abundance(
    cosmology: CosmologySettings, redshift: float, k: np.ndarray, power: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Table of Tinker et al. 2008 over all masses a catalogue can hold: masses (Msun), ascending, and n(>M) (Mpc^-3).

    Both have the shape (masses,); ``k`` (1/Mpc) and ``power`` (Mpc^3) are the linear power spectrum at z = 0.
    """
    abundance = predicted_abundance(ALL_MASSES, cosmology, redshift, k, power)["tinker_2008"]
    known = abundance > 0
    return ALL_MASSES[known], abundance[known]


def expected_haloes(cells: float, cell_size: float, box_size: float, cosmology: CosmologySettings) -> float:
    """Haloes of at least so many ``cells`` that Tinker et al. (2008) have in a box; lengths in Mpc, to some percent.

    The spectrum is the one without wiggles of Eisenstein & Hu (1998), so that nothing has to be solved.
    """
    mass = np.array([mean_matter_density(cosmology) * cell_size**3 * cells])
    spectrum = (WAVENUMBERS, shape_without_wiggles(WAVENUMBERS, cosmology))
    models = {"tinker_2008": MODELS["tinker_2008"]}
    density = predicted_abundance(mass, cosmology, cosmology.redshift, *spectrum, models)["tinker_2008"][0]
    return float(density) * box_size**3


def _integrate_upwards(grid: np.ndarray, differential: np.ndarray, masses: np.ndarray) -> np.ndarray:
    """Integral of dn/dlnM from each of ``masses`` to the end of the grid."""
    # From the heavy end, so that small numbers are not differences of large ones.
    upwards = integrate.cumulative_simpson(differential[::-1], x=-np.log(grid[::-1]), initial=0)[::-1]
    return np.interp(np.log(masses), np.log(grid), upwards)
