"""Positions and velocities within haloes of Navarro, Frenk & White (1997)."""

import numpy as np
from scipy import special

from halonet.masses import mass_table, radius_of
from halonet.settings import CosmologySettings

GRAVITY = 4.30091e-9  # Mpc (km/s)^2 / Msun
DEFINITION = "200m"
INNERMOST = 1e-4  # in scale radii: further in, the dispersion is that there


def halo_radius(mass: np.ndarray, cosmology: CosmologySettings) -> np.ndarray:
    """Comoving radius (Mpc) within which haloes of ``mass`` (Msun) have 200 times the mean density."""
    return radius_of(mass, DEFINITION, cosmology)


def concentration(mass: np.ndarray, cosmology: CosmologySettings, relation: str) -> np.ndarray:
    """Radius over scale radius of haloes of ``mass`` (Msun), shape (haloes,), a relation of :mod:`halonet.masses`."""
    return halo_radius(mass, cosmology) / mass_table(cosmology, relation).scale_radius(mass, DEFINITION)


def enclosed(x: np.ndarray) -> np.ndarray:
    """Mass within x scale radii, over that of 4 pi rho_s r_s^3: ln(1 + x) - x / (1 + x)."""
    return np.log1p(x) - x / (1 + x)


def radius_of_fraction(fraction: np.ndarray, concentrations: np.ndarray) -> np.ndarray:
    """Radius, over that of the halo, which holds ``fraction`` of its mass, both of shape (n,)."""
    inside = fraction * enclosed(concentrations)
    # With t = 1 / (1 + x), ln(1 + x) - x / (1 + x) = p is t exp(-t) = exp(-1 - p): Lambert's function.
    x = -1 / special.lambertw(-np.exp(-1 - inside)).real - 1
    return np.clip(x / concentrations, 0, 1)


def velocity_dispersion(radius: np.ndarray, concentrations: np.ndarray) -> np.ndarray:
    """Dispersion of one component over the circular velocity at the halo's radius, by the isotropic Jeans equation.

    ``radius`` is in units of the halo's; both arrays of shape (n,). Lokas & Mamon (2001), Eq. 14.
    """
    y = np.maximum(radius * concentrations, INNERMOST)
    logarithm = np.log1p(y)
    bracket = (
        np.pi**2
        - np.log(y)
        - 1 / y
        - 1 / (1 + y) ** 2
        - 6 / (1 + y)
        + (1 + 1 / y**2 - 4 / y - 2 / (1 + y)) * logarithm
        + 3 * logarithm**2
        + 6 * special.spence(1 + y)  # the dilogarithm of -y
    )
    return np.sqrt(np.maximum(0.5 * concentrations / enclosed(concentrations) * y * (1 + y) ** 2 * bracket, 0))


def circular_velocity(mass: np.ndarray, cosmology: CosmologySettings) -> np.ndarray:
    """Circular velocity (km/s) at the radius of haloes of ``mass`` (Msun)."""
    return np.sqrt(GRAVITY * mass * (1 + cosmology.redshift) / halo_radius(mass, cosmology))
