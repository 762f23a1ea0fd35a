"""Peak Patch in a tile of a universe: the haloes whose Lagrangian centre lies in it, whatever else is searched.

Fields and candidates come in bricks, always computed alike. The candidates of the tile and of a margin around it are
measured. Whether a patch survives hangs on larger ones around it: within the margin it is settled as along the borders
of a light cone (:mod:`halonet.peak_patch.open_merging`), and where it cannot be, with a wider margin. So the haloes of
all tiles together are those of one tile that is the whole universe, bit for bit.
"""

from typing import NamedTuple

import numpy as np

from halonet import console
from halonet.catalogue import HaloCatalogue
from halonet.cosmology import growth_factor
from halonet.grid.lattice_cube import Corner
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.universe import Universe
from halonet.initial_conditions.universe_tile import Tile
from halonet.peak_patch.collapse import CollapseTable
from halonet.peak_patch.displaced import Displaced, catalogue_of
from halonet.peak_patch.measurement import Search, mean_within, measure
from halonet.peak_patch.merging import order_of
from halonet.peak_patch.open_merging import ALIVE, DEAD, UNKNOWN, exclude_within, lost_volumes
from halonet.peak_patch.patches import Patches
from halonet.peak_patch.steps import SILENT, Progress, search_of
from halonet.peak_patch.tile_fields import TileFields
from halonet.settings import CosmologySettings, PeakPatchSettings, SettingsError
from halonet.storage import FieldHeader

USUAL_SHIFT = 50.0  # Mpc today; how far haloes move towards each other, at first
RARE = 5.0  # standard deviations that the short field moves none by, where it is not known
WIDER = 1.4  # than a margin that was too small
LARGEST_MARGIN = 250.0  # Mpc; beyond the largest sphere
BEYOND_FIRST_ORDER = 1.2  # how much farther a halo moves than the largest displacement of first order, at most
STEPS_OF_A_CELL = 2**20  # shifts are rounded to, so that distances do not depend on where the origin lies


class Method(NamedTuple):
    """How haloes are found: settings, what follows from them, and the cosmology with its redshift."""

    settings: PeakPatchSettings
    search: Search
    cosmology: CosmologySettings


class Seen(NamedTuple):
    """Patches in merging order, the lattice of their cells, what is known of each, and its mean displacements."""

    patches: Patches
    lattice: np.ndarray
    states: np.ndarray
    means: tuple[np.ndarray, np.ndarray]


def find_tile(
    universe: Universe,
    place: tuple[Corner, int],
    cosmology: CosmologySettings,
    settings: PeakPatchSettings,
    table: CollapseTable,
    header: FieldHeader,
    progress: Progress = SILENT,
) -> HaloCatalogue:
    """Find the haloes of a tile, sorted by mass, with positions in the universe.

    Parameters
    ----------
    place
        First cell of the tile along each axis, and cells along a side.
    header
        Of the catalogue: that of the universe.

    Raises
    ------
    SettingsError
        If the largest filter exceeds half of the universe, or no margin decides on all haloes.
    """
    search = search_of(Slabs(universe.cells), universe.cell_size, settings, table)
    method = Method(settings, search, cosmology)
    beyond = USUAL_SHIFT * growth_factor(cosmology, cosmology.redshift) / universe.cell_size
    while beyond * universe.cell_size <= LARGEST_MARGIN:
        reach = search.sphere.reach
        tile = Tile(universe, *place, reach + int(beyond)).with_whole_bricks(reach)
        seen, farthest = _seen(tile, method, progress)
        haloes, undecided = _haloes(tile, seen, farthest, method, header)
        progress.finished("merging")
        if not undecided:
            return haloes.sorted_by_mass()
        beyond *= WIDER
        console.log.info("a margin of %d cells leaves %d haloes undecided; once more, wider", tile.margin, undecided)
    raise SettingsError(
        f"the tile from {place[0]} on: {LARGEST_MARGIN:g} Mpc around it do not decide on all of its haloes"
    )


