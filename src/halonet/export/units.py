"""From this package's units (comoving Mpc, solar masses) and frame (corner at 0) to those of other codes.

A catalogue never carries an h; whoever multiplies by one does it with a function of this module.
"""

from typing import TypeVar

import numpy as np

from halonet.columns import COLUMNS
from halonet.cosmology import mean_matter_density
from halonet.settings import CosmologySettings

# Of an array an array, of a number a number.
Values = TypeVar("Values", float, np.ndarray)


def in_mpc_per_h(lengths: Values, cosmology: CosmologySettings) -> Values:
    """Lengths given in Mpc, in units of Mpc/h (float64): their numbers times h."""
    return np.multiply(lengths, cosmology.h, dtype=np.float64)


def in_msun_per_h(masses: Values, cosmology: CosmologySettings) -> Values:
    """Masses given in solar masses, in units of Msun/h (float64): their numbers times h."""
    return np.multiply(masses, cosmology.h, dtype=np.float64)


def column_per_h(name: str, values: Values, cosmology: CosmologySettings) -> Values:
    """Values of a column of masses or lengths in Msun/h or Mpc/h (float64), by the unit that the column has here."""
    return {"Msun": in_msun_per_h, "Mpc": in_mpc_per_h}[COLUMNS[name].unit](values, cosmology)


def about_the_centre(positions: np.ndarray, box_size: float) -> np.ndarray:
    """Positions in [0, L) seen from the centre of the box: in [-L/2, L/2), float64, same shape and unit."""
    return np.subtract(positions, box_size / 2, dtype=np.float64)


def lagrangian_radius(masses: np.ndarray, cosmology: CosmologySettings) -> np.ndarray:
    """Radii (Mpc) of the spheres that hold these masses (Msun) at the mean matter density; same shape."""
    return np.cbrt(3 * np.asarray(masses, float) / (4 * np.pi * mean_matter_density(cosmology)))
