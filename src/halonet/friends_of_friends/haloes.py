"""From particles to the truth of a box: catalogue, and the halo of every Lagrangian cell.

Friends of friends with particles that know their cells: the mass of a halo is that of its particles, its protohalo the
cells they started in, whatever their shape. The Lagrangian radius is that of a sphere of as many cells.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit

from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY, HaloCatalogue
from halonet.columns import COLUMNS
from halonet.cosmology import matter_fraction, mean_matter_density
from halonet.friends_of_friends.groups import find_groups
from halonet.friends_of_friends.members import Measured, Members, measure_members, members_of
from halonet.friends_of_friends.over_ranks import find_groups_of_slabs, gather_members, particles_within_of_slabs
from halonet.friends_of_friends.parts import positions_of
from halonet.friends_of_friends.spherical_overdensity import densest_members, particles_within
from halonet.grid.fixed_point import fixed_positions
from halonet.grid.slabs import Slabs
from halonet.owners import NO_HALO
from halonet.particles import Particles
from halonet.settings import CosmologySettings, NBodySettings
from halonet.storage import FieldHeader

OVERDENSITY = 200.0  # of the spherical masses, times the mean or the critical density
_SPHERE = 3 / (4 * np.pi)
Finished = Callable[[str], None]


@dataclass(frozen=True)
class _Found:
    """Haloes of a rank: their members, what these tell, and the roots of all particles of its Lagrangian cells."""

    roots: np.ndarray
    members: Members
    measured: Measured
    within: np.ndarray  # numbers of particles in spheres of both overdensities, (2, haloes)


def find_haloes(
    particles: Particles,
    cosmology: CosmologySettings,
    settings: NBodySettings,
    header: FieldHeader | None = None,
    finished: Finished = lambda phase: None,
    slabs: Slabs | None = None,
) -> tuple[HaloCatalogue, np.ndarray]:
    """Friends-of-friends haloes of the particles of a box; collective. The same bits for any number of ranks.

    Parameters
    ----------
    particles
        Of this rank's planes of Lagrangian cells.
    cosmology
        With the redshift of the particles.
    settings
        ``linking_length`` and ``minimum_cells`` are used.
    header
        Header of the catalogue; by default that of the particles.
    finished
        Called with the name of each phase that is done.
    slabs
        Of the box, where several ranks have it.

    Returns
    -------
    catalogue, owners
        The catalogue, sorted by mass, on every rank, and the row of the halo of every cell of this rank's planes, -1
        outside, int32 of shape (N / ranks, N, N).
    """
    slabs = slabs or Slabs(particles.cells)
    cell_size, header = particles.cell_size, header or particles.header
    thresholds = [OVERDENSITY, OVERDENSITY / matter_fraction(cosmology, cosmology.redshift)]
    found = (_found if slabs.ranks == 1 else _found_over_ranks)(particles, slabs, settings, thresholds, finished)
    first_members = found.members.particles[found.members.starts[:-1]]
    columns = _from_members(found.members, found.measured, cell_size, cosmology)
    columns |= _spherical(found.within, cell_size, cosmology)
    columns = {name: slabs.gather(values) for name, values in columns.items()}
    catalogue = HaloCatalogue(_typed(columns, slabs.cells, cell_size), header, slabs.cells)
    order = catalogue.order_by_mass()
    catalogue = catalogue.select(order)
    owners = _owners(found.roots, slabs.gather(first_members), np.argsort(order).astype(np.int32))
    owners = owners.reshape(slabs.shape)
    radii, centres = (_SPHERE * catalogue["cells"]) ** (1 / 3), slabs.gather(found.measured.lagrangian)[order]
    catalogue.columns["own_fraction"] = own_fractions(owners, centres, radii, slabs).astype(np.float32)
    finished("owners")
    return catalogue, owners


def _found(
    particles: Particles, slabs: Slabs, settings: NBodySettings, thresholds: list[float], finished: Finished
) -> _Found:
    groups = find_groups(positions_of(particles), slabs.cells, settings.linking_length)
    finished("friends of friends")
    members = members_of(groups.roots, settings.minimum_cells)
    displacements, velocities = _flat(particles)
    measured = measure_members(members, displacements, velocities, slabs.cells, particles.cell_size)
    finished("centres, velocities and shapes")
    centres = _densest(members, groups.friends, displacements, particles)
    within = particles_within(groups.columns, centres, members.counts, thresholds)
    finished("spherical overdensities")
    return _Found(groups.roots, members, measured, within)


def _found_over_ranks(
    particles: Particles, slabs: Slabs, settings: NBodySettings, thresholds: list[float], finished: Finished
) -> _Found:
    length = settings.linking_length
    roots, friends = find_groups_of_slabs(slabs, particles, length)
    finished("friends of friends")
    gathered = gather_members(slabs, roots, friends, _flat(particles), settings.minimum_cells)
    del friends
    members, displacements = gathered.members, gathered.displacements
    measured = measure_members(members, displacements, gathered.velocities, slabs.cells, particles.cell_size)
    finished("centres, velocities and shapes")
    centres = _densest(members, gathered.friends, displacements, particles)
    del gathered, displacements
    within = particles_within_of_slabs(slabs, particles, centres, members.counts, thresholds, length)
    finished("spherical overdensities")
    return _Found(roots, members, measured, within)


def _flat(particles: Particles) -> tuple[np.ndarray, np.ndarray]:
    return particles.displacements.reshape(-1, 3), particles.velocities.reshape(-1, 3)


def _densest(members: Members, friends: np.ndarray, displacements: np.ndarray, particles: Particles) -> np.ndarray:
    """Positions of the members with most friends, as :func:`positions_of` gives them, uint32 of shape (haloes, 3)."""
    densest, scale = densest_members(members, friends), np.float32(1 / particles.cell_size)
    positions = np.empty((len(densest), 3), np.uint32)
    for halo, member in enumerate(densest):
        displacement = displacements[members.rows[member]][None] * scale
        fixed_positions(
            displacement, int(members.particles[member]), particles.cells, 1, 0.0, positions[halo : halo + 1]
        )
    return positions


def _owners(roots: np.ndarray, halo_roots: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Row of the halo of every particle from the ``roots``, -1 of those in none, int32 of shape (n,).

    ``halo_roots`` rise, and ``rows`` are theirs.
    """
    owners = np.full(len(roots), NO_HALO, np.int32)
    if len(halo_roots):
        _look_up(roots, halo_roots, rows, owners)
    return owners


