"""Start of the particles by second-order Lagrangian perturbation theory: exact, or quick for short simulations."""

import numpy as np

from halonet.grid.slabs import Slabs
from halonet.grid.threads import in_threads
from halonet.initial_conditions.displacement import (
    first_order_displacement,
    second_order_displacement,
    second_order_source,
)
from halonet.n_body.differences import potential, put_plane, second_order_source_by_differences
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


def start_particles_quickly(
    density: np.ndarray, slabs: Slabs, growth: Growth, a: float
) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`start_particles`, with seven transforms in place of fourteen; collective.

    First order is exact, second order that of :mod:`halonet.n_body.differences`.
    """
    modes = slabs.forward(density)
    source = second_order_source_by_differences(potential(modes.copy(), slabs), slabs)
    second = potential(slabs.forward(source), slabs)
    del source
    displacements, momenta = (np.empty((*slabs.shape, 3), np.float32) for _ in range(2))
    growths = [growth.first(a), growth.second(a), growth.first_momentum(a), growth.second_momentum(a)]
    factors = np.array(growths, np.float32)
    for axis in range(3):
        first = first_order_displacement(modes, slabs, 1.0, axis)

        def put(plane: int, axis: int = axis, first: np.ndarray = first) -> None:
            around = second[plane : plane + 5]
            put_plane(first[plane], around, axis, factors, displacements[plane], momenta[plane])

        in_threads(put, range(slabs.planes), slabs.threads)
        del first, put  # which holds the field, too
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
