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
    catalogue: HaloCatalogue, density: np.ndarray, cosmology: CosmologySettings, redshift: float, threads: int = 1
) -> HaloCatalogue:
    """Add Eulerian centres (Mpc) and peculiar velocities (km/s) by second-order Lagrangian perturbation theory.

    Parameters
    ----------
    density
        Linear density extrapolated to ``redshift``, float32 of shape (N, N, N).
    threads
        Threads of the Fourier transforms; changes no bit.

    Notes
    -----
    Both orders are means over the cells of the halo: x = q + psi1 + psi2 and v = a H f (psi1 + 2 psi2), with the growth
    of either order contained in the extrapolated density (Bouchet et al. 1995).
    """
    slabs, cell_size = Slabs(len(density), threads=threads), catalogue.cell_size
    modes = slabs.forward(density)
    source_modes = slabs.forward(second_order_source(modes, slabs))
    second_order = second_order_coefficient(cosmology, redshift)
    rate = hubble_rate(cosmology, redshift) * growth_rate(cosmology, redshift) / (1 + redshift)
    positions, centres, radii = _spheres(catalogue)
    columns = dict(catalogue.columns)
    for axis in range(3):
        first = mean_within(first_order_displacement(modes, slabs, cell_size, axis), centres, radii)
        second = mean_within(second_order_displacement(source_modes, slabs, cell_size, axis), centres, radii)
        second *= second_order
        columns[EULERIAN[axis]] = _into_box(positions[:, axis] + first + second, catalogue.box_size_mpc)
        columns[VELOCITY[axis]] = rate * (first + 2 * second)
    return HaloCatalogue(columns, catalogue.header, catalogue.grid_cells, catalogue.notes)


def with_columns_of_particles(
    catalogue: HaloCatalogue, particles: Particles, gathered: bool = False, threads: int = 1
) -> HaloCatalogue:
    """Add Eulerian centres (Mpc) and peculiar velocities (km/s): means over the particles of each halo's sphere.

    Parameters
    ----------
    particles
        Of the whole box at the redshift of the catalogue, one for every cell.
    gathered
        Means over the particles that gather in place of all of the sphere; see :mod:`halonet.halo_finding.gathering`.
    threads
        Change no bit.
    """
    positions, centres, radii = _spheres(catalogue)
    columns = dict(catalogue.columns)
    if gathered:
        moved, velocities = gathered_means(particles, catalogue.centres_in_cells(), radii, threads=threads)
        for axis in range(3):
            columns[EULERIAN[axis]] = _into_box(positions[:, axis] + moved[:, axis], catalogue.box_size_mpc)
            columns[VELOCITY[axis]] = velocities[:, axis]
        return HaloCatalogue(columns, catalogue.header, catalogue.grid_cells, catalogue.notes)
    for axis in range(3):
        moved = mean_within(particles.displacements[..., axis], centres, radii)
        columns[EULERIAN[axis]] = _into_box(positions[:, axis] + moved, catalogue.box_size_mpc)
        columns[VELOCITY[axis]] = mean_within(particles.velocities[..., axis], centres, radii)
    return HaloCatalogue(columns, catalogue.header, catalogue.grid_cells, catalogue.notes)


def _spheres(catalogue: HaloCatalogue) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lagrangian centres (Mpc, shape (haloes, 3)), the cells that hold them, and radii (cells)."""
    positions = catalogue.positions(LAGRANGIAN)
    centres = np.floor(positions / catalogue.cell_size).astype(np.int64)
    # The radius is the root of an integer: a small margin keeps its last shell through single precision.
    return positions, centres, catalogue["radius"] / catalogue.cell_size + 1e-4


def _into_box(positions: np.ndarray, box_size: float) -> np.ndarray:
    """Periodic positions in [0, L), also after rounding to the single precision of the catalogue."""
    wrapped = (positions % box_size).astype(np.float32)
    return np.where(wrapped >= np.float32(box_size), np.float32(0), wrapped)
