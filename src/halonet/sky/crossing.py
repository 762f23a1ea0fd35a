"""Where and when haloes cross the light cone of an observer at the origin."""

import numpy as np

from halonet.columns import EULERIAN, LIGHT_CONE_COLUMNS, VELOCITY
from halonet.sky.coordinates import declination, observed_redshift, radial_velocities, right_ascension
from halonet.sky.epochs import Epochs

ROUNDS = 6  # each makes the error smaller by v / c, some 10^-3 to 10^-2
AT_ONCE = 500_000  # haloes


def cross(
    lagrangian: np.ndarray, first: np.ndarray, second: np.ndarray | None, epochs: Epochs
) -> tuple[np.ndarray, np.ndarray]:
    """Positions (Mpc) in which haloes are seen, shape (haloes, 3), and the redshifts then, shape (haloes,).

    Parameters
    ----------
    lagrangian
        Lagrangian positions from the observer (Mpc), shape (haloes, 3).
    first, second
        Displacement of first order today and the raw one of second order (Mpc), shape (haloes, 3); None: first order
        alone.

    Notes
    -----
    A halo moves along x(z) = q + D(z) psi1 + c(z) D(z)^2 psi2 and is seen at the redshift at which light from |x(z)|
    left for the observer. That equation is solved by iteration, from the redshift of |q|.
    """
    positions, redshifts = np.empty_like(lagrangian), np.empty(len(lagrangian))
    for start in range(0, len(lagrangian), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        seen = lagrangian[part]
        for _ in range(ROUNDS):
            z = epochs.redshift(np.sqrt((seen**2).sum(axis=1)))
            seen = lagrangian[part] + epochs.growth(z)[:, None] * first[part]
            if second is not None:
                seen = seen + epochs.second_order(z)[:, None] * second[part]
        positions[part], redshifts[part] = seen, epochs.redshift(np.sqrt((seen**2).sum(axis=1)))
    return positions, redshifts


def velocities_of(first: np.ndarray, second: np.ndarray | None, redshifts: np.ndarray, epochs: Epochs) -> np.ndarray:
    """Peculiar velocities (km/s) when the haloes are seen, shape (haloes, 3); displacements as in :func:`cross`."""
    moved = epochs.growth(redshifts)[:, None] * first
    if second is not None:
        moved = moved + 2 * epochs.second_order(redshifts)[:, None] * second
    return epochs.velocity(redshifts)[:, None] * moved


def seen_columns(positions: np.ndarray, velocities: np.ndarray, redshifts: np.ndarray) -> dict[str, np.ndarray]:
    """What the sky shows of positions (Mpc) and velocities (km/s), shape (haloes, 3) each."""
    return {
        "ra": right_ascension(positions),
        "dec": declination(positions),
        "redshift": redshifts,
        "observed_redshift": observed_redshift(redshifts, radial_velocities(positions, velocities)),
        "distance": np.sqrt((positions**2).sum(axis=1)),
        **dict(zip(EULERIAN, positions.T, strict=True)),
        **dict(zip(VELOCITY, velocities.T, strict=True)),
    }


def light_cone_columns(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Those of ``values`` that are columns of light cones, in their order and dtype."""
    known = {name: column for name, column in LIGHT_CONE_COLUMNS.items() if name in values}
    return {name: np.ascontiguousarray(values[name], column.dtype) for name, column in known.items()}
