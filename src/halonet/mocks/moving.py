"""Haloes moved to where they are at the redshift: by perturbation theory, or by a simulation of a few steps.

A few steps of a particle-mesh code carry particles much nearer to where a long simulation does than second-order
perturbation theory does, at a small part of its cost; docs/n_body.md has the numbers. Over ranks each moves the haloes
of its planes.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.grid.resampling import block_means, coarsened, halved, refined
from halonet.grid.slabs import Slabs
from halonet.halo_finding.haloes import with_columns_of_particles, with_eulerian_columns
from halonet.n_body.forces import Gravity
from halonet.n_body.schedule import Step, plan
from halonet.n_body.short import kick_to_end, simulate_density
from halonet.n_body.simulation import State
from halonet.n_body.snapshots import comoving_fields
from halonet.particles import Particles
from halonet.settings import CosmologySettings, DisplacementSettings, SettingsError
from halonet.storage import FieldHeader

HALF = np.float32(0.5)


def move_haloes(
    catalogue: HaloCatalogue,
    density: np.ndarray,
    cosmology: CosmologySettings,
    settings: DisplacementSettings,
    threads: int = 1,
    slabs: Slabs | None = None,
    simulated: Callable[[], Particles | None] = lambda: None,
) -> HaloCatalogue:
    """Add Eulerian centres (Mpc) and peculiar velocities (km/s), means over particles around each halo's centre.

    Collective.

    Parameters
    ----------
    catalogue
        All haloes, on every rank.
    density
        Linear density extrapolated to the redshift of the cosmology, float32: this rank's planes, (N / ranks, N, N).
    threads
        Change no bit.
    slabs
        Of the box, where several ranks have it.
    simulated
        Gives what :func:`simulated_particles` does, where that is at work already.

    Raises
    ------
    SettingsError
        If the simulation starts after that redshift.
    """
    if settings.method == "second_order":
        return with_eulerian_columns(catalogue, density, cosmology, cosmology.redshift, threads, slabs)
    particles = simulated() or simulated_particles(catalogue.header, density, cosmology, settings, threads, slabs)
    particles = on_cells(particles, density.shape[1], threads, slabs)
    return with_columns_of_particles(catalogue, particles, settings.average == "gathered", threads, slabs)


def check_displacement(settings: DisplacementSettings, cosmology: CosmologySettings, cells: int) -> None:
    """Refuse a redshift that the simulation cannot reach, and ``cells`` along a side that it has no particles for."""
    if settings.method == "particle_mesh":
        plan(cosmology, settings, [cosmology.redshift])
        if cells % settings.spacing:
            raise SettingsError(f"displacement.spacing = {settings.spacing} needs an even number of cells, not {cells}")


class KeptParticles:
    """Particles of the short simulation that a network sees, kept for haloes to move with.

    Parameters
    ----------
    header, cosmology
        Of the box.
    spacing
        With 2 the means of eight particles are kept, which take an eighth of the memory: 3 bytes a cell, not 24.
    slabs
        Of the box.

    Attributes
    ----------
    particles
        Those of this rank's cells; None before the simulation has ended.
    """

    def __init__(self, header: FieldHeader, cosmology: CosmologySettings, spacing: int, slabs: Slabs):
        self.header, self.cosmology, self.spacing, self.slabs = header, cosmology, spacing, slabs
        self.particles: Particles | None = None

    def __call__(self, step: Step, state: State, gravity: Gravity) -> None:
        """Take particles before the last force (:func:`halonet.n_body.short.drift_to_end`); collective."""
        if self.spacing == 1:
            kick_to_end(step, state, gravity)
            own, lattice = State(state.displacements.copy(), state.momenta), self.slabs
        else:
            lattice = halved(self.slabs)
            displacements, momenta = (block_means(field, self.slabs) for field in (state.displacements, state.momenta))
            own = State(displacements * HALF, momenta * HALF)  # in cells of the halved grid
            kick_to_end(step, own, Gravity(lattice, refinement=1))
        self.particles = _particles(step, own, self.header, self.cosmology, lattice)


def particles_of(
    header: FieldHeader,
    density: np.ndarray,
    cosmology: CosmologySettings,
    settings: DisplacementSettings,
    threads: int = 1,
    slabs: Slabs | None = None,
) -> Particles:
    """Particles of a short simulation of a box, at the redshift of the cosmology: those of this rank's cells.

    Where the simulation has one for every second cell along each axis, the others are interpolated.

    Collective.

    Parameters
    ----------
    header
        Of the box.
    density, slabs
        As in :func:`move_haloes`.
    """
    particles = simulated_particles(header, density, cosmology, settings, threads, slabs)
    return on_cells(particles, density.shape[1], threads, slabs)


def simulated_particles(
    header: FieldHeader,
    density: np.ndarray,
    cosmology: CosmologySettings,
    settings: DisplacementSettings,
    threads: int = 1,
    slabs: Slabs | None = None,
    track: Callable[[range], Iterable[int]] = iter,
) -> Particles:
    """As :func:`particles_of`, but only the particles that the simulation has: of every cell, or of every second one.

    ``track`` wraps the steps of the simulation.
    """
    schedule, slabs = plan(cosmology, settings, [cosmology.redshift]), slabs or Slabs(len(density), threads=threads)
    lattice = slabs if settings.spacing == 1 else halved(slabs)
    linear = density if lattice is slabs else coarsened(density, slabs)
    gravity = Gravity(lattice, settings.mesh * settings.spacing)
    step, state = simulate_density(linear, lattice, cosmology, schedule, gravity, track)
    return _particles(step, state, header, cosmology, lattice)


def _particles(
    step: Step, state: State, header: FieldHeader, cosmology: CosmologySettings, lattice: Slabs
) -> Particles:
    """Particles at the end of a simulation, whose state is of no more use."""
    header = replace(header, cosmology=cosmology.model_dump())
    return Particles(*comoving_fields(step, state, header, overwrite=True), header, lattice.start)


def on_cells(particles: Particles, cells: int, threads: int, slabs: Slabs | None) -> Particles:
    """Particles of this rank's cells, ``cells`` along a side of the box; those that are missing are interpolated."""
    if particles.cells == cells:
        return particles
    slabs = slabs or Slabs(cells, threads=threads)
    fields = refined(particles.displacements, slabs), refined(particles.velocities, slabs)
    return Particles(*fields, particles.header, slabs.start)
