"""Peak Patch along a light cone: every image of a peak collapses, or not, at the redshift at which it is seen.

The redshift of a candidate is that of the distance of its Lagrangian centre. Its halo is then moved to where it crosses
the light cone. The same bits for any number of ranks and threads.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from halonet.grid.slabs import Slabs
from halonet.peak_patch.candidates import Peaks, find_peaks
from halonet.peak_patch.collapse import CollapseTable
from halonet.peak_patch.images import Candidates, Images, by_cell
from halonet.peak_patch.measurement import Search, measure, starting_shells
from halonet.peak_patch.merging import order_of
from halonet.peak_patch.open_merging import DEAD, exclude_within
from halonet.peak_patch.seen_haloes import Border, SeenPatches, haloes_of
from halonet.peak_patch.sharing import Share, expected_costs, share_out
from halonet.peak_patch.steps import SILENT, Progress, first_order, means_within, search_of, second_order_means, today
from halonet.settings import CosmologySettings, PeakPatchSettings, SettingsError
from halonet.sky.epochs import Epochs
from halonet.sky.region import Region

LARGEST_MARGIN = 250.0  # Mpc; twice what clusters and displacements of any box need
BEYOND_FIRST_ORDER = 1.2  # how much farther a halo moves than the largest displacement of first order, at most
CELLS_AT_ONCE = 20_000  # of candidates, in a task of a thread


class Sight(NamedTuple):
    """Who looks at a periodic box, and at what: his position from its corner (Mpc), region, epochs, margin (Mpc)."""

    observer: np.ndarray
    region: Region
    epochs: Epochs
    margin: float | None = None


@dataclass(frozen=True)
class Fields:
    """What candidates are measured on: density and displacement on this rank's share of planes, and the method."""

    density: np.ndarray
    displacement: np.ndarray
    share: Share
    search: Search


def find_light_cone(
    density: np.ndarray,
    slabs: Slabs,
    cell_size: float,
    cosmology: CosmologySettings,
    settings: PeakPatchSettings,
    table: CollapseTable,
    sight: Sight,
    progress: Progress = SILENT,
) -> dict[str, np.ndarray]:
    """Columns of the haloes that an observer sees, in no order that means anything; collective.

    Parameters
    ----------
    density
        This rank's planes of the linear density, extrapolated to ``cosmology.redshift``, shape (N / ranks, N, N).
    cell_size
        Side of a cell (Mpc).
    table
        Collapse table of this cosmology; one serves all redshifts.
    sight
        Observer and region.

    Raises
    ------
    SettingsError
        If a filter does not fit into the box, or the margin is too small to decide on the haloes at the borders.
    """
    search = search_of(slabs, cell_size, settings, table)
    modes = slabs.forward(today(density, cosmology))
    progress.finished("forward transform")
    lowest = float(sight.epochs.redshift(np.array([max(sight.region.nearest - LARGEST_MARGIN, 0.0)]))[0])
    peaks = find_peaks(modes, slabs, search.radii_mpc / cell_size, table.threshold(lowest), progress.filters)
    candidates = by_cell(Peaks(*(slabs.gather(each) for each in peaks)))
    progress.finished("smoothing and peaks")
    fields = _fields(density, modes, slabs, candidates, search, cosmology)
    progress.finished("first-order displacement")
    border = _border(fields, candidates, sight, lowest)
    images = Images(slabs.cells, cell_size, sight.observer, sight.region, border.margin)
    patches = _measured(fields, candidates, images, sight.epochs)
    progress.finished("measurement")
    patches, states = _surviving(patches, images, border)
    progress.finished("exclusion")
    share, first = fields.share, means_within(fields.displacement, fields.share, patches, search.sphere)
    del fields
    second = second_order_means(modes, share, patches, search.sphere, cell_size)
    progress.finished("second-order displacement")
    columns = haloes_of(patches, states, (first, second), images, border, sight.epochs, settings)
    progress.finished("merging")
    return columns


