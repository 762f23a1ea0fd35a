"""Channels from a short simulation of the box: densities where the particle of a cell ends, and its deformation.

Those of motion are ln(stretch + 0.1) / 2 and arcsinh(volume) / 2 of the cell (:mod:`halonet.n_body.deformation`), and
arcsinh(infall) / 2: half a step before the end it contracts as fast as linear theory today would contract it by
``infall``.
"""

import numpy as np

from halonet import console
from halonet.dataset.channel_units import put
from halonet.grid.slabs import Slabs
from halonet.grid.threads import in_threads
from halonet.n_body.deformation import Deformation, deform
from halonet.n_body.ends import Keep, where_particles_end
from halonet.n_body.forces import Gravity
from halonet.n_body.growth import Growth
from halonet.n_body.schedule import Step
from halonet.n_body.simulation import State
from halonet.settings import ChannelSettings, CosmologySettings, SettingsError

LOG_VIRIAL = float(np.log(18 * np.pi**2))  # of the density of a collapsed sphere over the mean, Einstein-de Sitter
LEAST_AROUND = np.float32(1 / 64)  # of the mean density: spheres of a mesh may be emptier than empty
ONE_POINT = 3.0  # contraction where neighbours end in one point
LEAST_STRETCH, LOG_STRETCHED = np.float32(0.1), 2.0  # no logarithm of 0; stretched by a factor of e


def fill_simulated(
    density: np.ndarray,
    settings: ChannelSettings,
    channels: np.ndarray,
    slabs: Slabs,
    steps: np.ndarray | None,
    cosmology: CosmologySettings | None,
    keep: Keep | None,
) -> None:
    """Fill the channels of a simulation, the last ones; collective."""
    simulation = settings.simulation
    assert simulation is not None
    if cosmology is None:
        raise SettingsError(
            "channels.simulation: the cosmology and the redshift of the box are needed to simulate it; its density, or "
            "the normalisation of the network, names none"
        )
    first, growth = settings.count - simulation.count, Growth(cosmology)

    def fill(plane: int, field: np.ndarray, unit: float, channel: int) -> None:
        put(field, unit, None if steps is None else steps[channel], channels[channel, plane])

    def take_momenta(step: Step, state: State, gravity: Gravity) -> None:
        linear = np.float32(growth.first(step.a) / growth.first_momentum(step.a))

        def take(plane: int, found: Deformation) -> None:
            fill(plane, np.arcsinh(linear * found.contraction), LOG_STRETCHED, first + 5)

        if simulation.motion:
            deform(state.momenta, slabs, take)
        if keep is not None:
            keep(step, state, gravity)

    with console.step(f"short simulation of {slabs.cells}^3 particles"):
        ends = where_particles_end(density, slabs, cosmology, simulation, take_momenta)

    def fill_all(plane: int) -> None:
        fill(plane, np.log(ends.density[plane]), LOG_VIRIAL, first)
        fill(plane, np.log(np.maximum(ends.around[plane], LEAST_AROUND)), LOG_VIRIAL, first + 1)
        contraction, stretch, volume = (field[plane] for field in ends.deformation)
        fill(plane, contraction, ONE_POINT, first + 2)
        if simulation.motion:
            fill(plane, np.log(stretch + LEAST_STRETCH), LOG_STRETCHED, first + 3)
            fill(plane, np.arcsinh(volume), LOG_STRETCHED, first + 4)

    in_threads(fill_all, range(slabs.planes), slabs.threads)
