"""Start of the particles by second-order Lagrangian perturbation theory."""

import numpy as np

from halonet.grid.slabs import Slabs
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
    displacements = np.empty((*slabs.shape, 3), np.float32)
    momenta = np.empty_like(displacements)
    modes = slabs.forward(density)
    for axis in range(3):
        first = first_order_displacement(modes, slabs, 1.0, axis)
        np.multiply(first, np.float32(growth.first(a)), out=displacements[..., axis])
        np.multiply(first, np.float32(growth.first_momentum(a)), out=momenta[..., axis])
    source = slabs.forward(second_order_source(modes, slabs))
    del modes, first
    for axis in range(3):
        second = second_order_displacement(source, slabs, 1.0, axis)
        displacements[..., axis] -= np.float32(growth.second(a)) * second
        momenta[..., axis] -= np.float32(growth.second_momentum(a)) * second
    return displacements, momenta
