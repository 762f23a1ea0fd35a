"""Where a short simulation carries the particle of every cell: how dense it is there, and how far its cell contracts.

All belong to the cell that the particle started in. A halo is where matter from many cells ends in one place: the
density is high there and the displacements of neighbours differ by their distance. Perturbation theory from the initial
density does not know this well, since it carries matter through each other; a few steps of a simulation do.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from halonet import heap
from halonet.grid.slabs import Slabs
from halonet.n_body.deformation import Deformation, deformation
from halonet.n_body.forces import Gravity
from halonet.n_body.schedule import Step, plan
from halonet.n_body.short import drift_to_end
from halonet.n_body.simulation import State
from halonet.settings import CosmologySettings, ShortSimulationSettings

BYTES_PER_CELL = 45  # at most, the density among them; what is kept of particles comes on top

Keep = Callable[[Step, State, Gravity], object]


class Ends(NamedTuple):
    """Fields of the cells that particles started in, float32 of shape (N / ranks, N, N).

    Attributes
    ----------
    density
        1 + delta of clouds in cells, read out with the cloud of the particle: at least 1/8, which is its own part.
    around
        1 + delta so read out of the mean over a sphere: how much matter there is, a halo's mass where it is smaller.
    deformation
        Of cells by the displacement in Lagrangian space (Neyrinck 2013, MNRAS 428, 141, has its contraction).
    """

    density: np.ndarray
    around: np.ndarray
    deformation: Deformation


def where_particles_end(
    linear: np.ndarray,
    slabs: Slabs,
    cosmology: CosmologySettings,
    settings: ShortSimulationSettings,
    keep: Keep | None = None,
) -> Ends:
    """Density and contraction where particles end, by the cells they started in; collective.

    Parameters
    ----------
    linear
        Linear density extrapolated to the redshift of the cosmology, float32: this rank's planes, (N / ranks, N, N).
    keep
        Gets the last step, the particles and their gravity before the last force
        (:func:`halonet.n_body.short.drift_to_end`). It may change momenta, and must leave displacements.
    """
    schedule, gravity = plan(cosmology, settings, [cosmology.redshift]), Gravity(slabs, refinement=1)
    step, state = drift_to_end(linear, slabs, cosmology, schedule, gravity)
    if keep is not None:
        keep(step, state, gravity)
    displacements = state.displacements
    del state
    heap.give_back()  # the momenta
    density, around = np.empty((2, *slabs.shape), np.float32)
    gravity.to_contrast(displacements)
    gravity.read_densities(displacements, density)
    gravity.mesh.smooth(settings.around_cells)
    gravity.read_densities(displacements, around)
    del gravity
    return Ends(density, around, deformation(displacements, slabs))
