"""Start of the particles by second-order Lagrangian perturbation theory."""

import numpy as np

from halonet.grid.slabs import Slabs
from halonet.grid.threads import in_threads
from halonet.initial_conditions.displacement import (
    first_order_displacement,
    second_order_displacement,
    second_order_source,
)
from halonet.n_body.growth import Growth


def start_particles(density: np.ndarray, slabs: Slabs, growth: Growth, a: float) -> tuple[np.ndarray, np.ndarray]:
    """Displacement and momentum of one particle per cell at scale factor ``a``; collective.

    x = q + D1 psi1 - D2 eta2 and p = G1 psi1 - G2 eta2, in the conventions of
    :mod:`halonet.initial_conditions.displacement` and :mod:`halonet.n_body.growth`.

    Parameters
    ----------
    density
        This rank's planes of the linear density of today, float32 of shape (N / ranks, N, N).

    Returns
    -------
    displacements, momenta
        In cells (H0 = 1), float32 of shape (N / ranks, N, N, 3).
    """
    modes = slabs.forward(density)
    source = slabs.forward(second_order_source(modes, slabs))  # before there are particles: it takes six fields
    # Two arrays, so that either can be given back without the other.
    displacements, momenta = (np.zeros((*slabs.shape, 3), np.float32) for _ in range(2))
    for axis in range(3):
        parts = displacements[..., axis], momenta[..., axis], slabs
        first = first_order_displacement(modes, slabs, 1.0, axis)
        _add(first, growth.first(a), growth.first_momentum(a), *parts)
        del first
        second = second_order_displacement(source, slabs, 1.0, axis)
        _add(second, -growth.second(a), -growth.second_momentum(a), *parts)
        del second
    return displacements, momenta


def _add(
    field: np.ndarray,
    growth: float,
    growth_of_momentum: float,
    displacement: np.ndarray,
    momentum: np.ndarray,
    slabs: Slabs,
) -> None:
    """Add a component, in place: times its growth to the displacement, and that of its momentum to the momentum."""

    def add(plane: int) -> None:
        displacement[plane] += np.float32(growth) * field[plane]
        momentum[plane] += np.float32(growth_of_momentum) * field[plane]

    in_threads(add, range(len(field)), slabs.threads)
