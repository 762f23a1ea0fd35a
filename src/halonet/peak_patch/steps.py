"""Steps that a search of Peak Patch takes, in a box or along a light cone: fields, and their means within patches."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from halonet.cosmology import growth_factor
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.displacement import (
    first_order_displacement,
    second_order_displacement,
    second_order_source,
)
from halonet.peak_patch.candidates import filter_radii
from halonet.peak_patch.collapse import CollapseTable
from halonet.peak_patch.measurement import OUTER_START, Search, mean_within
from halonet.peak_patch.patches import Patches
from halonet.peak_patch.sharing import Share
from halonet.peak_patch.sphere import Sphere, sphere
from halonet.settings import CosmologySettings, PeakPatchSettings, SettingsError


class Progress(NamedTuple):
    """Wraps the iteration over filters, and is called with the name of each phase that is done."""

    filters: Callable[[Any], Any] = iter
    finished: Callable[[str], None] = lambda phase: None


SILENT = Progress()


def search_of(slabs: Slabs, cell_size: float, settings: PeakPatchSettings, table: CollapseTable) -> Search:
    """How radii are searched for; a largest filter that does not fit into the box is refused."""
    check_filters(settings, slabs.cells * cell_size)
    radii_mpc = filter_radii(settings.filters, cell_size)
    ball = sphere(min(settings.largest_sphere_cells, int(OUTER_START * radii_mpc[-1] / cell_size)))
    return Search(radii_mpc, cell_size, ball, table, settings.search)


def check_filters(settings: PeakPatchSettings, box_size: float) -> None:
    """Refuse a largest filter that does not fit into the box (side in Mpc)."""
    if 2 * settings.filters.largest_mpc > box_size * (1 + 1e-9):
        raise SettingsError(
            f"filters.largest_mpc = {settings.filters.largest_mpc} exceeds half of the box ({box_size / 2} Mpc); "
            "give a smaller largest filter"
        )


def today(density: np.ndarray, cosmology: CosmologySettings) -> np.ndarray:
    """The linear density extrapolated from the redshift to today."""
    growth = growth_factor(cosmology, cosmology.redshift)
    return density if growth == 1 else density / np.float32(growth)


def cell_centres(cells: np.ndarray, slabs: Slabs) -> np.ndarray:
    """Cell centres (cells), shape (cells, 3)."""
    return np.stack(np.unravel_index(cells, (slabs.cells,) * 3), axis=-1) + 0.5


def first_order(modes: np.ndarray, share: Share, cell_size: float) -> np.ndarray:
    """First-order displacement (Mpc) today on this rank's share of planes, shape (planes, N, N, 3)."""
    psi = share.empty(3)
    for axis in range(3):
        share.fetch(first_order_displacement(modes, share.slabs, cell_size, axis), out=psi[..., axis])
    return psi


def means_within(field: np.ndarray, share: Share, patches: Patches, ball: Sphere) -> np.ndarray:
    """Mean of a field within every patch, from whoever measured it; shape (patches, components); collective."""
    mine = patches.ranks == share.slabs.rank
    means = mean_within(field, share.first_plane, patches.cells[mine], patches.shells[mine], ball)
    return share.slabs.gather(means)


def second_order_means(modes: np.ndarray, share: Share, patches: Patches, ball: Sphere, cell_size: float) -> np.ndarray:
    """Mean raw second-order displacement (Mpc) of every patch, one component at a time to save memory."""
    source = share.slabs.forward(second_order_source(modes, share.slabs))
    means = []
    for axis in range(3):
        component = share.fetch(second_order_displacement(source, share.slabs, cell_size, axis))
        means.append(means_within(component[..., None], share, patches, ball))
    return np.concatenate(means, axis=1)


def vector_columns(names: tuple[str, str, str], values: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of the components of a vector, shape (patches, 3)."""
    return dict(zip(names, values.T, strict=True))
