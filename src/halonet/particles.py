"""Particles of a simulation at one redshift, one per Lagrangian cell, in the order of the cells.

The file holds ``displacement`` (N, N, N, 3), from the centre of the particle's cell to its comoving position (Mpc, not
wrapped into the box), and ``velocity`` (N, N, N, 3), peculiar (km/s), both float32, with the root attributes of a
field. A particle's index is its cell, so that haloes can be traced back to where they came from.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from halonet.grid.shared_writing import laid_out, write_planes
from halonet.grid.slabs import Slabs
from halonet.storage import FieldHeader, StorageError, new_shared_hdf5, open_hdf5, read_header, write_header

FIELDS = ("displacement", "velocity")


@dataclass(frozen=True)
class Particles:
    """Particles of whole planes of Lagrangian cells.

    Attributes
    ----------
    displacements
        From the centres of their cells (comoving Mpc), float32 of shape (planes, N, N, 3).
    velocities
        Peculiar velocities (km/s), float32 of the same shape.
    header
        Box, redshift, cosmology, seed, provenance.
    first_plane
        Of the cells the particles started in.
    """

    displacements: np.ndarray
    velocities: np.ndarray
    header: FieldHeader
    first_plane: int = 0

    @property
    def cells(self) -> int:
        """Cells along a side of the box."""
        return self.displacements.shape[1]

    @property
    def cell_size(self) -> float:
        """Side of a cell, the mean spacing of particles (Mpc)."""
        return self.header.box_size_mpc / self.cells

    def positions(self) -> np.ndarray:
        """Comoving positions in [0, L) (Mpc), float64 of shape (planes, N, N, 3)."""
        side = (np.arange(self.cells) + 0.5) * self.cell_size
        planes = side[self.first_plane : self.first_plane + len(self.displacements)]
        positions = self.displacements.astype(np.float64)
        positions[..., 0] += planes[:, None, None]
        positions[..., 1] += side[:, None]
        positions[..., 2] += side
        return np.mod(positions, self.header.box_size_mpc)


def write_particles(
    path: str | Path, displacements: np.ndarray, velocities: np.ndarray, header: FieldHeader, slabs: Slabs | None = None
) -> None:
    """Write the particles of a box from its slabs; collective. The bytes do not depend on the number of ranks.

    Parameters
    ----------
    displacements, velocities
        Of this rank's particles (Mpc, km/s), shape (N / ranks, N, N, 3).
    """
    slabs = slabs or Slabs(displacements.shape[1])
    fields = [field.astype(np.float32, copy=False) for field in (displacements, velocities)]
    with new_shared_hdf5(path, slabs) as file:
        for name, field in zip(FIELDS, fields, strict=True):
            shape = (slabs.cells,) * 3 + (3,)
            data = file.create_dataset(name, shape, np.float32, dcpl=laid_out()) if file else None
            write_planes(data, field, slabs, path)
        if file:
            write_header(file, header)


def particle_cells(path: str | Path) -> int:
    """Lagrangian cells along a side of the box; a file without particles, or of another shape, is refused."""
    with open_hdf5(path) as file:
        for name in FIELDS:
            if name not in file:
                raise StorageError(f"{path}: no dataset {name!r}; simulate_n_body.py writes files of particles")
            shape = file[name].shape
            if len(shape) != 4 or len(set(shape[:3])) != 1 or shape[3] != 3:
                raise StorageError(f"{path}: {name} has shape {shape}; (N, N, N, 3) is needed, one particle per cell")
        return file[FIELDS[0]].shape[0]


def read_particles(path: str | Path, start: int = 0, stop: int | None = None) -> Particles:
    """Particles that started in planes ``start`` to ``stop``; values that are not finite are refused."""
    cells = particle_cells(path)
    fields = []
    for name in FIELDS:
        try:
            with open_hdf5(path) as file:
                field = file[name][start : cells if stop is None else stop].astype(np.float32, copy=False)
        except OSError as error:
            raise StorageError(f"{path}: {name} cannot be read, the file is damaged ({error})") from None
        for i, plane in enumerate(field):
            if not np.isfinite(plane).all():
                raise StorageError(f"{path}: {name} has values that are not finite, first in plane {start + i}")
        fields.append(field)
    displacements, velocities = fields
    return Particles(displacements, velocities, read_header(path), start)