@njit(cache=True)
def _look_up(roots, halo_roots, rows, owners):
    place = 0
    for m in range(len(roots)):
        if halo_roots[place] != roots[m]:  # neighbours often share a halo
            place = min(np.searchsorted(halo_roots, roots[m]), len(halo_roots) - 1)
        if halo_roots[place] == roots[m]:
            owners[m] = rows[place]


def _from_members(
    members: Members, measured: Measured, cell_size: float, cosmology: CosmologySettings
) -> dict[str, np.ndarray]:
    """Columns in their units (Mpc, km/s)."""
    columns = {"cells": members.counts, "velocity_dispersion": measured.dispersion}
    columns["mass"] = members.counts * cell_size**3 * mean_matter_density(cosmology)
    columns["radius"] = (members.counts * _SPHERE) ** (1 / 3) * cell_size
    columns["extent"] = measured.extent * cell_size
    for axis in range(3):
        columns[LAGRANGIAN[axis]] = measured.lagrangian[:, axis] * cell_size
        columns[EULERIAN[axis]] = measured.eulerian[:, axis] * cell_size
        columns[VELOCITY[axis]] = measured.velocity[:, axis]
        columns[f"axis_{axis + 1}"] = measured.axes[:, axis] * cell_size
    return columns


def _spherical(within: np.ndarray, cell_size: float, cosmology: CosmologySettings) -> dict[str, np.ndarray]:
    """Columns of the spherical overdensities, from numbers of particles in spheres of both."""
    of_mean, of_critical = within
    particle = cell_size**3 * mean_matter_density(cosmology)
    radius = (_SPHERE * of_mean / OVERDENSITY) ** (1 / 3) * cell_size
    return {"m200m": of_mean * particle, "r200m": radius, "m200c": of_critical * particle}


def _typed(columns: dict[str, np.ndarray], cells: int, cell_size: float) -> dict[str, np.ndarray]:
    """Columns in their dtype; a position that rounds up to the side of the box is at 0."""
    typed = {name: np.ascontiguousarray(values, COLUMNS[name].dtype) for name, values in columns.items()}
    for name in (*LAGRANGIAN, *EULERIAN):
        typed[name][typed[name] >= cells * cell_size] = 0
    return typed


def own_fractions(owners: np.ndarray, centres: np.ndarray, radii: np.ndarray, slabs: Slabs | None = None) -> np.ndarray:
    """Part of a sphere's cells that belong to the halo of its own row, shape (haloes,); collective.

    A cell counts where its centre lies within the sphere. ``owners`` are those of this rank's planes, shape
    (N / ranks, N, N), and hold rows. Centres (haloes, 3) and radii (haloes,) are in cells.
    """
    slabs = slabs or Slabs(len(owners))
    counts = np.zeros((1, 2, len(radii)), np.int64)
    _count_own(owners, slabs.start, centres, radii, counts[0])
    own, all_cells = slabs.gather(counts).sum(axis=0)
    return own / np.maximum(all_cells, 1)


@njit(cache=True)
def _count_own(owners, first, centres, radii, counts):
    planes, n = owners.shape[:2]
    for halo in range(len(radii)):
        # Cell i has its centre at i + 1/2.
        x, y, z = centres[halo] - 0.5
        r = radii[halo]
        for i in range(int(np.ceil(x - r)), int(np.floor(x + r)) + 1):
            plane = i % n - first
            if not 0 <= plane < planes:
                continue
            for j in range(int(np.ceil(y - r)), int(np.floor(y + r)) + 1):
                rest = r * r - (i - x) ** 2 - (j - y) ** 2
                for k in range(int(np.ceil(z - r)), int(np.floor(z + r)) + 1):
                    if (k - z) ** 2 <= rest:
                        counts[1, halo] += 1
                        counts[0, halo] += owners[plane, j % n, k % n] == halo
