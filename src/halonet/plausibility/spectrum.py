"""A linear power spectrum is held against the sigma8 of its cosmology: units with h and other redshifts show there."""

from pathlib import Path

import numpy as np

from halonet.checks.assumptions import assume
from halonet.cosmology import growth_factor, read_power_spectrum, sigma_of_radius
from halonet.plausibility.verdict import judge
from halonet.settings import CosmologySettings

SIGMA8_TOLERANCE = 0.03
NEEDED = (0.02, 1.0)  # 1/Mpc, wavenumbers without which sigma8 cannot be integrated


def shape_without_wiggles(k: np.ndarray, cosmology: CosmologySettings) -> np.ndarray:
    """Linear power spectrum at z = 0 (Mpc^3) at ``k`` (1/Mpc), without wiggles, normalised to sigma8.

    Notes
    -----
    Eisenstein & Hu (1998, ApJ 496, 605), equations 26 and 28 to 31.
    """
    grid = np.geomspace(1e-4, 50.0, 600)
    amplitude = (cosmology.sigma8 / sigma_of_radius(grid, _unnormalised(grid, cosmology), 8 / cosmology.h)) ** 2
    return amplitude * _unnormalised(np.asarray(k, float), cosmology)


def _unnormalised(k: np.ndarray, cosmology: CosmologySettings) -> np.ndarray:
    matter, baryons = cosmology.omega_m * cosmology.h**2, cosmology.omega_b * cosmology.h**2
    fraction, temperature = cosmology.omega_b / cosmology.omega_m, 2.725 / 2.7
    sound = 44.5 * np.log(9.83 / matter) / np.sqrt(1 + 10 * baryons**0.75)  # Mpc
    alpha = 1 - 0.328 * np.log(431 * matter) * fraction + 0.38 * np.log(22.3 * matter) * fraction**2
    gamma = matter * (alpha + (1 - alpha) / (1 + (0.43 * k * sound) ** 4))
    q = k * temperature**2 / gamma
    logarithm = np.log(2 * np.e + 1.8 * q)
    transfer = logarithm / (logarithm + (14.2 + 731 / (1 + 62.5 * q)) * q**2)
    return k**cosmology.n_s * transfer**2


def check_spectrum(
    k: np.ndarray, power: np.ndarray, cosmology: CosmologySettings, source: str | Path, go_on: bool = False
) -> None:
    """Refuse a linear spectrum at z = 0 (1/Mpc, Mpc^3) whose sigma8 is not that of its cosmology.

    Raises
    ------
    PlausibilityError
        Unless ``go_on``; the message says which mistake of unit or redshift gives such a number, where one does.
    """
    if k[0] > NEEDED[0] or k[-1] < NEEDED[1]:
        assume(f"{source}: from {k[0]:.3g} to {k[-1]:.3g} per Mpc, too narrow for sigma8, which is taken to be right")
        return
    found, wanted = sigma_of_radius(k, power, 8 / cosmology.h), cosmology.sigma8
    if abs(found / wanted - 1) <= SIGMA8_TOLERANCE:
        return
    hint = _hint(k, power, cosmology)
    judge(
        f"{source}: the power spectrum has sigma8 = {found:.4g}, but the cosmology {wanted:.4g}{hint}: "
        "k_per_mpc must be in 1/Mpc and power_mpc3 in Mpc^3, without h, linear and at z = 0",
        go_on,
    )


def _hint(k: np.ndarray, power: np.ndarray, cosmology: CosmologySettings) -> str:
    """The mistake that explains the number, in words."""
    h, radius = cosmology.h, 8 / cosmology.h
    mistakes = {
        "k in h/Mpc and P in (Mpc/h)^3": sigma_of_radius(k * h, power / h**3, radius),
        "k in h/Mpc": sigma_of_radius(k * h, power, radius),
        "P in (Mpc/h)^3": sigma_of_radius(k, power / h**3, radius),
        "an average over k in place of P (2 pi^2 / k^3 is missing)": sigma_of_radius(
            k, power * 2 * np.pi**2 / k**3, radius
        ),
    }
    if cosmology.redshift:
        growth = growth_factor(cosmology, cosmology.redshift)
        mistakes[f"a spectrum at redshift {cosmology.redshift:g}"] = sigma_of_radius(k, power / growth**2, radius)
    for mistake, corrected in mistakes.items():
        if abs(corrected / cosmology.sigma8 - 1) <= SIGMA8_TOLERANCE:
            return f"; it looks like {mistake}"
    return ""


def read_checked_spectrum(
    path: str | Path, cosmology: CosmologySettings, go_on: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Linear power spectrum of a file, k (1/Mpc) and P (Mpc^3), held against its cosmology."""
    k, power = read_power_spectrum(path)
    check_spectrum(k, power, cosmology, path, go_on)
    return k, power
