"""From particles to the truth of a box: catalogue, and the halo of every Lagrangian cell.

Friends of friends with particles that know their cells: the mass of a halo is that of its particles, its protohalo the
cells they started in, whatever their shape. The Lagrangian radius is that of a sphere of as many cells.
"""

from collections.abc import Callable

import numpy as np
from numba import njit

from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY, HaloCatalogue
from halonet.columns import COLUMNS
from halonet.cosmology import matter_fraction, mean_matter_density
from halonet.friends_of_friends.groups import Groups, find_groups
from halonet.friends_of_friends.members import Measured, Members, measure_members, members_of
from halonet.friends_of_friends.spherical_overdensity import densest_members, particles_within
from halonet.grid.fixed_point import LARGEST_MESH, fixed_positions
from halonet.particles import Particles
from halonet.settings import CosmologySettings, NBodySettings, SettingsError
from halonet.storage import FieldHeader

OVERDENSITY = 200.0  # of the spherical masses, times the mean or the critical density
LARGEST_SIDE = 1290  # cells: indices of particles are 32-bit integers
_SPHERE = 3 / (4 * np.pi)


def find_haloes(
    particles: Particles,
    cosmology: CosmologySettings,
    settings: NBodySettings,
    header: FieldHeader | None = None,
    finished: Callable[[str], None] = lambda phase: None,
) -> tuple[HaloCatalogue, np.ndarray]:
    """Friends-of-friends haloes of the particles of a whole box.

    Parameters
    ----------
    cosmology
        With the redshift of the particles.
    settings
        ``linking_length`` and ``minimum_cells`` are used.
    header
        Header of the catalogue; by default that of the particles.
    finished
        Called with the name of each phase that is done.

    Returns
    -------
    catalogue, owners
        The catalogue, sorted by mass, and the row of the halo of every cell, -1 outside, int32 of shape (N, N, N).
    """
    cells, cell_size, header = particles.cells, particles.cell_size, header or particles.header
    positions = positions_of(particles)
    groups = find_groups(positions, cells, settings.linking_length)
    finished("friends of friends")
    members = members_of(groups.roots, settings.minimum_cells)
    flat = (particles.displacements.reshape(-1, 3), particles.velocities.reshape(-1, 3))
    measured = measure_members(members, *flat, cells, cell_size)
    finished("centres, velocities and shapes")
    columns = _from_members(members, measured, cell_size, cosmology)
    columns |= _spherical(groups, positions, members, cell_size, cosmology)
    finished("spherical overdensities")
    catalogue = HaloCatalogue(_typed(columns, cells, cell_size), header, cells)
    order = catalogue.order_by_mass()
    owners = members.select(order).owners(cells**3).reshape((cells,) * 3)
    catalogue = catalogue.select(order)
    radii = (_SPHERE * catalogue["cells"]) ** (1 / 3)
    catalogue.columns["own_fraction"] = own_fractions(owners, measured.lagrangian[order], radii).astype(np.float32)
    finished("owners")
    return catalogue, owners


def positions_of(particles: Particles) -> np.ndarray:
    """Positions of particles in units of 2^-20 cells (:mod:`halonet.grid.fixed_point`), uint32 of shape (N^3, 3)."""
    cells = particles.cells
    if cells > min(LARGEST_SIDE, LARGEST_MESH):
        raise SettingsError(
            f"{cells} particles along a side of the box are more than the {LARGEST_SIDE} whose indices fit into 32 bits"
        )
    positions = np.empty((cells**3, 3), np.uint32)
    scale = np.float32(1 / particles.cell_size)
    for plane, displacements in enumerate(particles.displacements):
        rows = slice(plane * cells**2, (plane + 1) * cells**2)
        fixed_positions(displacements.reshape(-1, 3) * scale, rows.start, cells, 1, 0.0, positions[rows])
    return positions


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


def _spherical(
    groups: Groups, positions: np.ndarray, members: Members, cell_size: float, cosmology: CosmologySettings
) -> dict[str, np.ndarray]:
    """Columns of the spherical overdensities."""
    critical = OVERDENSITY / matter_fraction(cosmology, cosmology.redshift)
    centres = positions[densest_members(members, groups.friends)]
    of_mean, of_critical = particles_within(groups.columns, centres, members.counts, [OVERDENSITY, critical])
    particle = cell_size**3 * mean_matter_density(cosmology)
    radius = (_SPHERE * of_mean / OVERDENSITY) ** (1 / 3) * cell_size
    return {"m200m": of_mean * particle, "r200m": radius, "m200c": of_critical * particle}


def _typed(columns: dict[str, np.ndarray], cells: int, cell_size: float) -> dict[str, np.ndarray]:
    """Columns in their dtype; a position that rounds up to the side of the box is at 0."""
    typed = {name: np.ascontiguousarray(values, COLUMNS[name].dtype) for name, values in columns.items()}
    for name in (*LAGRANGIAN, *EULERIAN):
        typed[name][typed[name] >= cells * cell_size] = 0
    return typed


def own_fractions(owners: np.ndarray, centres: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Part of a sphere's cells that belong to the halo of its own row, shape (haloes,).

    A cell counts where its centre lies within the sphere. ``owners`` has the shape (N, N, N) and holds rows. Centres
    (haloes, 3) and radii (haloes,) are in cells.
    """
    fractions = np.zeros(len(radii))
    _count_own(owners, centres, radii, fractions)
    return fractions


@njit(cache=True)
def _count_own(owners, centres, radii, fractions):
    n = owners.shape[0]
    for halo in range(len(radii)):
        # Cell i has its centre at i + 1/2.
        x, y, z = centres[halo] - 0.5
        r, own, all_cells = radii[halo], 0, 0
        for i in range(int(np.ceil(x - r)), int(np.floor(x + r)) + 1):
            for j in range(int(np.ceil(y - r)), int(np.floor(y + r)) + 1):
                rest = r * r - (i - x) ** 2 - (j - y) ** 2
                for k in range(int(np.ceil(z - r)), int(np.floor(z + r)) + 1):
                    if (k - z) ** 2 <= rest:
                        all_cells += 1
                        own += owners[i % n, j % n, k % n] == halo
        fractions[halo] = own / max(all_cells, 1)