def _fields(
    density: np.ndarray, modes: np.ndarray, slabs: Slabs, candidates: Candidates, search: Search,
    cosmology: CosmologySettings,
) -> Fields:  # fmt: skip
    """What this rank needs of density and displacement."""
    ball = search.sphere
    costs = expected_costs(starting_shells(search.radii_mpc, search.cell_size, ball), ball)
    share = share_out(candidates.cells, costs[candidates.filters[candidates.starts[:-1]]], ball.reach, slabs)
    return Fields(today(share.fetch(density), cosmology), first_order(modes, share, search.cell_size), share, search)


def _border(fields: Fields, candidates: Candidates, sight: Sight, lowest: float) -> Border:
    """How far patches reach and move at the lowest redshift, and the margin that follows from it."""
    share, search = fields.share, fields.search
    mine = candidates.select(share.rows)
    redshifts = np.full(len(mine.cells), lowest)
    filters = mine.filters[mine.starts[:-1]]
    found = measure(fields.density, fields.displacement, share.first_plane, mine.cells, filters, redshifts, search)
    largest = found.radii.max(initial=0.0) * search.cell_size
    farthest = max((float((plane.astype(float) ** 2).sum(axis=-1).max()) for plane in fields.displacement), default=0.0)
    largest, farthest = share.slabs.gather(np.array([[largest, farthest**0.5]])).max(axis=0)
    shift = BEYOND_FIRST_ORDER * farthest * float(sight.epochs.growth(np.array([lowest]))[0])
    needed = shift + 3 * largest
    margin = sight.margin or min(needed, LARGEST_MARGIN)
    if margin > LARGEST_MARGIN:
        raise SettingsError(f"light_cone.margin_mpc = {margin:g}; no more than {LARGEST_MARGIN:g} Mpc are searched")
    return Border(margin, float(largest), shift)


def _measured(fields: Fields, candidates: Candidates, images: Images, epochs: Epochs) -> SeenPatches:
    """Measure this rank's candidates in all images, and collect those that collapse from all ranks."""
    share, search = fields.share, fields.search
    mine = candidates.select(share.rows)

    def found_among(start: int) -> tuple[np.ndarray, ...]:
        part = mine.select(slice(start, min(start + CELLS_AT_ONCE, len(mine.cells))))
        seen = images.seen(part, epochs, search.table)
        cells = part.cells[seen.rows]
        found = measure(
            fields.density, fields.displacement, share.first_plane, cells, seen.filters, seen.redshifts, search
        )
        ranks, shells = np.full(len(found.rows), share.slabs.rank, np.int32), found.shells.astype(np.int32)
        filters, properties = seen.filters[found.rows].astype(np.int16), found.properties.astype(np.float32)
        images_of = seen.images[found.rows].astype(np.int32)
        return cells[found.rows], filters, shells, found.radii, properties, ranks, images_of

    starts = list(range(0, max(len(mine.cells), 1), CELLS_AT_ONCE))
    parts = [found_among(starts[0])]  # compiles, which threads must not do at the same time
    with ThreadPoolExecutor(share.slabs.threads) as pool:
        parts += pool.map(found_among, starts[1:])
    return SeenPatches(*(share.slabs.gather(np.concatenate(values)) for values in zip(*parts, strict=True)))


def _surviving(patches: SeenPatches, images: Images, border: Border) -> tuple[SeenPatches, np.ndarray]:
    """Patches that are not known to be excluded, in the order of the input, with what is known of each."""
    lattice = images.lattice(patches.cells, patches.images)
    order = order_of(patches.radii, patches.filters, lattice)
    undecided = images.region.outside(images.from_observer(lattice)) + border.largest > border.margin
    states = exclude_within(lattice[order] + 0.5, patches.radii[order], None, undecided[order])
    kept = np.sort(order[states != DEAD])
    of_row = np.empty_like(states)
    of_row[order] = states
    return patches.select(kept), of_row[kept]
