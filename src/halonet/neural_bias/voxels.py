"""Voxels and haloes that count in a fit."""

from dataclasses import dataclass

import numpy as np

from halonet.neural_bias.evolution import voxel_of
from halonet.neural_bias.inputs import Inputs


@dataclass(frozen=True)
class Voxels:
    """The voxels that count: those the boundary leaves, in the order of the features.

    Attributes
    ----------
    density
        Density of each voxel in units of the mean, shape (voxels,).
    volumes
        Completeness times volume (Mpc^3), shape (voxels,).
    haloes
        Index of each halo's voxel, shape (haloes,).
    log_mass
        u = ln(mass / threshold), shape (haloes,).
    side
        Voxels along a side.
    """

    density: np.ndarray
    volumes: np.ndarray
    haloes: np.ndarray
    log_mass: np.ndarray
    side: int


def make_voxels(inputs: Inputs, trimmed: int) -> Voxels:
    """Voxels and haloes without ``trimmed`` cells at each face; haloes there, and in masked voxels, do not count."""
    cells = inputs.cells
    inner = slice(trimmed, cells - trimmed)
    side = cells - 2 * trimmed
    if side < 1:
        raise ValueError(
            f"a grid of {cells} cells is too small: the receptive field takes {trimmed} cells at each face"
        )
    volumes = np.full((cells,) * 3, (inputs.box_size / cells) ** 3)
    if inputs.completeness is not None:
        if inputs.completeness.shape != volumes.shape or not (
            0 <= inputs.completeness.min() <= inputs.completeness.max() <= 1
        ):
            raise ValueError(f"completeness must have shape {volumes.shape} and values from 0 to 1")
        volumes = volumes * inputs.completeness
    index = np.stack(np.unravel_index(voxel_of(inputs.haloes.positions, cells, inputs.box_size), (cells,) * 3), axis=1)
    index -= trimmed
    counts = ((index >= 0) & (index < side)).all(axis=1)
    flat = np.asarray(np.ravel_multi_index(index[counts].T, (side,) * 3))
    kept = volumes[inner, inner, inner].ravel()
    seen = kept[flat] > 0
    if not seen.any():
        raise ValueError("no halo lies in a voxel that counts; all of them are masked or at the faces")
    density = inputs.density[inner, inner, inner].ravel()
    return Voxels(density, kept, flat[seen], inputs.log_mass[counts][seen], side)
