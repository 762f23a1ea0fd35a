"""Environments in which a chain's coordinates hold the mass function: the volume's mean, and that of the haloes."""

import numpy as np

from halonet.neural_bias.model import NeuralBiasModel
from halonet.neural_bias.voxels import Voxels


def anchor_features(model: NeuralBiasModel, features: np.ndarray, voxels: Voxels) -> list[np.ndarray]:
    """Features of as many environments as an output has coefficients, shape (features,) each; the low one first.

    With a second summary each is low or high in either; outputs that are parabolas in one summary take the emptier
    half of the volume, too.
    """
    low = np.average(features, axis=1, weights=voxels.volumes)
    high = features[:, voxels.haloes].mean(axis=1, dtype=np.float64)
    if model.carried:
        engine = np.arange(len(low)) < len(low) - model.carried
        mixed = [np.where(engine, high, low), np.where(engine, low, high)]
        return [low, *mixed[: model.channels - 1], high]
    if model.degree == 1:
        return [low, high]
    empty = voxels.volumes * (voxels.density < np.median(voxels.density[voxels.volumes > 0]))
    return [np.average(features, axis=1, weights=empty), low, high]
