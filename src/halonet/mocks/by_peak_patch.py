"""A mock by Peak Patch: density -> peaks, collapse, exclusion and merging -> haloes where they are at the redshift.

The method needs no training and knows every cosmology and redshift. Its haloes are the truth that the shipped networks
imitate. The catalogue has the same bits for any number of ranks.
"""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np

from halonet import console
from halonet.catalogue import HaloCatalogue
from halonet.grid.slabs import Slabs
from halonet.mocks.box import MockBox
from halonet.mocks.expected_number import checked_patches
from halonet.mocks.request import MockRequest
from halonet.mpi import Communicator
from halonet.peak_patch.collapse import CollapseTable, read_collapse_table
from halonet.peak_patch.finder import find_haloes
from halonet.peak_patch.kept_tables import kept_collapse_table
from halonet.peak_patch.mask import halo_mask
from halonet.peak_patch.steps import SILENT, Progress, check_filters
from halonet.peak_patch.tile import find_tile
from halonet.settings import CosmologySettings, PeakPatchSettings, SettingsError
from halonet.storage import FieldHeader
from halonet.tiles_of_universes import TileOf


def fitting_settings(box_size_mpc: float, settings: PeakPatchSettings | None = None) -> PeakPatchSettings:
    """Settings, by default the paper's, with the largest filter no larger than half of the box (side in Mpc).

    Raises
    ------
    SettingsError
        If the settings name a largest filter of their own, which is larger.
    """
    settings = PeakPatchSettings() if settings is None else settings
    filters = settings.filters
    if "filters" in settings.model_fields_set and "largest_mpc" in filters.model_fields_set:
        check_filters(settings, box_size_mpc)
        return settings
    fitting = filters.model_copy(update={"largest_mpc": min(filters.largest_mpc, box_size_mpc / 2)})
    return settings.model_copy(update={"filters": fitting})


def collapse_table(cosmology: CosmologySettings, kind: str, communicator: Communicator | None = None) -> CollapseTable:
    """Collapse table of a cosmology, which every redshift shares; solved once, as it takes seconds."""
    if communicator is not None:  # the ranks of a script, which makes one mock
        return kept_collapse_table(cosmology, kind, communicator)
    densities = cosmology.model_dump(include={"omega_b", "omega_cdm", "h", "w0", "wa"})
    return _solved(CosmologySettings(**densities), kind)


@lru_cache(maxsize=8)
def _solved(cosmology: CosmologySettings, kind: str) -> CollapseTable:
    return kept_collapse_table(cosmology, kind)


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
        """A user's, else the paper's; a largest filter that no one has named fits into the box."""
        return fitting_settings(self.box.header.box_size_mpc, self.request.peak_patch)

    def table(self, communicator: Communicator | None = None) -> CollapseTable:
        """The collapse table that was given, or else solved here; collective."""
        kind = self.settings.collapse_table
        if self.request.collapse_table:
            return read_collapse_table(self.request.collapse_table, self.box.cosmology, kind)
        with console.step(f"collapse table ({kind})"):
            return collapse_table(self.box.cosmology, kind, communicator)

    def density(self, slabs: Slabs) -> np.ndarray:
        """This rank's planes of the density, which is kept where that is asked for; collective."""
        with console.step(f"density of {self.box.cells}^3 cells"):
            density = self.box.density_slab(slabs)
        self.box.keep(self.header, slabs, density=density)
        return density

    @cached_property
    def header(self) -> FieldHeader:
        """Box, cosmology, seed and provenance of the catalogue."""
        record = self.box.provenance({"peak_patch": self.settings.model_dump()})
        return replace(self.box.header, provenance=record)

    def make(self, communicator: Communicator | None = None) -> HaloCatalogue | None:
        """The catalogue on the first rank, None on the others; collective."""
        if self.request.universe is not None:
            return self._make_tile(communicator)
        box, settings, header = self.box, self.settings, self.header
        slabs = Slabs(box.cells, communicator, self.request.threads)
        table, density = self.table(communicator), self.density(slabs)
        with console.step("haloes"):
            told = Progress(lambda filters: console.progress(filters, "filters"))
            progress = SILENT if slabs.rank else told
            haloes = find_haloes(density, slabs, box.cell_size, box.cosmology, settings, table, header, progress)
        if self.request.density and slabs.rank == 0:  # cells of noise have the deviation of a density, and no haloes
            source, go_on = str(self.request.density), self.request.outside_validity
            haloes = checked_patches(haloes, settings, box.cosmology, source, go_on)
            header = haloes.header
        if "mask" in self.request.keep:
            box.keep(header, slabs, mask=halo_mask(haloes, slabs))
        return None if slabs.rank else haloes

    def _make_tile(self, communicator: Communicator | None) -> HaloCatalogue:
        """The catalogue of a tile of a universe; every tile is a process of its own."""
        if communicator is not None and communicator.size > 1:
            raise SettingsError(
                f"{communicator.size} MPI ranks; a tile of a universe is made by one process, with threads"
            )
        box, tile = self.box, TileOf(self.request.tile, self.request.of)
        table, universe = self.table(), box.universe()
        with console.step(f"tile of a universe of {box.cells}^3 cells"):
            told = Progress(lambda bricks: console.progress(bricks, "bricks"))
            place = tile.cells(box.cells)
            haloes = find_tile(universe, place, box.cosmology, self.settings, table, self.header, told)
        return replace(haloes, notes=haloes.notes | tile.note())
