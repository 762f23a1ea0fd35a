"""Peak Patch haloes of a linear density field: candidates, radii, merging, displacement, catalogue.

Peak Patch (Bond & Myers 1996, ApJS 103, 1, 41 and 63; Stein, Alvarez & Bond 2018, arXiv:1810.07727). The field is
periodic and may be distributed in slabs over MPI ranks; the catalogue is the same, bit for bit, on any number of ranks.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY, HaloCatalogue
from halonet.columns import COLUMNS
from halonet.cosmology import growth_factor, growth_rate, hubble_rate, mean_matter_density
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.displacement import (
    first_order_displacement,
    second_order_coefficient,
    second_order_displacement,
    second_order_source,
)
from halonet.peak_patch.candidates import filter_radii, find_candidates
from halonet.peak_patch.collapse import CollapseTable
from halonet.peak_patch.measurement import OUTER_START, Search, mean_within, measure, starting_shells
from halonet.peak_patch.merging import exclude, exclude_final_state, merging_order, reduce_overlaps
from halonet.peak_patch.patches import PROPERTIES, Patches
from halonet.peak_patch.sharing import Share, expected_costs, share_out
from halonet.peak_patch.sphere import Sphere, sphere
from halonet.settings import CosmologySettings, PeakPatchSettings, SettingsError
from halonet.storage import FieldHeader


class Progress(NamedTuple):
    """Wraps the iteration over filters, and is called with the name of each phase that is done."""

    filters: Callable[[Any], Any] = iter
    finished: Callable[[str], None] = lambda phase: None


SILENT = Progress()


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
    search = _search(slabs, cell_size, cosmology, settings, table)
    modes = slabs.forward(_today(density, cosmology))
    progress.finished("forward transform")
    found = find_candidates(modes, slabs, search.radii_mpc / cell_size, search.threshold, progress.filters)
    cells, filters = (slabs.gather(each) for each in found)
    progress.finished("smoothing and peaks")
    patches, first, share = _patches(density, modes, slabs, cells, filters, search, progress.finished)
    second = _second_order_means(modes, share, patches, search.sphere, cell_size)
    progress.finished("second-order displacement")
    header = header or FieldHeader(slabs.cells * cell_size, cosmology.redshift, cosmology.model_dump())
    catalogue = _catalogue(patches, first, second, search, settings, header, slabs)
    progress.finished("merging")
    return catalogue


def _search(
    slabs: Slabs, cell_size: float, cosmology: CosmologySettings, settings: PeakPatchSettings, table: CollapseTable
) -> Search:
    """How radii are searched for; a largest filter that does not fit into the box is refused."""
    box_size = slabs.cells * cell_size
    if 2 * settings.filters.largest_mpc > box_size * (1 + 1e-9):
        raise SettingsError(
            f"filters.largest_mpc = {settings.filters.largest_mpc} exceeds half of the box ({box_size / 2} Mpc); "
            "give a smaller largest filter"
        )
    radii_mpc = filter_radii(settings.filters, cell_size)
    ball = sphere(min(settings.largest_sphere_cells, int(OUTER_START * radii_mpc[-1] / cell_size)))
    return Search(radii_mpc, cell_size, ball, table, cosmology, settings.search)


def _today(density: np.ndarray, cosmology: CosmologySettings) -> np.ndarray:
    """The linear density extrapolated from the redshift to today."""
    growth = growth_factor(cosmology, cosmology.redshift)
    return density if growth == 1 else density / np.float32(growth)


def _patches(
    density: np.ndarray, modes: np.ndarray, slabs: Slabs, cells: np.ndarray, filters: np.ndarray, search: Search,
    finished: Callable[[str], None],
) -> tuple[Patches, np.ndarray, Share]:  # fmt: skip
    """Patches that exclude each other, and their mean first-order displacements (Mpc), shape (patches, 3)."""
    ball, cell_size = search.sphere, search.cell_size
    costs = expected_costs(starting_shells(search.radii_mpc, cell_size, ball), ball)
    share = share_out(cells, costs[filters], ball.reach, slabs)
    psi1 = _first_order(modes, share, cell_size)
    local_density = _today(share.fetch(density), search.cosmology)
    finished("first-order displacement")
    patches = _measure(local_density, psi1, share, cells, filters, search)
    del local_density
    finished("measurement")
    order = merging_order(patches.radii, patches.filters, patches.cells, slabs.cells)
    kept = exclude(_positions(patches.cells, slabs)[order], patches.radii[order], slabs.cells)
    patches = patches.select(np.sort(order[kept]))
    finished("exclusion")
    return patches, _means(psi1, share, patches, ball), share


def _positions(cells: np.ndarray, slabs: Slabs) -> np.ndarray:
    """Cell centres (cells), shape (cells, 3)."""
    return np.stack(np.unravel_index(cells, (slabs.cells,) * 3), axis=-1) + 0.5


def _first_order(modes: np.ndarray, share: Share, cell_size: float) -> np.ndarray:
    """First-order displacement (Mpc) today on this rank's share of planes, shape (planes, N, N, 3)."""
    psi = share.empty(3)
    for axis in range(3):
        share.fetch(first_order_displacement(modes, share.slabs, cell_size, axis), out=psi[..., axis])
    return psi


