"""Floating-point operations of a network, counted from the configuration of its layers.

Counted are the multiplications and additions of convolutions, 2 k^3 c_in c_out for each voxel of the output (of the
input for transposed convolutions); cells of the zero padding count like all others. Not counted: biases, activations,
batch normalisation, dropout, sums, concatenations and the softmax: about 1% in networks of 16 filters.
"""

import math

import keras

from halonet.network.build import build_network
from halonet.settings import NetworkSettings

TRAINING_FACTOR = 3  # a training step: forward, and backward to the inputs and to the weights of every convolution
_LARGEST = 256  # cells along a side of the symbolic input, where a network leaves them open: divisible by 2^8
_FREE = (
    keras.layers.InputLayer,
    keras.layers.LeakyReLU,
    keras.layers.PReLU,
    keras.layers.BatchNormalization,
    keras.layers.Dropout,
    keras.layers.Add,
    keras.layers.Concatenate,
    keras.layers.Softmax,
)


def unallocated_network(settings: NetworkSettings) -> keras.Model:
    """Network of ``settings`` whose weights have shapes but no memory: those of the 6-level V-Net would take 1.1 GB."""
    with keras.StatelessScope(initialize_variables=False):
        return build_network(settings)


def flops_per_voxel(model: keras.Model) -> float:
    """Floating-point operations of a forward pass of ``model``, divided by the voxels of its input."""
    *sides, channels = model.input.shape[1:]
    sides = [side or _LARGEST for side in sides]
    with keras.StatelessScope(initialize_variables=False):
        # Of its layers alone: a compiled model brings its optimizer along.
        bare = keras.Model(model.input, model.output)
        sized = keras.models.clone_model(bare, input_tensors=keras.Input((*sides, channels)))
    return sum(_layer_flops(layer) for layer in sized.layers) / math.prod(sides)


def training_flops(per_voxel: float, window: int, batch_size: int, steps: int) -> float:
    """Floating-point operations of a training of ``steps`` batches of cubes of ``window``^3 voxels."""
    return TRAINING_FACTOR * per_voxel * window**3 * batch_size * steps


def _layer_flops(layer: keras.Layer) -> int:
    """Operations of a layer on a batch of one."""
    if isinstance(layer, keras.layers.Conv3DTranspose):
        applications, inputs = math.prod(layer.input.shape[1:-1]), layer.input.shape[-1]
    elif isinstance(layer, keras.layers.Conv3D):
        applications, inputs = math.prod(layer.output.shape[1:-1]), layer.input.shape[-1] // layer.groups
    elif isinstance(layer, _FREE):
        return 0
    else:
        # A layer that nobody has thought of would make every count quietly too small.
        raise TypeError(f"layer {layer.name} is a {type(layer).__name__}, whose operations are not known here")
    return 2 * math.prod(layer.kernel_size) * inputs * layer.filters * applications
