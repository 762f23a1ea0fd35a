"""Overlap of a predicted probability with the true mask: the Dice coefficient in three forms, beside its floor."""

from dataclasses import dataclass

import numba
import numpy as np


@dataclass(frozen=True)
class Overlap:
    """Dice coefficients of one box.

    Attributes
    ----------
    dice
        Eq. 2 of the HaloNet paper: 2 g.p / (|g|^2 + |p|^2), sums over all voxels and both channels.
    foreground
        The same over the halo channel alone; NaN where neither has a halo.
    per_voxel
        Channel sums per voxel, then the mean over voxels.
    all_background
        ``dice`` of a prediction without any halo, 1 - f: what a network must beat.
    collapsed_fraction
        Fraction f of voxels in true haloes.
    """

    dice: float
    foreground: float
    per_voxel: float
    all_background: float
    collapsed_fraction: float


def measure_overlap(mask: np.ndarray, probability: np.ndarray) -> Overlap:
    """Overlap of a true mask (0 or 1) and a probability, both of shape (N, N, N)."""
    totals = np.zeros(6)
    for true, predicted in zip(mask, probability, strict=True):
        totals += _sums(true.ravel(), predicted.ravel())
    collapsed, product, norms, foreground, foreground_norms, per_voxel = totals
    fraction = collapsed / mask.size
    return Overlap(
        dice=2 * product / norms,
        foreground=2 * foreground / foreground_norms if foreground_norms else np.nan,
        per_voxel=per_voxel / mask.size,
        all_background=1 - fraction,
        collapsed_fraction=fraction,
    )


@numba.njit(cache=True, error_model="numpy")
def _sums(mask, probability):
    """Sums over some voxels of all that the coefficients are made of, in the order of their use."""
    collapsed = products = norms = foreground = foreground_norms = per_voxel = 0.0
    for voxel in range(len(mask)):
        g, p = 1.0 * mask[voxel], np.float64(probability[voxel])
        both, squares = g * p, g * g + p * p
        product, norm = both + (1 - g) * (1 - p), squares + (1 - g) ** 2 + (1 - p) ** 2
        collapsed += g
        products += product
        norms += norm
        foreground += both
        foreground_norms += squares
        per_voxel += 2 * product / norm
    return collapsed, products, norms, foreground, foreground_norms, per_voxel
