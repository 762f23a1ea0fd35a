"""Coordinates on the sky of an observer at the origin, and redshifts as he measures them.

Right ascension runs from the x axis (0) to the y axis (90 degrees), declination from the x-y plane to the z axis (90).
"""

import numpy as np

from halonet.sky.epochs import SPEED_OF_LIGHT


def right_ascension(positions: np.ndarray) -> np.ndarray:
    """Right ascensions (degrees, in [0, 360)) of positions (n, 3) in any unit, shape (n,); 0 on the z axis."""
    angles = np.mod(np.degrees(np.arctan2(positions[:, 1], positions[:, 0])), 360.0)
    return np.where(angles >= 360.0, 0.0, angles)  # a tiny negative angle rounds up to the whole circle


def declination(positions: np.ndarray) -> np.ndarray:
    """Declinations (degrees, in [-90, 90]) of positions (n, 3) in any unit, shape (n,)."""
    return np.degrees(np.arctan2(positions[:, 2], np.hypot(positions[:, 0], positions[:, 1])))


def directions(right_ascensions: np.ndarray, declinations: np.ndarray) -> np.ndarray:
    """Unit vectors of coordinates in degrees, shape (n,) each; the result has the shape (n, 3)."""
    ra, dec = np.radians(right_ascensions), np.radians(declinations)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)


def radial_velocities(positions: np.ndarray, velocities: np.ndarray) -> np.ndarray:
    """Component of velocities away from the origin, (n, 3) each; 0 at the origin itself."""
    distances = np.sqrt((positions**2).sum(axis=1))
    products = (positions * velocities).sum(axis=1)
    return np.divide(products, distances, out=np.zeros_like(products), where=distances > 0)


def observed_redshift(redshifts: np.ndarray, velocities: np.ndarray) -> np.ndarray:
    """Redshift with the Doppler shift of radial peculiar velocities (km/s): (1 + z) (1 + v / c) - 1, shape (n,).

    The observer rests in the expanding background; terms of (v / c)^2, some 1e-5, are left out.
    """
    return (1 + redshifts) * (1 + velocities / SPEED_OF_LIGHT) - 1
