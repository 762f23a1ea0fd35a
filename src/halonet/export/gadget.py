"""Particles in the HDF5 layout of Gadget (Springel 2005; Gadget-4's manual, section 8), which many tools read.

One file, all particles of type 1: ``PartType1/Coordinates`` (kpc/h, comoving), ``Velocities`` (km/s, the peculiar
velocity over sqrt(a)) and ``ParticleIDs``, which are the flat index of the Lagrangian cell, from 0. Masses are the
``MassTable`` of the header (10^10 Msun/h).
"""

from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt

from halonet.cosmology import mean_matter_density
from halonet.export.units import in_mpc_per_h, in_msun_per_h
from halonet.particles import Particles, particle_cells, read_particles
from halonet.settings import CosmologySettings, validate
from halonet.storage import new_hdf5, read_header

KPC = 1000.0  # in a Mpc
MASS_UNIT = 1e10  # Msun/h
TYPES = 6  # of particles that a header has a place for
PLANES = 16  # read and written at a time


def write_gadget(path: str | Path, particles: str | Path) -> Path:
    """Write the particles of a file of this project for Gadget's readers; a few planes of cells at a time."""
    header, cells = read_header(particles), particle_cells(particles)
    cosmology = validate(CosmologySettings, header.cosmology, str(particles))
    with new_hdf5(path) as file:
        group = file.create_group("PartType1")
        coordinates = group.create_dataset("Coordinates", (cells**3, 3), np.float64)
        velocities = group.create_dataset("Velocities", (cells**3, 3), np.float32)
        group.create_dataset("ParticleIDs", data=np.arange(cells**3, dtype=np.uint64))
        for start in range(0, cells, PLANES):
            some = read_particles(particles, start, start + PLANES)
            rows = slice(start * cells**2, start * cells**2 + some.velocities.size // 3)
            coordinates[rows] = KPC * in_mpc_per_h(some.positions().reshape(-1, 3), cosmology)
            velocities[rows] = some.velocities.reshape(-1, 3) * np.float32((1 + header.known_redshift()) ** 0.5)
        _write_header(file.create_group("Header").attrs, some, cosmology)
    return Path(path)


def _write_header(attributes: h5py.AttributeManager, particles: Particles, cosmology: CosmologySettings) -> None:
    """Header of a snapshot in one file."""
    number, redshift = particles.cells**3, particles.header.known_redshift()
    mass = in_msun_per_h(mean_matter_density(cosmology) * particles.cell_size**3, cosmology) / MASS_UNIT
    attributes["NumPart_ThisFile"] = _of_type_1(number, np.uint32)
    attributes["NumPart_Total"] = _of_type_1(number & 0xFFFFFFFF, np.uint32)
    attributes["NumPart_Total_HighWord"] = _of_type_1(number >> 32, np.uint32)
    attributes["MassTable"] = _of_type_1(mass, np.float64)
    attributes["Time"], attributes["Redshift"] = 1 / (1 + redshift), redshift
    attributes["BoxSize"] = KPC * float(in_mpc_per_h(particles.header.box_size_mpc, cosmology))
    attributes["Omega0"], attributes["OmegaLambda"] = cosmology.omega_m, 1 - cosmology.omega_m
    attributes["HubbleParam"], attributes["NumFilesPerSnapshot"] = cosmology.h, 1
    for flag in ("Sfr", "Cooling", "StellarAge", "Metals", "Feedback", "DoublePrecision"):
        attributes[f"Flag_{flag}"] = 0


def _of_type_1(value: float, dtype: npt.DTypeLike) -> np.ndarray:
    values: np.ndarray = np.zeros(TYPES, dtype)
    values[1] = value
    return values
