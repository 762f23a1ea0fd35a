"""What the likelihood sums over: voxels and haloes with their features."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from halonet.neural_bias.model import NeuralBiasModel


class Points(NamedTuple):
    """What the likelihood sums over.

    Attributes
    ----------
    features
        Responses of the first layer, shape (features, voxels).
    volumes
        Completeness times volume of every voxel (Mpc^3), shape (voxels,).
    haloes
        For an engine of one layer, the features at each halo's voxel, shape (features, haloes); otherwise the index of
        that voxel, shape (haloes,).
    log_mass
        u = ln(mass / threshold) of every halo, shape (haloes,).
    halo_weights
        1 for a halo, 0 for padding, shape (haloes,).
    numbers, occupancy, halo_volumes
        For laws other than Poisson: voxels that each point stands for, shape (voxels,); number of haloes in each halo's
        voxel, and that voxel's volume as above, shape (haloes,).
    """

    features: tf.Tensor
    volumes: tf.Tensor
    haloes: tf.Tensor
    log_mass: tf.Tensor
    halo_weights: tf.Tensor
    numbers: tf.Tensor | None = None
    occupancy: tf.Tensor | None = None
    halo_volumes: tf.Tensor | None = None


def gather_points(
    model: NeuralBiasModel,
    features: np.ndarray,
    volumes: np.ndarray,
    voxels: np.ndarray,
    log_mass: np.ndarray,
    dtype: str = "float32",
    padded_to: int | None = None,
) -> Points:
    """Points of the likelihood from the features of all voxels and the voxel index of every halo.

    Parameters
    ----------
    features
        Shape (features, voxels).
    volumes
        Completeness times volume of every voxel (Mpc^3), shape (voxels,).
    voxels, log_mass
        Voxel of every halo and u = ln(mass / threshold) of it, shape (haloes,).
    padded_to
        Length to which the haloes are padded, so that catalogues of different length share one compilation.
    """
    extra = max(0, (padded_to or 0) - len(voxels))
    counts = np.bincount(voxels, minlength=len(volumes))
    voxels = np.concatenate([voxels, np.zeros(extra, voxels.dtype)])
    haloes = np.asarray(features)[:, voxels].astype(dtype) if model.is_pointwise else voxels.astype(np.int32)
    points = Points(
        tf.constant(np.asarray(features), dtype),
        tf.constant(volumes, dtype),
        tf.constant(haloes),
        tf.constant(np.concatenate([log_mass, np.zeros(extra)]), dtype),
        tf.constant(np.concatenate([np.ones(len(log_mass)), np.zeros(extra)]), dtype),
    )
    if not model.counting.rows:
        return points
    occupancy = tf.constant(np.maximum(counts[voxels], 1), dtype)
    numbers = tf.ones(len(volumes), dtype)
    return points._replace(numbers=numbers, occupancy=occupancy, halo_volumes=tf.constant(volumes[voxels], dtype))
