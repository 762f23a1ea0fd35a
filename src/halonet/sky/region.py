"""The part of space that a light cone holds: an opening on the sky and a range of distances."""

from dataclasses import dataclass

import numpy as np

from halonet.settings import CircleSettings, LightConeSettings
from halonet.sky.coordinates import directions
from halonet.sky.epochs import Epochs

POSITIVE_AXES = {"full_sky": (), "hemisphere": (2,), "octant": (0, 1, 2)}  # of which the coordinate is not negative


@dataclass(frozen=True)
class Region:
    """Positions (Mpc) from an observer at the origin that a light cone holds.

    Attributes
    ----------
    opening
        On the sky.
    nearest, farthest
        Comoving distances (Mpc); the nearest is in, the farthest is out, so that regions join without a seam.
    """

    opening: str | CircleSettings
    nearest: float
    farthest: float

    def holds(self, positions: np.ndarray) -> np.ndarray:
        """Whether positions (n, 3) lie in the region, bool of shape (n,)."""
        distances = np.sqrt((positions**2).sum(axis=1))
        return (self._beside(positions, distances) <= 0) & (distances >= self.nearest) & (distances < self.farthest)

    def outside(self, positions: np.ndarray) -> np.ndarray:
        """How far (Mpc) positions (n, 3) lie outside, negative inside; shape (n,).

        It never exceeds the distance to the region, and between two positions it differs by no more than theirs.
        """
        distances = np.sqrt((positions**2).sum(axis=1))
        along = np.maximum(self.nearest - distances, distances - self.farthest)
        return np.maximum(along, self._beside(positions, distances))

    def fraction_of_sky(self) -> float:
        """Part of the sphere within the opening."""
        if isinstance(self.opening, CircleSettings):
            return float((1 - np.cos(np.radians(self.opening.radius))) / 2)
        return 0.5 ** len(POSITIVE_AXES[self.opening])

    def volumes(self, distances: np.ndarray) -> np.ndarray:
        """Comoving volumes (Mpc^3) in the opening between ``distances`` (Mpc), shape (n,); the result has one fewer."""
        return 4 / 3 * np.pi * self.fraction_of_sky() * np.diff(distances**3)

    @property
    def volume(self) -> float:
        """Comoving volume (Mpc^3) of the region."""
        return float(self.volumes(np.array([self.nearest, self.farthest]))[0])

    def _beside(self, positions: np.ndarray, distances: np.ndarray) -> np.ndarray:
        """Signed distance to the edge of the opening."""
        if not isinstance(self.opening, CircleSettings):
            coordinates = [-positions[:, axis] for axis in POSITIVE_AXES[self.opening]]
            return np.max(coordinates, axis=0) if coordinates else np.full(len(positions), -np.inf)
        circle = self.opening
        centre = directions(np.array([circle.right_ascension]), np.array([circle.declination]))[0]
        across = np.sqrt((np.cross(positions, centre) ** 2).sum(axis=1))
        beyond = np.arctan2(across, positions @ centre) - np.radians(circle.radius)
        return distances * np.sin(np.clip(beyond, -np.pi / 2, np.pi / 2))


def region_of(settings: LightConeSettings, epochs: Epochs) -> Region:
    """The region of a light cone's settings."""
    nearest, farthest = epochs.distance(np.array(settings.redshift_range))
    return Region(settings.opening, float(nearest), float(farthest))
