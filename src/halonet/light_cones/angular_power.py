r"""Angular power spectrum of the haloes of a light cone, beside that of linear theory.

The overdensity of haloes on the sky is expanded in spherical harmonics, :math:`a_{lm} = \sum_p (N_p / \bar n -
\Delta\Omega_p) Y^*_{lm}(p)`, over the fine cells p within the opening. An opening of a fraction f of the sky mixes
neighbouring l, which bands average over, and lowers the power by f (Hivon et al. 2002, to lowest order):

.. math:: C_l = \frac{1}{f (2 l + 1)} \sum_m |a_{lm}|^2 - \frac{1}{\bar n}

with the shot noise of :math:`\bar n` haloes per steradian. Linear theory is in Limber's approximation (Limber 1953;
LoVerde & Afshordi 2008), with the distances of the haloes themselves and the bias of Tinker et al. (2010).
"""

from typing import Any

import numpy as np
from scipy.special import sph_legendre_p_all

from halonet.cosmology import declared
from halonet.mocks.super_sample import halo_bias
from halonet.settings import CosmologySettings
from halonet.sky.catalogue import LightConeCatalogue
from halonet.sky.epochs import Epochs
from halonet.sky.region import Region, region_of

RINGS = 1024  # cells of 0.18 degrees: the power at l = 96 is 0.8% low
LARGEST = 96  # l
AT_ONCE = 64  # rings
LEAST_FRACTION = 0.005  # of the sky; narrower openings hold no whole wave of so small l
DISTANCES, MASSES = 60, 12  # bins of the linear prediction
Spectrum = tuple[np.ndarray, np.ndarray]


def measure_angular_power(
    catalogue: LightConeCatalogue, spectrum: Spectrum, least_mass: float
) -> dict[str, Any] | None:
    """Angular power spectrum of haloes of at least ``least_mass`` (Msun), as JSON values.

    Parameters
    ----------
    spectrum
        Linear power spectrum at z = 0: k (1/Mpc) and P (Mpc^3).

    Returns
    -------
    dict or None
        In bands of ``l``: ``power`` and ``linear`` (steradian) and the Gaussian ``error``; ``shot_noise``, ``haloes``
        and ``least_mass``. None where the opening, or the number of haloes, is too small.
    """
    cosmology = declared(catalogue.header.known_cosmology(), "light cone")
    epochs = Epochs(cosmology, catalogue.settings.redshift_range[1])
    region, haloes = region_of(catalogue.settings, epochs), catalogue.select(catalogue["mass"] >= least_mass)
    if region.fraction_of_sky() < LEAST_FRACTION or len(haloes) < LARGEST:
        return None
    power, shot = angular_power(haloes.positions(), region)
    edges = bands(region.fraction_of_sky())
    multipoles = np.arange(len(power))
    modes = np.histogram(multipoles, edges, weights=2.0 * multipoles + 1)[0]

    def averaged(values: np.ndarray) -> np.ndarray:
        return np.histogram(multipoles, edges, weights=(2.0 * multipoles + 1) * values)[0] / modes

    middles, measured = averaged(multipoles), averaged(power)
    error = (measured + shot) * np.sqrt(2 / (modes * region.fraction_of_sky()))
    return {
        "l": middles.tolist(),
        "power": measured.tolist(),
        "error": error.tolist(),
        "linear": limber(haloes, epochs, spectrum, middles).tolist(),
        "shot_noise": shot,
        "haloes": len(haloes),
        "least_mass": float(least_mass),
    }


def bands(fraction: float) -> np.ndarray:
    """Edges of bands of l: as wide as what an opening of this fraction of the sky mixes, and 8 at least."""
    width = max(8, int(np.ceil(2 * np.pi / np.sqrt(4 * np.pi * fraction))))
    return np.arange(width, LARGEST + 2, width)


