"""Peak Patch haloes of a linear density field: candidates, radii, merging, displacement, catalogue.

Peak Patch (Bond & Myers 1996, ApJS 103, 1, 41 and 63; Stein, Alvarez & Bond 2018, arXiv:1810.07727). The field is
periodic and may be distributed in slabs over MPI ranks; the catalogue is the same, bit for bit, on any number of ranks.
"""

from collections.abc import Callable

import numpy as np

from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY, HaloCatalogue
from halonet.columns import COLUMNS
from halonet.cosmology import growth_factor, growth_rate, hubble_rate, mean_matter_density
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.displacement import second_order_coefficient
from halonet.peak_patch.candidates import find_candidates
from halonet.peak_patch.collapse import CollapseTable
from halonet.peak_patch.measurement import Search, measure, starting_shells
from halonet.peak_patch.merging import exclude, exclude_final_state, merging_order, reduce_overlaps
from halonet.peak_patch.patches import PROPERTIES, Patches
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
    vector_columns,
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
    cell_size = search.cell_size
    order = merging_order(patches.radii, patches.filters, patches.cells, slabs.cells)
    patches, first, second = patches.select(order), *(mean[order] for mean in means)
    redshift, growth = cosmology.redshift, growth_factor(cosmology, cosmology.redshift)
    psi1 = growth * first
    psi2 = second_order_coefficient(cosmology, redshift) * growth**2 * second
    centres = cell_centres(patches.cells, slabs)

    def moved(order: str) -> np.ndarray:
        shift = psi1 + psi2 if order == "second_order" else psi1
        return np.mod(centres + shift / cell_size, slabs.cells)

    eulerian = moved(settings.positions)
    radii = reduce_overlaps(centres, patches.radii, settings.reduction, slabs.cells)
    kept = radii > 0
    if settings.final_state_exclusion is not None:
        meeting = moved(settings.exclusion_positions)
        kept &= exclude_final_state(meeting, patches.radii, settings.final_state_exclusion, slabs.cells)
    cells = 4 / 3 * np.pi * radii**3
    kept &= cells >= settings.minimum_cells
    rate = hubble_rate(cosmology, redshift) / (1 + redshift) * growth_rate(cosmology, redshift)
    columns = {
        "radius": radii * cell_size,
        "mass": mean_matter_density(cosmology) * cells * cell_size**3,
        "cells": cells,
        "raw_radius": patches.radii * cell_size,
        "filter_radius": search.radii_mpc[patches.filters],
        **dict(zip(PROPERTIES, patches.properties.T, strict=True)),
        **vector_columns(LAGRANGIAN, centres * cell_size),
        **vector_columns(EULERIAN, eulerian * cell_size),
        **vector_columns(VELOCITY, rate * (psi1 + 2 * psi2 if settings.positions == "second_order" else psi1)),
        **vector_columns(("psi1_x", "psi1_y", "psi1_z"), psi1),
        **vector_columns(("psi2_x", "psi2_y", "psi2_z"), psi2),
    }
    catalogue = HaloCatalogue(_typed(columns, header.box_size_mpc), header, slabs.cells)
    return catalogue.select(kept).sorted_by_mass()


def _typed(columns: dict[str, np.ndarray], box_size: float) -> dict[str, np.ndarray]:
    """Columns in their dtype; a position that rounds up to the side of the box is at 0."""
    typed = {name: np.ascontiguousarray(values, COLUMNS[name].dtype) for name, values in columns.items()}
    for name in (*LAGRANGIAN, *EULERIAN):
        typed[name][typed[name] >= box_size] = 0
    return typed
