"""Where on the sky a survey observes: its mask, and points within it."""

import numpy as np

from halonet.settings.survey import SurveySettings
from halonet.sky.coordinates import directions


def inside_mask(ra: np.ndarray, dec: np.ndarray, settings: SurveySettings) -> np.ndarray:
    """Which angles (degrees) the survey observes, bool of shape (n,)."""
    inside = (ra >= settings.ra[0]) & (ra <= settings.ra[1]) & (dec >= settings.dec[0]) & (dec <= settings.dec[1])
    at = directions(ra, dec)
    for hole in settings.holes:
        centre = directions(np.array([hole.ra]), np.array([hole.dec]))[0]
        inside &= at @ centre < np.cos(np.radians(hole.radius))
    return inside


def draw_angles(number: int, settings: SurveySettings, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Right ascension and declination of ``number`` points, uniform over the sphere within the ranges of ra and dec."""
    sines = np.sin(np.radians(settings.dec))
    return rng.uniform(settings.ra[0], settings.ra[1], number), np.degrees(
        np.arcsin(rng.uniform(sines[0], sines[1], number))
    )
