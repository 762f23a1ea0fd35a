"""What a halo's members say of it: Lagrangian and Eulerian centre, velocity, extent and shape of the protohalo."""

from dataclasses import dataclass

import numpy as np
from numba import njit


@dataclass(frozen=True)
class Members:
    """Particles of haloes, one halo after another, each in rising order.

    Attributes
    ----------
    particles
        Index of each member, int32 or int64 of shape (members,).
    starts
        First member of every halo, int64 of shape (haloes + 1,).
    rows
        Where a member stands in arrays of all particles that a rank has of haloes: of a single rank its index.
    """

    particles: np.ndarray
    starts: np.ndarray
    rows: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """Members of every halo."""
        return np.diff(self.starts)


def members_of(roots: np.ndarray, minimum: int) -> Members:
    """Members of all groups of at least ``minimum`` particles, in the order of their roots (int32, shape (n,))."""
    counts = np.zeros(len(roots), np.int32)
    _count(roots, counts)
    kept = np.flatnonzero(counts >= minimum)
    starts = np.concatenate([[0], np.cumsum(counts[kept], dtype=np.int64)])
    rows = counts  # the same memory: the row of every kept root
    rows[:] = -1
    rows[kept] = np.arange(len(kept))
    particles = np.empty(starts[-1], np.int32)
    _fill(roots, rows, starts[:-1].copy(), particles)
    return Members(particles, starts, particles)


@njit(cache=True)
def _count(roots, counts):
    for m in range(len(roots)):
        counts[roots[m]] += 1


@njit(cache=True)
def _fill(roots, rows, position, particles):
    for m in range(len(roots)):
        row = rows[roots[m]]
        if row >= 0:
            particles[position[row]] = m
            position[row] += 1


@dataclass(frozen=True)
class Measured:
    """Properties of haloes from their members, lengths in cells, velocities in the unit of the particles.

    Attributes
    ----------
    lagrangian, eulerian
        Means of the members' positions, in [0, N), float64 of shape (haloes, 3).
    velocity
        Mean, float64 of shape (haloes, 3).
    dispersion
        Standard deviation of one component, mean over the three axes.
    extent
        Largest distance of a member's cell from the Lagrangian centre.
    axes
        Semi-axes of the homogeneous ellipsoid with the protohalo's tensor of inertia, falling, shape (haloes, 3).
    """

    lagrangian: np.ndarray
    eulerian: np.ndarray
    velocity: np.ndarray
    dispersion: np.ndarray
    extent: np.ndarray
    axes: np.ndarray


def measure_members(
    members: Members, displacements: np.ndarray, velocities: np.ndarray, cells: int, cell_size: float
) -> Measured:
    """Measure haloes whose protohaloes are smaller than half of the box.

    Parameters
    ----------
    displacements
        Of all particles that ``members.rows`` count (same unit as ``cell_size``), float32 of shape (n, 3).
    velocities
        Of the same, float32 of shape (n, 3).
    cells
        Cells along a side of the box, N.
    """
    haloes = len(members.counts)
    means, dispersion, extent = np.empty((3, haloes, 3)), np.empty(haloes), np.empty(haloes)
    inertia = np.empty((haloes, 3, 3))
    _measure(
        members.particles, members.rows, members.starts, displacements, velocities, cells, cell_size,
        means, dispersion, extent, inertia,
    )  # fmt: skip
    # Of a homogeneous ellipsoid the mean square along an axis is a fifth of the semi-axis squared.
    axes = np.sqrt(5 * np.maximum(np.linalg.eigvalsh(inertia)[:, ::-1], 0))
    lagrangian, eulerian, velocity = means
    return Measured(np.mod(lagrangian, cells), np.mod(eulerian, cells), velocity, dispersion, extent, axes)


@njit(cache=True)
def _lattice(particle, cells, axis):
    """Centre of a particle's cell along an axis (cells)."""
    if axis == 0:
        return particle // (cells * cells) + 0.5
    return (particle // cells if axis == 1 else particle) % cells + 0.5


@njit(cache=True)
def _nearest(difference, cells):
    """Difference of the nearest periodic images."""
    return difference - cells * np.floor(difference / cells + 0.5)


@njit(cache=True)
def _measure(particles, rows, starts, displacements, velocities, cells, cell_size, means, dispersion, extent, inertia):
    """Sums in the order of particles; periodic positions are taken from the first member on."""
    for halo in range(len(starts) - 1):
        mine, at = particles[starts[halo] : starts[halo + 1]], rows[starts[halo] : starts[halo + 1]]
        first, count = np.int64(mine[0]), len(mine)
        for axis in range(3):
            q0 = _lattice(first, cells, axis)
            x0 = q0 + displacements[at[0], axis] / cell_size
            q, x, v = 0.0, 0.0, 0.0
            for particle, row in zip(mine, at):  # noqa: B905 (numba knows no strict)
                here = _lattice(np.int64(particle), cells, axis)
                q += _nearest(here - q0, cells)
                x += _nearest(here + displacements[row, axis] / cell_size - x0, cells)
                v += velocities[row, axis]
            means[0, halo, axis], means[1, halo, axis] = q0 + q / count, x0 + x / count
            means[2, halo, axis] = v / count
        _spread(mine, at, velocities, cells, means[:, halo], halo, dispersion, extent, inertia)


@njit(cache=True)
def _spread(mine, at, velocities, cells, means, halo, dispersion, extent, inertia):
    squares, farthest = 0.0, 0.0
    tensor, apart = np.zeros((3, 3)), np.zeros(3)
    for particle, row in zip(mine, at):  # noqa: B905 (numba knows no strict)
        distance = 0.0
        for axis in range(3):
            apart[axis] = _nearest(_lattice(np.int64(particle), cells, axis) - means[0, axis], cells)
            distance += apart[axis] ** 2
            squares += (velocities[row, axis] - means[2, axis]) ** 2
        farthest = max(farthest, distance)
        for i in range(3):
            for j in range(3):
                tensor[i, j] += apart[i] * apart[j]
    dispersion[halo] = np.sqrt(squares / (3 * len(mine)))
    extent[halo] = np.sqrt(farthest)
    inertia[halo] = tensor / len(mine)
