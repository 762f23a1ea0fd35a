"""A mock by simulation: density -> particles -> friends of friends, traced back to the cells they came from.

What the other methods imitate. The particles are those of ``workflow_scripts/simulate_n_body.py``. There is no
checkpoint: for boxes of hours, use the workflow.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from halonet import console
from halonet.catalogue import HaloCatalogue
from halonet.cosmology import growth_factor
from halonet.friends_of_friends.haloes import find_haloes
from halonet.grid.slabs import Slabs
from halonet.mocks.box import MockBox
from halonet.mocks.request import MockRequest
from halonet.mpi import Communicator
from halonet.n_body.forces import Gravity
from halonet.n_body.growth import Growth
from halonet.n_body.schedule import plan
from halonet.n_body.simulation import State, simulate_to_end
from halonet.n_body.snapshots import comoving_fields, snapshot_header
from halonet.n_body.start import start_particles
from halonet.particles import Particles
from halonet.settings import NBodySettings

DECIDING = {"steps", "mesh", "start", "linking_length", "minimum_cells"}  # settings that decide the haloes


@dataclass(frozen=True)
class NBodyMock:
    """A mock by a particle-mesh simulation, as ``request`` says."""

    request: MockRequest

    @cached_property
    def box(self) -> MockBox:
        """The box; by default of the paper's cosmology and cells."""
        return MockBox(self.request)

    @cached_property
    def settings(self) -> NBodySettings:
        """A user's, else the defaults."""
        return self.request.n_body or NBodySettings()

    def make(self, communicator: Communicator | None = None) -> HaloCatalogue | None:
        """The catalogue on the first rank, None on the others; collective."""
        request, box, settings = self.request, self.box, self.settings
        schedule = plan(box.cosmology, settings, [box.cosmology.redshift])
        slabs = Slabs(box.cells, communicator, request.threads)
        with console.step(f"density of {box.cells}^3 cells"):
            density = box.density_slab(slabs)
        header = replace(box.header, provenance=box.provenance({"n_body": settings.model_dump(include=DECIDING)}))
        box.keep(header, slabs, density=density)
        density /= np.float32(growth_factor(box.cosmology, box.cosmology.redshift))
        state = State(*start_particles(density, slabs, Growth(box.cosmology), settings.start))
        del density
        track = iter if slabs.rank else lambda steps: console.progress(steps, "steps")
        step = simulate_to_end(state, schedule, Gravity(slabs, settings.mesh), track)
        fields = comoving_fields(step, state, header, overwrite=True)
        del state
        with console.step("haloes"):
            particles = Particles(*fields, snapshot_header(step, header, header.provenance), slabs.start)
            haloes, owners = find_haloes(particles, box.cosmology, settings, slabs=slabs)
        box.keep(header, slabs, mask=(owners >= 0).astype(np.uint8))
        return None if slabs.rank else haloes
