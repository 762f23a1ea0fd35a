"""What the readers of other codes' catalogues give, in the units of this project."""

from dataclasses import dataclass

import numpy as np


class ForeignError(ValueError):
    """A file that is not of its format, or contradicts its box; the message says what would be right."""


@dataclass(frozen=True)
class ForeignRows:
    """Haloes of a file, in its order: comoving Mpc, km/s and solar masses, without h.

    Attributes
    ----------
    redshift
        Of the box.
    mass
        float64 of shape (haloes,).
    lagrangian, eulerian, velocity
        float64 of shape (haloes, 3); positions may lie a rounding outside of the box.
    about_centre
        Whether the origin of positions is the centre of the box, not its corner.
    rounding
        How far rounding may have put a position outside (Mpc).
    overdensity
        Within the Lagrangian sphere, shape (haloes,); None where the file has none.
    particles
        Number of each halo, shape (haloes,); None where the file has none.
    """

    redshift: float
    mass: np.ndarray
    lagrangian: np.ndarray
    eulerian: np.ndarray
    velocity: np.ndarray
    about_centre: bool = False
    rounding: float = 0.0
    overdensity: np.ndarray | None = None
    particles: np.ndarray | None = None