def angular_power(positions: np.ndarray, region: Region) -> tuple[np.ndarray, float]:
    """C_l (steradian) for l = 0 to :data:`LARGEST`, and the shot noise that was taken from it.

    Parameters
    ----------
    positions
        From the observer, shape (n, 3), within ``region``.
    """
    phi, theta = (
        np.arctan2(positions[:, 1], positions[:, 0]) % (2 * np.pi),
        np.arccos(positions[:, 2] / _length(positions)),
    )
    ring = np.minimum((theta / np.pi * RINGS).astype(np.int64), RINGS - 1)
    column = np.minimum((phi / np.pi * RINGS).astype(np.int64), 2 * RINGS - 1)
    counts = np.bincount(ring * 2 * RINGS + column, minlength=2 * RINGS**2).reshape(RINGS, 2 * RINGS)
    inside, areas = _cells_inside(region)
    density = len(positions) / float((areas * inside.sum(axis=1)).sum())  # per steradian
    # What a common shift of all phi does cancels in |a|^2.
    waves = np.fft.rfft(counts / density - areas[:, None] * inside, axis=1)[:, : LARGEST + 1]
    middles, harmonics = (np.arange(RINGS) + 0.5) * np.pi / RINGS, np.zeros((LARGEST + 1, LARGEST + 1), complex)
    for start in range(0, RINGS, AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        legendre = sph_legendre_p_all(LARGEST, LARGEST, middles[rows])[0][:, : LARGEST + 1]
        harmonics += np.einsum("lmr,rm->lm", legendre, waves[rows])
    squares = np.abs(harmonics) ** 2
    total = squares[:, 0] + 2 * squares[:, 1:].sum(axis=1)
    return total / (2 * np.arange(LARGEST + 1) + 1) / region.fraction_of_sky() - 1 / density, 1 / density


def _length(positions: np.ndarray) -> np.ndarray:
    return np.maximum(np.sqrt((positions**2).sum(axis=1)), np.finfo(float).tiny)


def _cells_inside(region: Region) -> tuple[np.ndarray, np.ndarray]:
    """Which cells of the sky have their middle in the opening, bool (rings, columns), and areas (steradian) by ring."""
    borders = np.linspace(0, np.pi, RINGS + 1)
    areas = -np.diff(np.cos(borders)) * np.pi / RINGS
    theta, phi = (borders[:-1] + borders[1:]) / 2, (np.arange(2 * RINGS) + 0.5) * np.pi / RINGS
    far = (region.nearest + region.farthest) / 2
    inside = np.empty((RINGS, 2 * RINGS), bool)
    for i, angle in enumerate(theta):
        flat = [np.sin(angle) * np.cos(phi), np.sin(angle) * np.sin(phi), np.full(2 * RINGS, np.cos(angle))]
        inside[i] = region.holds(far * np.stack(flat, axis=1))
    return inside, areas


def limber(haloes: LightConeCatalogue, epochs: Epochs, spectrum: Spectrum, multipoles: np.ndarray) -> np.ndarray:
    r"""Linear :math:`C_l = \int d\chi\, (f b D)^2 P((l + 1/2) / \chi) / \chi^2`, f the distances of the haloes."""
    distances, (k, power) = haloes["distance"], spectrum
    edges = np.linspace(distances.min(), distances.max() * (1 + 1e-9), DISTANCES + 1)
    middles, width = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
    parts, masses = np.digitize(distances, edges) - 1, haloes["mass"].astype(np.float64)
    number = np.bincount(parts, minlength=DISTANCES) / len(haloes) / width
    redshifts = epochs.redshift(middles)
    cosmologies = [epochs.cosmology.model_copy(update={"redshift": float(z)}) for z in redshifts]
    biases = np.array([mean_bias(masses[parts == i], cosmology) for i, cosmology in enumerate(cosmologies)])
    weights = (number * biases * epochs.growth(redshifts) / middles) ** 2 * width
    at = np.interp(np.log((multipoles[:, None] + 0.5) / middles), np.log(k), np.log(power), left=-np.inf)
    return np.exp(at) @ weights


def mean_bias(masses: np.ndarray, cosmology: CosmologySettings) -> float:
    """Mean bias of haloes of ``masses`` (Msun) at the redshift of ``cosmology``; 0 where there are none."""
    if not len(masses):
        return 0.0
    counts, edges = np.histogram(np.log(masses), MASSES)
    sums = np.histogram(np.log(masses), edges, weights=masses)[0]
    seen = counts > 0
    return float(np.average(halo_bias(sums[seen] / counts[seen], cosmology), weights=counts[seen]))