def _seen(tile: Tile, method: Method, progress: Progress) -> tuple[Seen, np.ndarray]:
    """Patches that may survive, and what others may move by, see :func:`_farthest`."""
    search = method.search
    fields = TileFields(tile, search, progress.filters)
    density, displacement = fields.first_order()
    progress.finished("first-order displacement")
    cells, filters = fields.candidates(density, search.table.threshold(method.cosmology.redshift))
    progress.finished("smoothing and peaks")
    flat = fields.cube.flat(cells)
    redshifts = np.full(len(cells), method.cosmology.redshift)
    found = measure(density, displacement, 0, flat, filters, redshifts, search)
    del density
    farthest = _farthest(fields, tile.universe)
    progress.finished("measurement")
    rows, lattice = tile.images(cells[found.rows])
    # Patches of a universe know of no ranks; one process has them all.
    every = Patches(
        flat[found.rows],
        filters[found.rows],
        found.shells,
        found.radii,
        found.properties,
        np.zeros(len(found.rows), int),
    ).select(rows)
    order = order_of(every.radii, every.filters, lattice)
    every, lattice = every.select(order), lattice[order]
    states = exclude_within(lattice + 0.5, every.radii, None, tile.depth(lattice + 0.5) < search.sphere.radii[-1])
    kept = np.flatnonzero(states != DEAD)
    patches, lattice, states = every.select(kept), lattice[kept], states[kept]
    progress.finished("exclusion")
    first = mean_within(displacement, 0, patches.cells, patches.shells, search.sphere)
    del displacement
    reach = np.ceil(search.sphere.radii[patches.shells]).astype(int)
    second = mean_within(fields.second_order(lattice, reach), 0, patches.cells, patches.shells, search.sphere)
    progress.finished("second-order displacement")
    return Seen(patches, lattice, states, (first, second)), farthest


def _farthest(fields: TileFields, universe: Universe) -> np.ndarray:
    """Least and largest components by which patches may move that are not known and can come near.

    In Mpc today, shape (2, 3).
    """
    long = fields.bricks.long
    short = RARE * universe.short_displacement * np.array([[-1], [1]])
    anywhere, near = (BEYOND_FIRST_ORDER * (extremes + short) for extremes in (long.farthest, long.farthest_near))
    # From beyond the margin of the long fields nobody comes who moves less.
    return near if np.abs(anywhere).max() < fields.bricks.margin * universe.cell_size else anywhere


def _haloes(
    tile: Tile, seen: Seen, farthest: np.ndarray, method: Method, header: FieldHeader
) -> tuple[HaloCatalogue, int]:
    """The haloes of the tile, and how many of its patches cannot be decided on."""
    settings, search, cosmology = method
    patches, lattice, states, means = seen
    cells, size, radii = tile.universe.cells, tile.universe.cell_size, seen.patches.radii
    largest = search.sphere.radii[-1]
    lost, doubtful = lost_volumes(lattice + 0.5, radii, settings.reduction, states)
    reduced = np.maximum(radii**3 - 3 * lost / (4 * np.pi), 0.0) ** (1 / 3)
    doubtful |= tile.depth(lattice + 0.5) < radii + largest
    moving = Displaced.by(means, patches, np.mod(lattice, cells) + 0.5, size, cosmology)
    if settings.final_state_exclusion is not None:
        low, high = farthest * growth_factor(cosmology, cosmology.redshift) / size
        shifts = np.rint(moving.shifts(settings.exclusion_positions) * STEPS_OF_A_CELL) / STEPS_OF_A_CELL
        fraction, meeting = settings.final_state_exclusion, lattice + 0.5 + shifts
        doubtful |= ((shifts < low) | (shifts > high)).any(axis=1)
        reach = fraction * (radii + largest)
        # What comes in across a face does so along its axis.
        unseen = np.minimum(tile.depth(meeting - high), tile.depth(meeting - low)) < reach
        states = exclude_within(meeting, radii, fraction, (states == UNKNOWN) | unseen)
    own = tile.owns(lattice)
    undecided = own & ((states == UNKNOWN) | (states == ALIVE) & doubtful)
    volumes = 4 / 3 * np.pi * reduced**3
    kept = own & (states == ALIVE) & (reduced > 0) & (volumes >= settings.minimum_cells)
    haloes = catalogue_of(moving, reduced, settings.positions, search, cosmology, header, cells)
    return haloes.select(kept), int(undecided.sum())
