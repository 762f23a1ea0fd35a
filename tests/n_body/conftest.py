import numpy as np
import pytest

from halonet.grid.slabs import Slabs
from halonet.initial_conditions.density import linear_density
from halonet.n_body.forces import Gravity
from halonet.n_body.growth import Growth
from halonet.n_body.schedule import plan
from halonet.n_body.simulation import State, simulate
from halonet.n_body.start import start_particles
from halonet.settings import CosmologySettings, NBodySettings


@pytest.fixture(scope="session")
def cosmology():
    return CosmologySettings()


@pytest.fixture(scope="session")
def random_density(cosmology):
    """Linear density of today of 32^3 cells of 2 Mpc, of a power law about as rough as the real one."""
    k = np.geomspace(1e-3, 100, 50)
    return linear_density(Slabs(32), 11, 64.0, k, 400 * k**-1.5, cosmology)


@pytest.fixture(scope="session")
def run_simulation(cosmology):
    """Simulate a linear density of today; returns the state at the end, and those at snapshots by redshift."""

    def run(density, redshifts=(0.0,), threads=1, **settings):
        settings, slabs = NBodySettings(**settings), Slabs(len(density), threads=threads)
        state = State(*start_particles(density, slabs, Growth(cosmology), settings.start))
        snapshots = {}

        def keep(step, state):
            snapshots[step.snapshot] = State(state.displacements.copy(), state.momenta.copy())

        gravity = Gravity(slabs, settings.mesh)
        simulate(state, plan(cosmology, settings, list(redshifts)), gravity, keep)
        return state, snapshots

    return run
