"""Means over the particles that gather: those of a wide Lagrangian sphere, by how near they end to one another.

A protohalo is no sphere. Which cells around a centre belong to it shows in where their particles end: its own are
together, the others are not.
"""

from collections.abc import Sequence

import numpy as np
from numba import njit

from halonet.grid.shells import shells_within
from halonet.grid.slabs import Slabs
from halonet.grid.surroundings import around_centres
from halonet.grid.threads import in_threads
from halonet.particles import Particles

REACH = 1.3  # radius of the sphere whose particles can count, in radii
KERNEL = 0.4  # deviation of the weights in Eulerian space, in radii
TOGETHER = 64  # haloes that a thread takes at a time
CORNER = 0.75**0.5 + 1e-4  # from the centre of a cell to its corner (cells), with a margin for rounding


def gathered_means(
    particles: Particles,
    centres: np.ndarray,
    radii: np.ndarray,
    reach: float = REACH,
    kernel: float = KERNEL,
    threads: int = 1,
    slabs: Slabs | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Mean displacement from each centre (Mpc) and mean velocity (km/s) of the particles that gather, (n, 3) each.

    Parameters
    ----------
    particles
        Those of this rank's cells, one for each.
    centres
        Lagrangian centres (cells) from the corner of the box, shape (n, 3); any, not only those of cells.
    radii
        Lagrangian radii (cells), shape (n,).
    reach
        Radius of the sphere whose particles can count, in radii.
    kernel
        Deviation of the Gaussian of Eulerian distances from the mean of those that started within the radius (radii).
    threads
        Change no bit.
    slabs
        Of the box, where several ranks have it: collective, and each rank gives centres in its planes.
    """
    slabs = slabs or Slabs(particles.cells)
    centres, radii = np.asarray(centres, np.float64).reshape(-1, 3), np.maximum(radii, CORNER)
    farthest = max(reach, 1) * radii + CORNER  # a sphere this large holds the centre of a cell, wherever its own is
    moved, speeds = np.empty((2, len(centres), 3))
    if (largest := slabs.largest(farthest)) < 0:
        return moved, speeds
    shells, cells = shells_within(int(np.ceil(largest))), np.floor(centres).astype(np.int64)
    stops = shells.starts[np.searchsorted(shells.radii, farthest, side="right")]
    asides = cells + 0.5 - centres  # from the halo's centre to that of its cell

    def gather(rows: np.ndarray, fields: Sequence[np.ndarray], first: int, own: np.ndarray) -> None:
        def part(some: slice) -> None:
            few = rows[some]
            spheres, scales = (own[some], asides[few], radii[few]), (reach, kernel, particles.cell_size)
            moved[few], speeds[few] = _gather(fields[0], fields[1], first, spheres, scales, shells.offsets, stops[few])

        # Haloes are in the order of their mass: each thread gets small parts, of large ones and of small ones.
        in_threads(part, [slice(start, start + TOGETHER) for start in range(0, len(rows), TOGETHER)], threads)

    particles_of_cells = (particles.displacements, particles.velocities)
    around_centres(slabs, particles_of_cells, cells, np.floor(farthest).astype(np.int64), gather)
    return moved, speeds


@njit(cache=True, nogil=True)
def _gather(displacements, velocities, first, spheres, scales, offsets, stops):
    cells, asides, radii = spheres
    n, (reach, kernel, cell_size) = displacements.shape[1], scales
    near, moved, speeds = np.zeros(3), np.empty((len(cells), 3)), np.empty((len(cells), 3))
    displaced, started, velocity = np.empty(3), np.empty(3), np.empty(3)
    for halo in range(len(cells)):
        cell, aside = cells[halo], asides[halo]
        # First the mean over the sphere itself, then the means with weights by the distance from it.
        for turn in range(2):
            widest = (radii[halo] if turn == 0 else reach * radii[halo]) ** 2
            spread, total = (kernel * radii[halo] * cell_size) ** 2, 0.0
            displaced[:], started[:], velocity[:] = 0.0, 0.0, 0.0
            for i in range(stops[halo]):
                sx, sy, sz = offsets[i, 0] + aside[0], offsets[i, 1] + aside[1], offsets[i, 2] + aside[2]
                if sx * sx + sy * sy + sz * sz > widest:
                    continue
                x, y, z = (
                    (cell[0] + offsets[i, 0]) % n - first,
                    (cell[1] + offsets[i, 1]) % n,
                    (cell[2] + offsets[i, 2]) % n,
                )
                end, speed = displacements[x, y, z], velocities[x, y, z]
                weight = 1.0
                if turn == 1:
                    ax = sx * cell_size + end[0] - near[0]
                    ay = sy * cell_size + end[1] - near[1]
                    az = sz * cell_size + end[2] - near[2]
                    weight = np.exp(-0.5 * (ax * ax + ay * ay + az * az) / spread)
                total += weight
                started[0] += weight * sx
                started[1] += weight * sy
                started[2] += weight * sz
                for axis in range(3):
                    displaced[axis] += weight * end[axis]
                    velocity[axis] += weight * speed[axis]
            for axis in range(3):
                near[axis] = displaced[axis] / total + started[axis] / total * cell_size
                speeds[halo, axis] = velocity[axis] / total
        moved[halo] = near
    return moved, speeds
