"""Density evolved by Lagrangian perturbation theory, on the grid of the engine.

Notes
-----
Particles on a lattice with 2^3 points per cell move by the displacement of the linear density and are assigned to cells
by clouds (CIC). With a single particle per cell, voids leave cells exactly empty, and the logarithm of the density
diverges. Voxel i spans [i, i + 1) cell sizes, its centre, where a particle gives all its mass to it, is at i + 1/2, as
everywhere in this package; a halo at x lies in voxel floor(x / cell size).
"""

from collections.abc import Sequence

import numpy as np
from scipy import fft

from halonet.grid.slabs import Slabs
from halonet.initial_conditions.displacement import (
    first_order_displacement,
    second_order_coefficient,
    second_order_displacement,
    second_order_source,
)
from halonet.settings import CosmologySettings


def resample(field: np.ndarray, cells: int) -> np.ndarray:
    """A periodic field of shape (N, N, N) on a grid of ``cells``^3, at the centres of the new cells.

    Its Fourier modes are kept: a coarser grid has fewer of them, a finer one has zeros beside them.

    The first cell's centre is half a cell from the corner of the box on either grid, so the modes change their phase by
    half the difference of the cell sizes. Modes on the Nyquist planes of the smaller grid are left out.
    """
    old = field.shape[0]
    if cells == old:
        return field
    kept = min(old, cells)
    modes = fft.rfftn(field.astype(np.float64))
    numbers = fft.fftfreq(kept, 1 / kept).astype(int)
    numbers = numbers[np.abs(numbers) < kept / 2]
    half = np.arange((kept - 1) // 2 + 1)
    new = np.zeros((cells, cells, cells // 2 + 1), complex)
    shift = (1 / cells - 1 / old) / 2  # in box sizes
    phases = [np.exp(2j * np.pi * n * shift) for n in (numbers, numbers, half)]
    factor = phases[0][:, None, None] * phases[1][:, None] * phases[2] * (cells / old) ** 3
    new[np.ix_(numbers, numbers, half)] = modes[np.ix_(numbers, numbers, half)] * factor
    return fft.irfftn(new, (cells,) * 3)


def displacement(density: np.ndarray, box_size: float, cosmology: CosmologySettings, order: int = 2) -> np.ndarray:
    """Lagrangian displacement (Mpc) at the redshift the linear density stands for, shape (3, N, N, N).

    Parameters
    ----------
    density
        Linear density contrast, shape (N, N, N).
    order
        1 or 2 of perturbation theory.
    """
    if order not in (1, 2):
        raise ValueError(f"Lagrangian perturbation theory of order {order}: 1 or 2 is possible")
    slabs, cell_size = Slabs(density.shape[0]), box_size / density.shape[0]
    modes = slabs.forward(density.astype(np.float32))
    moved = np.stack([first_order_displacement(modes, slabs, cell_size, axis) for axis in range(3)])
    if order == 2:
        source = slabs.forward(second_order_source(modes, slabs))
        factor = second_order_coefficient(cosmology, cosmology.redshift)
        for axis in range(3):
            moved[axis] += factor * second_order_displacement(source, slabs, cell_size, axis)
    return moved


def evolved_density(moved: np.ndarray, box_size: float, supersample: int = 2) -> np.ndarray:
    """Density in units of the mean, shape (N, N, N), of a lattice of particles displaced by ``moved`` (Mpc)."""
    positions = displaced_lattice(moved, box_size, supersample)
    return assign_clouds(positions, moved.shape[1], box_size) / supersample**3


def displaced_lattice(moved: np.ndarray, box_size: float, supersample: int = 2) -> np.ndarray:
    """Positions (Mpc, not wrapped) of a lattice of particles displaced by ``moved`` (Mpc), shape (3, particles)."""
    points = moved.shape[1] * supersample
    lattice = (np.arange(points) + 0.5) / points * box_size
    positions = np.stack(np.meshgrid(lattice, lattice, lattice, indexing="ij")).reshape(3, -1)
    positions += np.stack([resample(component, points) for component in moved]).reshape(3, -1)
    return positions


def carried(
    linear: np.ndarray, moved: np.ndarray, box_size: float, lengths: Sequence[float], supersample: int = 2
) -> np.ndarray:
    """Smoothed linear density that the matter of each voxel has brought along, shape (lengths, N, N, N).

    The particles of :func:`evolved_density` carry the linear density of where they started, smoothed by a Gaussian of
    each length (Mpc), as operators of Lagrangian bias are carried (Modi, Chen & White 2020, MNRAS 492, 5754). A voxel
    without particles has that of its own position.
    """
    cells = linear.shape[0]
    modes, numbers = fft.rfftn(linear.astype(np.float64)), 2 * np.pi / box_size * fft.fftfreq(cells, 1 / cells)
    half = numbers[: cells // 2 + 1]
    squares = numbers[:, None, None] ** 2 + numbers[None, :, None] ** 2 + half**2
    smooth = [fft.irfftn(modes * np.exp(-squares * length**2 / 2), linear.shape) for length in lengths]
    positions = displaced_lattice(moved, box_size, supersample)
    values = [resample(field, cells * supersample).ravel() for field in smooth]
    matter, *brought = _clouds(positions, cells, box_size, [1.0, *values])
    means = (total / np.maximum(matter, 1e-9) for total in brought)
    return np.stack([np.where(matter > 0, mean, field) for mean, field in zip(means, smooth, strict=True)])


def assign_clouds(positions: np.ndarray, cells: int, box_size: float, values: np.ndarray | float = 1.0) -> np.ndarray:
    """Sum of the particles' values in voxels by cloud-in-cell assignment, by default their number.

    Positions (Mpc) have the shape (3, particles) and are periodic, the values (particles,).
    """
    return _clouds(positions, cells, box_size, [values])[0]


def _clouds(
    positions: np.ndarray, cells: int, box_size: float, fields: Sequence[np.ndarray | float]
) -> list[np.ndarray]:
    """Sums of several values of the same particles, shape (cells, cells, cells) each."""
    scaled = positions * (cells / box_size) - 0.5
    lower = np.floor(scaled).astype(np.int64)
    upper_weight = scaled - lower
    sums = [np.zeros(cells**3) for _ in fields]
    for corner in np.ndindex(2, 2, 2):
        weight, index = 1.0, 0
        for axis, side in enumerate(corner):
            weight = weight * (upper_weight[axis] if side else 1 - upper_weight[axis])
            index = index * cells + (lower[axis] + side) % cells
        for total, values in zip(sums, fields, strict=True):
            total += np.bincount(index, weight * values, cells**3)
    return [total.reshape((cells,) * 3) for total in sums]


def voxel_of(positions: np.ndarray, cells: int, box_size: float) -> np.ndarray:
    """Flat index of the voxel of every position (Mpc), shape (points, 3), in [0, box size)."""
    index = np.floor(positions * (cells / box_size)).astype(np.int64) % cells
    return np.asarray(np.ravel_multi_index(index.T, (cells,) * 3))