def _measure(
    density: np.ndarray, psi1: np.ndarray, share: Share, cells: np.ndarray, filters: np.ndarray, search: Search
) -> Patches:
    """Measure this rank's candidates and collect those that collapse from all ranks."""
    cells, filters, slabs = cells[share.rows], filters[share.rows], share.slabs
    found = measure(density, psi1, share.first_plane, cells, filters, search)
    # Radii on the lattice meet centres at exactly that distance: single precision decides as in the reference code.
    radii = found.radii.astype(np.float32).astype(np.float64)
    ranks = np.full(len(found.rows), slabs.rank)
    values = (cells[found.rows], filters[found.rows], found.shells, radii, found.properties, ranks)
    return Patches(*(slabs.gather(value) for value in values))


def _means(field: np.ndarray, share: Share, patches: Patches, ball: Sphere) -> np.ndarray:
    """Mean of a field within every patch, from whoever measured it; shape (patches, components)."""
    mine = patches.ranks == share.slabs.rank
    means = mean_within(field, share.first_plane, patches.cells[mine], patches.shells[mine], ball)
    return share.slabs.gather(means)


def _second_order_means(
    modes: np.ndarray, share: Share, patches: Patches, ball: Sphere, cell_size: float
) -> np.ndarray:
    """Mean raw second-order displacement (Mpc) of every patch, one component at a time to save memory."""
    source = share.slabs.forward(second_order_source(modes, share.slabs))
    means = []
    for axis in range(3):
        component = share.fetch(second_order_displacement(source, share.slabs, cell_size, axis))
        means.append(_means(component[..., None], share, patches, ball))
    return np.concatenate(means, axis=1)


def _catalogue(
    patches: Patches,
    first: np.ndarray,
    second: np.ndarray,
    search: Search,
    settings: PeakPatchSettings,
    header: FieldHeader,
    slabs: Slabs,
) -> HaloCatalogue:
    """Overlap reduction, final-state exclusion, and all columns."""
    cell_size, cosmology = search.cell_size, search.cosmology
    order = merging_order(patches.radii, patches.filters, patches.cells, slabs.cells)
    patches, first, second = patches.select(order), first[order], second[order]
    redshift, growth = cosmology.redshift, growth_factor(cosmology, cosmology.redshift)
    psi1 = growth * first
    psi2 = second_order_coefficient(cosmology, redshift) * growth**2 * second
    centres = _positions(patches.cells, slabs)

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
        **_vector(LAGRANGIAN, centres * cell_size),
        **_vector(EULERIAN, eulerian * cell_size),
        **_vector(VELOCITY, rate * (psi1 + 2 * psi2 if settings.positions == "second_order" else psi1)),
        **_vector(("psi1_x", "psi1_y", "psi1_z"), psi1),
        **_vector(("psi2_x", "psi2_y", "psi2_z"), psi2),
    }
    catalogue = HaloCatalogue(_typed(columns, header.box_size_mpc), header, slabs.cells)
    return catalogue.select(kept).sorted_by_mass()


def _vector(names: tuple[str, str, str], values: np.ndarray) -> dict[str, np.ndarray]:
    return dict(zip(names, values.T, strict=True))


def _typed(columns: dict[str, np.ndarray], box_size: float) -> dict[str, np.ndarray]:
    """Columns in their dtype; a position that rounds up to the side of the box is at 0."""
    typed = {name: np.ascontiguousarray(values, COLUMNS[name].dtype) for name, values in columns.items()}
    for name in (*LAGRANGIAN, *EULERIAN):
        typed[name][typed[name] >= box_size] = 0
    return typed
