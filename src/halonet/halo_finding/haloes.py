"""From haloes on the grid to a catalogue: masses, and Eulerian positions and velocities where the density is known."""

from typing import Protocol

import numpy as np

from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY, HaloCatalogue
from halonet.cosmology import growth_rate, hubble_rate, mean_matter_density
from halonet.grid.slabs import Slabs
from halonet.halo_finding.gathering import gathered_means
from halonet.initial_conditions.displacement import (
    first_order_displacement,
    second_order_coefficient,
    second_order_displacement,
    second_order_source,
)
from halonet.particles import Particles
from halonet.settings import CosmologySettings
from halonet.spheres import mean_within
from halonet.storage import FieldHeader


class Found(Protocol):
    """What any finder finds: arrays with an entry for each halo.

    Attributes
    ----------
    positions
        Centres (cells) in [0, N), shape (haloes, 3).
    radii
        Lagrangian radii (cells).
    cells
        Volumes (cells).
    """

    @property
    def positions(self) -> np.ndarray:
        """Centres (cells)."""

    @property
    def radii(self) -> np.ndarray:
        """Radii (cells)."""

    @property
    def cells(self) -> np.ndarray:
        """Volumes (cells)."""

    def columns(self, cell_size: float) -> dict[str, np.ndarray]:
        """Columns of a catalogue that only this finder has; lengths in Mpc for cells of ``cell_size`` (Mpc)."""


def to_catalogue(
    found: Found,
    grid_cells: int,
    header: FieldHeader,
    cosmology: CosmologySettings,
    minimum_cells: int,
) -> HaloCatalogue:
    """Catalogue of the found haloes of at least ``minimum_cells`` cells, without Eulerian columns."""
    cell_size = header.box_size_mpc / grid_cells
    centres = found.positions * cell_size
    columns = {name: centres[:, axis] for axis, name in enumerate(LAGRANGIAN)}
    columns["radius"] = found.radii * cell_size
    columns["mass"] = found.cells * cell_size**3 * mean_matter_density(cosmology)
    columns["cells"] = found.cells.astype(np.float64)
    columns |= found.columns(cell_size)
    return HaloCatalogue(columns, header, grid_cells).larger_than(minimum_cells)


def with_eulerian_columns(
    catalogue: HaloCatalogue,
    density: np.ndarray,
    cosmology: CosmologySettings,
    redshift: float,
    threads: int = 1,
    slabs: Slabs | None = None,
) -> HaloCatalogue:
    """Add Eulerian centres (Mpc) and peculiar velocities (km/s) by second-order Lagrangian perturbation theory.

    Collective; each rank moves the haloes of its planes, and gets all of them.

    Parameters
    ----------
    catalogue
        All haloes, on every rank.
    density
        Linear density extrapolated to ``redshift``, float32: this rank's planes, shape (N / ranks, N, N).
    threads
        Threads of the Fourier transforms; changes no bit.
    slabs
        Of the box, where several ranks have it.

    Notes
    -----
    Both orders are means over the cells of the halo: x = q + psi1 + psi2 and v = a H f (psi1 + 2 psi2), with the growth
    of either order contained in the extrapolated density (Bouchet et al. 1995).
    """
    slabs, cell_size = slabs or Slabs(len(density), threads=threads), catalogue.cell_size
    modes = slabs.forward(density)
    source_modes = slabs.forward(second_order_source(modes, slabs))
    second_order = second_order_coefficient(cosmology, redshift)
    rate = hubble_rate(cosmology, redshift) * growth_rate(cosmology, redshift) / (1 + redshift)
    rows, centres, radii = _own_spheres(catalogue, slabs)
    positions = catalogue.positions(LAGRANGIAN)[rows]
    moved, velocities = np.empty((2, len(rows), 3))
    for axis in range(3):
        first = mean_within(first_order_displacement(modes, slabs, cell_size, axis), centres, radii, slabs)
        second = mean_within(second_order_displacement(source_modes, slabs, cell_size, axis), centres, radii, slabs)
        second *= second_order
        moved[:, axis] = positions[:, axis] + first + second
        velocities[:, axis] = rate * (first + 2 * second)
    return _with_columns(catalogue, slabs.merge(rows, moved), slabs.merge(rows, velocities))


def with_columns_of_particles(
    catalogue: HaloCatalogue,
    particles: Particles,
    gathered: bool = False,
    threads: int = 1,
    slabs: Slabs | None = None,
) -> HaloCatalogue:
    """Add Eulerian centres (Mpc) and peculiar velocities (km/s): means over the particles of each halo's sphere.

    Collective; each rank moves the haloes of its planes, and gets all of them.

    Parameters
    ----------
    catalogue
        All haloes, on every rank.
    particles
        Those of this rank's cells at the redshift of the catalogue, one for each.
    gathered
        Means over the particles that gather in place of all of the sphere; see :mod:`halonet.halo_finding.gathering`.
    threads
        Change no bit.
    slabs
        Of the box, where several ranks have it.
    """
    slabs = slabs or Slabs(particles.cells)
    rows, cells, radii = _own_spheres(catalogue, slabs)
    if gathered:
        centres = catalogue.centres_in_cells()[rows]
        moved, velocities = gathered_means(particles, centres, radii, threads=threads, slabs=slabs)
    else:
        moved, velocities = np.empty((2, len(rows), 3))
        for axis in range(3):
            moved[:, axis] = mean_within(particles.displacements[..., axis], cells, radii, slabs)
            velocities[:, axis] = mean_within(particles.velocities[..., axis], cells, radii, slabs)
    moved += catalogue.positions(LAGRANGIAN)[rows]
    return _with_columns(catalogue, slabs.merge(rows, moved), slabs.merge(rows, velocities))


def _with_columns(catalogue: HaloCatalogue, positions: np.ndarray, velocities: np.ndarray) -> HaloCatalogue:
    """The catalogue with Eulerian positions (Mpc, not yet periodic) and velocities (km/s), shape (haloes, 3) each."""
    columns = dict(catalogue.columns)
    for axis in range(3):
        columns[EULERIAN[axis]] = _into_box(positions[:, axis], catalogue.box_size_mpc)
        columns[VELOCITY[axis]] = velocities[:, axis]
    return HaloCatalogue(columns, catalogue.header, catalogue.grid_cells, catalogue.notes)


def _own_spheres(catalogue: HaloCatalogue, slabs: Slabs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Haloes in this rank's planes, the cells that hold their Lagrangian centres, and radii (cells)."""
    centres = np.floor(catalogue.positions(LAGRANGIAN) / catalogue.cell_size).astype(np.int64)
    rows = slabs.own_rows(centres[:, 0])
    # The radius is the root of an integer: a small margin keeps its last shell through single precision.
    return rows, centres[rows], catalogue["radius"][rows] / catalogue.cell_size + 1e-4


def _into_box(positions: np.ndarray, box_size: float) -> np.ndarray:
    """Periodic positions in [0, L), also after rounding to the single precision of the catalogue."""
    wrapped = (positions % box_size).astype(np.float32)
    return np.where(wrapped >= np.float32(box_size), np.float32(0), wrapped)
