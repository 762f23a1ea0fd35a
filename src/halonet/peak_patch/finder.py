"""Peak Patch haloes of a linear density field: candidates, radii, merging, displacement, catalogue.

Peak Patch (Bond & Myers 1996, ApJS 103, 1, 41 and 63; Stein, Alvarez & Bond 2018, arXiv:1810.07727). The field is
periodic and may be distributed in slabs over MPI ranks; the catalogue is the same, bit for bit, on any number of ranks.
"""

from collections.abc import Callable

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.grid.slabs import Slabs
from halonet.peak_patch.candidates import find_candidates
from halonet.peak_patch.collapse import CollapseTable
from halonet.peak_patch.displaced import Displaced, catalogue_of
from halonet.peak_patch.measurement import Search, measure, starting_shells
from halonet.peak_patch.merging import exclude, exclude_final_state, merging_order, reduce_overlaps
from halonet.peak_patch.patches import Patches
from halonet.peak_patch.sharing import Share, expected_costs, share_out
from halonet.peak_patch.steps import (
    SILENT,
    Progress,
    cell_centres,
    first_order,
    means_within,
    search_of,
    second_order_means,
    today,
)
from halonet.settings import CosmologySettings, PeakPatchSettings
from halonet.storage import FieldHeader


def find_haloes(
    density: np.ndarray,
    slabs: Slabs,
    cell_size: float,
    cosmology: CosmologySettings,
    settings: PeakPatchSettings,
    table: CollapseTable,
    header: FieldHeader | None = None,
    progress: Progress = SILENT,
) -> HaloCatalogue:
    """Find the haloes of a periodic box, sorted by mass, the same on every rank; collective.

    Parameters
    ----------
    density
        This rank's planes of the linear density, extrapolated to ``cosmology.redshift``, shape (N / ranks, N, N).
    slabs
        Distribution of the grid over ranks.
    cell_size
        Side of a cell (Mpc).
    table
        Collapse table of this cosmology.
    header
        Header of the catalogue; by default box, redshift and cosmology.
    progress
        How the caller follows the search.

    Raises
    ------
    SettingsError
        If the largest filter exceeds half of the box.
    """
    search = search_of(slabs, cell_size, settings, table)
    modes = slabs.forward(today(density, cosmology))
    progress.finished("forward transform")
    threshold = table.threshold(cosmology.redshift)
    found = find_candidates(modes, slabs, search.radii_mpc / cell_size, threshold, progress.filters)
    candidates = tuple(slabs.gather(each) for each in found)
    progress.finished("smoothing and peaks")
    patches, first, share = _patches(density, modes, slabs, candidates, search, cosmology, progress.finished)
    second = second_order_means(modes, share, patches, search.sphere, cell_size)
    progress.finished("second-order displacement")
    header = header or FieldHeader(slabs.cells * cell_size, cosmology.redshift, cosmology.model_dump())
    catalogue = _catalogue(patches, (first, second), search, settings, cosmology, header, slabs)
    progress.finished("merging")
    return catalogue


def _patches(
    density: np.ndarray, modes: np.ndarray, slabs: Slabs, candidates: tuple[np.ndarray, ...], search: Search,
    cosmology: CosmologySettings, finished: Callable[[str], None],
) -> tuple[Patches, np.ndarray, Share]:  # fmt: skip
    """Patches that exclude each other, and their mean first-order displacements (Mpc), shape (patches, 3)."""
    (cells, filters), ball, cell_size = candidates, search.sphere, search.cell_size
    costs = expected_costs(starting_shells(search.radii_mpc, cell_size, ball), ball)
    share = share_out(cells, costs[filters], ball.reach, slabs)
    psi1 = first_order(modes, share, cell_size)
    local_density = today(share.fetch(density), cosmology)
    finished("first-order displacement")
    patches = _measured(local_density, psi1, share, candidates, search, cosmology.redshift)
    del local_density
    finished("measurement")
    order = merging_order(patches.radii, patches.filters, patches.cells, slabs.cells)
    kept = exclude(cell_centres(patches.cells, slabs)[order], patches.radii[order], slabs.cells)
    patches = patches.select(np.sort(order[kept]))
    finished("exclusion")
    return patches, means_within(psi1, share, patches, ball), share


def _measured(
    density: np.ndarray, psi1: np.ndarray, share: Share, candidates: tuple[np.ndarray, ...], search: Search,
    redshift: float,
) -> Patches:  # fmt: skip
    """Measure this rank's candidates and collect those that collapse from all ranks."""
    cells, filters = (each[share.rows] for each in candidates)
    found = measure(density, psi1, share.first_plane, cells, filters, np.full(len(cells), redshift), search)
    ranks = np.full(len(found.rows), share.slabs.rank)
    values = (cells[found.rows], filters[found.rows], found.shells, found.radii, found.properties, ranks)
    return Patches(*(share.slabs.gather(value) for value in values))


def _catalogue(
    patches: Patches,
    means: tuple[np.ndarray, np.ndarray],
    search: Search,
    settings: PeakPatchSettings,
    cosmology: CosmologySettings,
    header: FieldHeader,
    slabs: Slabs,
) -> HaloCatalogue:
    """Overlap reduction, final-state exclusion, and all columns."""
    order = merging_order(patches.radii, patches.filters, patches.cells, slabs.cells)
    first, second = (mean[order] for mean in means)
    patches = patches.select(order)
    centres = cell_centres(patches.cells, slabs)
    moving = Displaced.by((first, second), patches, centres, search.cell_size, cosmology)
    radii = reduce_overlaps(centres, patches.radii, settings.reduction, slabs.cells)
    kept = radii > 0
    if settings.final_state_exclusion is not None:
        meeting = np.mod(centres + moving.shifts(settings.exclusion_positions), slabs.cells)
        kept &= exclude_final_state(meeting, patches.radii, settings.final_state_exclusion, slabs.cells)
    kept &= 4 / 3 * np.pi * radii**3 >= settings.minimum_cells
    catalogue = catalogue_of(moving, radii, settings.positions, search, cosmology, header, slabs.cells)
    return catalogue.select(kept).sorted_by_mass()
