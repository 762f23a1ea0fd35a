"""A network as a graph of OpenVINO, which computes less than all of a tile.

The layers of the Keras network are translated one by one; the weights are those of the network's folder. Of a tile only
the core is kept, and the last layers see no further than a few cells. So wherever a tensor of the way down meets one of
the way up, both are cut to what the layers after it can still reach: with a core of 128 cells and a buffer of 24 the
default network computes 1.5 times the core in place of 2.6 times.
"""

from collections.abc import Mapping
from functools import singledispatch
from typing import Any

import keras
import numpy as np
import openvino as ov
from openvino import opset15 as ops

from halonet.network.quantised import LARGEST, LEVELS, Quantised, QuantisedConvolution
from halonet.settings import SettingsError

FIRST = [0, 2, 3, 4, 1]  # from channels first to channels last, as Keras has them
AXES = [2, 3, 4]  # of space, channels first
NONE = Quantised()


def graph_of(
    model: keras.Model,
    sides: tuple[int, int, int],
    buffer: int,
    convolutions: Mapping[str, QuantisedConvolution] = NONE.convolutions,
    channel_steps: np.ndarray = NONE.channel_steps,
) -> ov.Model:
    """Graph of ``model`` for one tile.

    Its inputs are a normalised density, float32 of shape (1, 1, *sides), and where the network has them C further
    channels of that shape: float16, or where their steps are given int8. Its output are the channels of the network's
    output for the core of the tile, float32 of its shape between an axis of one and that of the channels.

    Parameters
    ----------
    sides
        Cells of a tile along each axis, which the network takes.
    buffer
        Cells that are trimmed from each of its faces.
    convolutions
        Those of its layers that are computed in whole numbers.
    channel_steps
        What units of the further channels are worth, where these are whole numbers.

    Raises
    ------
    SettingsError
        If the network has a layer that is unknown here.
    """
    _check_all_are_layers(model)
    inputs, first = _inputs(sides, model.input.shape[-1] - 1, channel_steps)
    scales = _scales(model)
    reach, nodes = _reach(model, scales), {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            nodes[_name(layer.output)] = (first, buffer)
            continue
        sources = [nodes[_name(tensor)] for tensor in _list(layer.input)]
        margin, scale = min(held for _, held in sources), scales[_name(_list(layer.input)[0])]
        if isinstance(layer, keras.layers.Concatenate):
            # To whole cells of this level; where the buffer is none such, nothing is cut.
            margin = margin if buffer % scale else min(margin, -(-reach[_name(layer.output)] // scale) * scale)
        cut = [_cut(node, (held - margin) // scale) for node, held in sources]
        whole = convolutions.get(layer.name)
        node = _translated(layer, cut) if whole is None else _in_whole_numbers(layer, whole, cut[0])
        nodes[_name(layer.output)] = (node, margin)
    node, margin = nodes[_name(model.output)]
    return ov.Model([ops.transpose(_cut(node, margin), FIRST)], inputs, model.name)


def _check_all_are_layers(model: keras.Model) -> None:
    outputs = {_name(layer.output) for layer in model.layers}
    wanted = [model.output, *(tensor for layer in model.layers for tensor in _list(layer.input))]
    if not all(_name(tensor) in outputs for tensor in wanted):
        raise SettingsError(f"{model.name} has operations that are no layers, which are not known here")


def _inputs(sides: tuple[int, int, int], channels: int, steps: np.ndarray) -> tuple[list[Any], Any]:
    """Parameters of the graph, and all channels of a tile, float32 with channels first."""
    shape, kind = [1, 1, *sides], np.int8 if len(steps) else np.float16
    density = ops.parameter(shape, np.float32, name="density")
    if not channels:
        return [density], density
    beside = [ops.parameter(shape, kind, name=f"channel_{index}") for index in range(channels)]
    values = [ops.convert(field, "f32") for field in beside]
    if len(steps):
        values = [ops.multiply(value, ops.constant(step)) for value, step in zip(values, steps, strict=True)]
    return [density, *beside], ops.concat([density, *values], 1)


def _list(tensors: Any) -> list[Any]:
    return tensors if isinstance(tensors, list) else [tensors]


def _name(tensor: Any) -> int:
    return id(tensor)


def _scales(model: keras.Model) -> dict[int, int]:
    """Cells of the input along a side of a cell of every tensor."""
    scales: dict[int, int] = {}
    for layer in model.layers:
        before = 1 if isinstance(layer, keras.layers.InputLayer) else scales[_name(_list(layer.input)[0])]
        if isinstance(layer, keras.layers.Conv3DTranspose):
            before //= layer.strides[0]
        elif isinstance(layer, keras.layers.Conv3D):
            before *= layer.strides[0]
        scales[_name(layer.output)] = before
    return scales


def _reach(model: keras.Model, scales: dict[int, int]) -> dict[int, int]:
    """How many cells of the input around the core, from every tensor on, the layers after it look at."""
    reach = dict.fromkeys(scales, 0)
    for layer in reversed(model.layers):
        if isinstance(layer, keras.layers.InputLayer):
            continue
        own = 0
        if isinstance(layer, keras.layers.Conv3D) and layer.strides[0] == 1:
            own = layer.kernel_size[0] // 2 * scales[_name(layer.output)]
        for tensor in _list(layer.input):
            reach[_name(tensor)] = max(reach[_name(tensor)], reach[_name(layer.output)] + own)
    return reach


def _cut(node: Any, cells: int) -> Any:
    """A tensor without so many cells at each face."""
    if not cells:
        return node
    return ops.slice(node, [cells] * 3, [-cells] * 3, [1] * 3, AXES)


@singledispatch
def _translated(layer: keras.Layer, inputs: list[Any]) -> Any:
    """Node that does what a layer does, for tensors with channels first."""
    raise SettingsError(f"layer {layer.name} is a {type(layer).__name__}, which is not known here")


def _values(layer: keras.Layer) -> list[np.ndarray]:
    return [keras.ops.convert_to_numpy(weight).astype(np.float32) for weight in layer.weights]


def _weights(layer: keras.layers.Conv3D) -> tuple[Any, np.ndarray]:
    """Kernel with its channels first, and bias of a convolution that does nothing else."""
    kernel, bias = _values(layer)
    padded = layer.padding == "same" or set(layer.kernel_size) == {1}
    plain = padded and getattr(layer, "groups", 1) == 1 and set(layer.dilation_rate) == {1}
    if not plain or layer.activation is not keras.activations.linear:
        raise SettingsError(f"layer {layer.name}: only plain convolutions with zero padding are known here")
    return ops.constant(np.ascontiguousarray(kernel.transpose(4, 3, 0, 1, 2))), bias


def _with_bias(node: Any, bias: np.ndarray) -> Any:
    return ops.add(node, ops.constant(bias.reshape(1, -1, 1, 1, 1)))


@_translated.register
def _(layer: keras.layers.Conv3D, inputs: list[Any]) -> Any:
    kernel, bias = _weights(layer)
    return _with_bias(_convolved(layer, inputs[0], kernel), bias)


def _convolved(layer: keras.layers.Conv3D, node: Any, kernel: Any) -> Any:
    # Padding as "same" has it: for a kernel as wide as its stride none.
    before = [(size - step) // 2 for size, step in zip(layer.kernel_size, layer.strides, strict=True)]
    after = [size - step - first for size, step, first in zip(layer.kernel_size, layer.strides, before, strict=True)]
    convolved = ops.convolution(node, kernel, list(layer.strides), before, after, [1] * 3)
    convolved.set_friendly_name(layer.name)
    return convolved


def _in_whole_numbers(layer: keras.layers.Conv3D, held: QuantisedConvolution, node: Any) -> Any:
    """A convolution as OpenVINO knows those of eight bits: by the numbers that inputs and weights are rounded to."""
    steps, zero = held.input_steps.reshape(1, -1, 1, 1, 1), np.float32(held.zero)
    least, greatest = ops.constant(-zero), ops.constant(np.float32(LEVELS) - zero)
    low, high = ops.constant(-zero * steps), ops.constant((np.float32(LEVELS) - zero) * steps)
    whole = ops.fake_quantize(node, low, high, least, greatest, LEVELS + 1)
    outputs = held.output_steps.reshape(-1, 1, 1, 1, 1)
    edges = [ops.constant(sign * np.float32(LARGEST) * outputs) for sign in (-1, 1)]
    kernel = ops.fake_quantize(ops.constant(held.kernel * outputs), *edges, *edges, 2 * LARGEST + 1)
    return _with_bias(_convolved(layer, whole, kernel), held.bias)


@_translated.register
def _(layer: keras.layers.Conv3DTranspose, inputs: list[Any]) -> Any:
    kernel, bias = _weights(layer)
    return _with_bias(ops.convolution_backprop_data(inputs[0], kernel, list(layer.strides)), bias)


@_translated.register
def _(layer: keras.layers.BatchNormalization, inputs: list[Any]) -> Any:
    gamma, beta, mean, variance = _values(layer)
    factor = gamma / np.sqrt(variance + layer.epsilon)
    scaled = ops.multiply(inputs[0], ops.constant(factor.reshape(1, -1, 1, 1, 1)))
    return _with_bias(scaled, beta - mean * factor)


@_translated.register
def _(layer: keras.layers.LeakyReLU, inputs: list[Any]) -> Any:
    return ops.prelu(inputs[0], ops.constant(np.array([layer.negative_slope], np.float32)))


@_translated.register
def _(layer: keras.layers.Dropout, inputs: list[Any]) -> Any:
    return inputs[0]


@_translated.register
def _(layer: keras.layers.Add, inputs: list[Any]) -> Any:
    total = inputs[0]
    for other in inputs[1:]:
        total = ops.add(total, other)
    return total


@_translated.register
def _(layer: keras.layers.Concatenate, inputs: list[Any]) -> Any:
    return ops.concat(inputs, 1)


@_translated.register
def _(layer: keras.layers.Softmax, inputs: list[Any]) -> Any:
    return ops.softmax(inputs[0], 1)
