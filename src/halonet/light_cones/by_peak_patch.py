"""A light cone by Peak Patch: every peak collapses by the redshift at which it is seen."""

from dataclasses import dataclass
from functools import cached_property

from halonet import console
from halonet.grid.slabs import Slabs
from halonet.light_cones.request import LightConeRequest
from halonet.mocks.box import MockBox
from halonet.mocks.by_peak_patch import PeakPatchMock
from halonet.mpi import Communicator
from halonet.peak_patch.light_cone import Sight, find_light_cone
from halonet.peak_patch.steps import SILENT, Progress
from halonet.sky.catalogue import LightConeCatalogue


@dataclass(frozen=True)
class PeakPatchLightCone:
    """A light cone by Peak Patch, as ``request`` says."""

    request: LightConeRequest

    @cached_property
    def mock(self) -> PeakPatchMock:
        """The box that is repeated, with the settings of Peak Patch."""
        return PeakPatchMock(self.request.box)

    @property
    def box(self) -> MockBox:
        """Header, cosmology and density of the box that is repeated."""
        return self.mock.box

    def make(self, communicator: Communicator | None = None) -> LightConeCatalogue | None:
        """The catalogue on the first rank, None on the others; collective."""
        box, settings, request = self.box, self.mock.settings, self.request
        slabs = Slabs(box.cells, communicator, request.box.threads)
        table, density = self.mock.table(communicator), self.mock.density(slabs)
        epochs = request.epochs(box)
        sight = Sight(
            request.observer(box.header.box_size_mpc), request.region(epochs), epochs, request.settings.margin_mpc
        )
        with console.step("light cone"):
            told = Progress(lambda filters: console.progress(filters, "filters"))
            progress = SILENT if slabs.rank else told
            columns = find_light_cone(density, slabs, box.cell_size, box.cosmology, settings, table, sight, progress)
        if slabs.rank:
            return None
        header = request.header(box, {"peak_patch": settings.model_dump()})
        notes = {"method": "peak_patch", "grid_cells": box.cells, "minimum_cells": settings.minimum_cells}
        return LightConeCatalogue(columns, header, request.settings, notes).nearest_first()
