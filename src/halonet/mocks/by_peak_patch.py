"""A mock by Peak Patch: density -> peaks, collapse, exclusion and merging -> haloes where they are at the redshift.

The method needs no training and knows every cosmology and redshift. Its haloes are the truth that the shipped networks
imitate. The catalogue has the same bits for any number of ranks.
"""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from halonet import console
from halonet.catalogue import HaloCatalogue
from halonet.grid.slabs import Slabs
from halonet.mocks.request import MockBox, MockRequest
from halonet.mpi import Communicator
from halonet.peak_patch.collapse import CollapseTable, read_collapse_table, solve_collapse_table
from halonet.peak_patch.finder import find_haloes
from halonet.peak_patch.mask import halo_mask
from halonet.peak_patch.steps import SILENT, Progress
from halonet.settings import CosmologySettings, PeakPatchSettings


def fitting_settings(box_size_mpc: float) -> PeakPatchSettings:
    """The paper's settings, with the largest filter no larger than half of the box (side in Mpc), as it must be."""
    settings = PeakPatchSettings()
    largest = min(settings.filters.largest_mpc, box_size_mpc / 2)
    return settings.model_copy(update={"filters": settings.filters.model_copy(update={"largest_mpc": largest})})


def collapse_table(cosmology: CosmologySettings, kind: str, communicator: Communicator | None = None) -> CollapseTable:
    """Collapse table of a cosmology, solved once in a process: it takes seconds, and every redshift needs the same."""
    if communicator is not None:  # the ranks of a script, which makes one mock
        return solve_collapse_table(cosmology, kind, communicator=communicator)
    densities = cosmology.model_dump(include={"omega_b", "omega_cdm", "h"})
    return _solved(CosmologySettings(**densities), kind)


@lru_cache(maxsize=8)
def _solved(cosmology: CosmologySettings, kind: str) -> CollapseTable:
    return solve_collapse_table(cosmology, kind)


@dataclass(frozen=True)
class PeakPatchMock:
    """A mock by Peak Patch, as ``request`` says."""

    request: MockRequest

    @cached_property
    def box(self) -> MockBox:
        """The box; by default of the paper's cosmology and cells."""
        return MockBox(self.request)

    @cached_property
    def settings(self) -> PeakPatchSettings:
        """A user's, else the paper's, with filters that fit into the box."""
        return self.request.peak_patch or fitting_settings(self.box.header.box_size_mpc)

    def make(self, communicator: Communicator | None = None) -> HaloCatalogue | None:
        """The catalogue on the first rank, None on the others; collective."""
        request, box, settings = self.request, self.box, self.settings
        slabs = Slabs(box.cells, communicator, request.threads)
        if request.collapse_table:
            table = read_collapse_table(request.collapse_table, box.cosmology, settings.collapse_table)
        else:
            with console.step(f"collapse table ({settings.collapse_table})"):
                table = collapse_table(box.cosmology, settings.collapse_table, communicator)
        with console.step(f"density of {box.cells}^3 cells"):
            density = box.density_slab(slabs)
        header = replace(box.header, provenance=box.provenance({"peak_patch": settings.model_dump()}))
        box.keep(header, slabs, density=density)
        with console.step("haloes"):
            told = Progress(lambda filters: console.progress(filters, "filters"))
            progress = SILENT if slabs.rank else told
            haloes = find_haloes(density, slabs, box.cell_size, box.cosmology, settings, table, header, progress)
        if "mask" in request.keep:
            box.keep(header, slabs, mask=halo_mask(haloes, slabs))
        return None if slabs.rank else haloes
