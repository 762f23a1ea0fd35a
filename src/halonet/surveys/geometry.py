"""Where on the sky, and how far: angles in degrees, comoving distances in Mpc, in a flat universe."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import integrate, interpolate

from halonet.cosmology import hubble_rate
from halonet.settings import CosmologySettings
from halonet.settings.survey import SurveySettings

LIGHT = 299792.458  # km/s
STEPS_PER_REDSHIFT = 400  # of the table of distances
BEYOND = 0.05  # in redshift: how far peculiar velocities may carry a galaxy, with much to spare


@dataclass(frozen=True)
class Distances:
    """Comoving distances (Mpc) by redshift, up to the last one of a table, as splines.

    ``of(z)`` is a distance and ``redshift(r)`` the redshift of one, both for arrays.
    """

    of: interpolate.CubicSpline
    redshift: interpolate.CubicSpline


@lru_cache(maxsize=4)
def distances(cosmology: CosmologySettings, largest_redshift: float) -> Distances:
    """Table of distances up to ``largest_redshift`` and a little beyond."""
    end = largest_redshift + BEYOND
    grid = np.linspace(0, end, int(np.ceil(STEPS_PER_REDSHIFT * end)) + 20)
    rates = np.array([LIGHT / hubble_rate(cosmology, z) for z in grid])
    table = integrate.cumulative_simpson(rates, x=grid, initial=0)
    return Distances(interpolate.CubicSpline(grid, table), interpolate.CubicSpline(table, grid))


def angles_of(offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Right ascension, declination (degrees) and distance (Mpc) of ``offsets`` from the observer (Mpc), (n, 3)."""
    distance = np.linalg.norm(offsets, axis=1)
    ra = np.degrees(np.arctan2(offsets[:, 1], offsets[:, 0])) % 360
    sine = np.divide(offsets[:, 2], distance, out=np.zeros_like(distance), where=distance > 0)
    return ra, np.degrees(np.arcsin(np.clip(sine, -1, 1))), distance


def directions_of(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Unit vectors, shape (n, 3), of angles in degrees."""
    ra, dec = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)


def inside_mask(ra: np.ndarray, dec: np.ndarray, settings: SurveySettings) -> np.ndarray:
    """Which angles (degrees) the survey observes, bool of shape (n,)."""
    inside = (ra >= settings.ra[0]) & (ra <= settings.ra[1]) & (dec >= settings.dec[0]) & (dec <= settings.dec[1])
    directions = directions_of(ra, dec)
    for hole in settings.holes:
        centre = directions_of(np.array([hole.ra]), np.array([hole.dec]))[0]
        inside &= directions @ centre < np.cos(np.radians(hole.radius))
    return inside


def draw_angles(number: int, settings: SurveySettings, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Right ascension and declination of ``number`` points, uniform over the sphere within the ranges of ra and dec."""
    sines = np.sin(np.radians(settings.dec))
    return rng.uniform(settings.ra[0], settings.ra[1], number), np.degrees(
        np.arcsin(rng.uniform(sines[0], sines[1], number))
    )
