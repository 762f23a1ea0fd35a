"""Channels from a short simulation of the box: densities and contraction where the particle of a cell ends."""

import numpy as np

from halonet import console
from halonet.dataset.channel_units import put
from halonet.grid.slabs import Slabs
from halonet.grid.threads import in_threads
from halonet.n_body.ends import Keep, where_particles_end
from halonet.settings import ChannelSettings, CosmologySettings, SettingsError

LOG_VIRIAL = float(np.log(18 * np.pi**2))  # of the density of a collapsed sphere over the mean, Einstein-de Sitter
LEAST_AROUND = np.float32(1 / 64)  # of the mean density: spheres of a mesh may be emptier than empty
ONE_POINT = 3.0  # contraction where neighbours end in one point


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
    assert settings.simulation is not None
    if cosmology is None:
        raise SettingsError(
            "channels.simulation: the cosmology and the redshift of the box are needed to simulate it; its density, or "
            "the normalisation of the network, names none"
        )
    with console.step(f"short simulation of {slabs.cells}^3 particles"):
        ends = where_particles_end(density, slabs, cosmology, settings.simulation, keep)
    first = settings.count - settings.CHANNELS_OF_SIMULATION

    def fill(plane: int) -> None:
        fields = (
            (np.log(ends.density[plane]), LOG_VIRIAL),
            (np.log(np.maximum(ends.around[plane], LEAST_AROUND)), LOG_VIRIAL),
            (ends.contraction[plane], ONE_POINT),
        )
        for channel, (field, unit) in enumerate(fields, first):
            put(field, unit, None if steps is None else steps[channel], channels[channel, plane])

    in_threads(fill, range(slabs.planes), slabs.threads)
