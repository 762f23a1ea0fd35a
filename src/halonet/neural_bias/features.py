"""Features of voxels: responses of the evolved density, and the linear density that matter brings along."""

import numpy as np
import tensorflow as tf

from halonet.neural_bias.evolution import carried
from halonet.neural_bias.inputs import Inputs
from halonet.neural_bias.model import NeuralBiasModel
from halonet.settings import NeuralBiasSettings


def engine_features(model: NeuralBiasModel, inputs: Inputs, settings: NeuralBiasSettings) -> np.ndarray:
    """Features that an engine sees, shape (features, voxels), in the settings' precision.

    Raises
    ------
    ValueError
        If the model takes carried densities and the linear one is not known.
    """
    field = np.log(inputs.density + settings.density_floor)
    features = model.features(tf.constant(field, settings.precision)).numpy()
    if not model.carried:
        return features
    lengths = settings.engine.carried_mpc
    if inputs.linear is None or inputs.moved is None:
        raise ValueError(
            f"engine.carried_mpc = {lengths} needs the linear density; with an evolved one alone it must be []"
        )
    fields = carried(inputs.linear, inputs.moved, inputs.box_size, lengths, settings.supersample)
    inner = slice(model.trimmed_cells, inputs.cells - model.trimmed_cells)
    fields = fields[:, inner, inner, inner].reshape(len(lengths), -1)
    return np.concatenate([features, fields.astype(settings.precision)])
