"""Means over the particles that gather: those of a wide Lagrangian sphere, by how near they end to one another.

A protohalo is no sphere. Which cells around a centre belong to it shows in where their particles end: its own are
together, the others are not.
"""

import numpy as np
from numba import njit

from halonet.grid.shells import shells_within
from halonet.particles import Particles

REACH = 1.3  # radius of the sphere whose particles can count, in radii
KERNEL = 0.4  # deviation of the weights in Eulerian space, in radii
CORNER = 0.75**0.5 + 1e-4  # from the centre of a cell to its corner (cells), with a margin for rounding


def gathered_means(
    particles: Particles, centres: np.ndarray, radii: np.ndarray, reach: float = REACH, kernel: float = KERNEL
) -> tuple[np.ndarray, np.ndarray]:
    """Mean displacement from each centre (Mpc) and mean velocity (km/s) of the particles that gather, (n, 3) each.

    Parameters
    ----------
    particles
        Of the whole box, one for every cell.
    centres
        Lagrangian centres (cells) from the corner of the box, shape (n, 3); any, not only those of cells.
    radii
        Lagrangian radii (cells), shape (n,).
    reach
        Radius of the sphere whose particles can count, in radii.
    kernel
        Deviation of the Gaussian of the distance, in Eulerian space, from the mean of the particles that started within
        the radius; in radii.
    """
    if len(centres) == 0:
        return np.zeros((0, 3)), np.zeros((0, 3))
    cell_size = particles.header.box_size_mpc / len(particles.displacements)
    radii = np.maximum(radii, CORNER)  # a sphere this large holds the centre of a cell, wherever its own is
    farthest = max(reach, 1) * radii + CORNER
    shells = shells_within(int(np.ceil(farthest.max())))
    stops = shells.starts[np.searchsorted(shells.radii, farthest, side="right")]
    fields = particles.displacements, particles.velocities
    return _gather(*fields, np.asarray(centres, np.float64), radii, (reach, kernel, cell_size), shells.offsets, stops)


@njit(cache=True)
def _gather(displacements, velocities, centres, radii, scales, offsets, stops):
    n, (reach, kernel, cell_size) = len(displacements), scales
    moved, speeds = np.empty((len(centres), 3)), np.empty((len(centres), 3))
    start, end, near = np.empty(3), np.empty(3), np.empty(3)
    for halo in range(len(centres)):
        cell = np.floor(centres[halo]).astype(np.int64)
        aside = cell + 0.5 - centres[halo]  # from the halo's centre to that of its cell
        # First the mean over the sphere itself, then the means with weights by the distance from it.
        for turn in range(2):
            widest = radii[halo] if turn == 0 else reach * radii[halo]
            displaced, started, velocity, total = np.zeros(3), np.zeros(3), np.zeros(3), 0.0
            for i in range(stops[halo]):
                start[:] = offsets[i] + aside
                if (start**2).sum() > widest**2:
                    continue
                x, y, z = (cell + offsets[i]) % n
                end[:] = displacements[x, y, z]
                weight = 1.0
                if turn == 1:
                    away = start * cell_size + end - near
                    weight = np.exp(-0.5 * (away**2).sum() / (kernel * radii[halo] * cell_size) ** 2)
                total += weight
                for axis in range(3):
                    displaced[axis] += weight * end[axis]
                    started[axis] += weight * start[axis]
                    velocity[axis] += weight * velocities[x, y, z, axis]
            near[:] = displaced / total + started / total * cell_size
        moved[halo], speeds[halo] = near, velocity / total
    return moved, speeds
