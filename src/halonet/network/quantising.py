"""Choosing the whole numbers of a network's convolutions, from tiles of densities that it may be shown.

One layer after the other, in the order of the network, sees the inputs that the rounded layers before it lead to:

- The range of every channel is the one that rounds to whole numbers with the least mean square error; a few inputs
  beyond it are cut off. The least whole number is the same for all channels.
- Weights are rounded one after the other, and what rounding one of them changes in the outputs is made up for by those
  that are still free (Frantar et al. 2023, *GPTQ*, arXiv:2210.17323, algorithm 1; Hassibi & Stork 1993). Channels that
  are averages of one density over spheres nearly cancel each other: rounded each by itself their errors would not.
- The mean error that is left goes into the bias.

Layers of a single cell cost little and those that see the density itself have to be exact: they stay as they are.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import openvino as ov
from scipy import linalg

from halonet.network.graph import NONE, graph_of
from halonet.network.quantised import LARGEST, LEVELS, Quantised, QuantisedConvolution
from halonet.settings import SettingsError

INPUTS = 60_000  # of every channel, from each tile, that its range is chosen by
PATCHES = 8_000  # of each tile, whose sums the rounded weights reproduce
FRACTIONS = np.linspace(1.0, 0.2, 17)  # of the range of inputs that are tried
FRACTIONS_OF_WEIGHTS = np.linspace(1.0, 0.6, 21)
DAMPING = 0.01  # of the mean square of the inputs, which keeps their covariance invertible
BLOCK = 64  # weights whose errors are made up for together

Tile = Sequence[np.ndarray]  # normalised density of shape (S, S, S) and its further channels


@dataclass(frozen=True)
class Rounded:
    """A layer that was rounded: its name, and the error of its sums over their standard deviation."""

    name: str
    error: float


def quantise(
    model: keras.Model,
    tiles: Sequence[Tile],
    buffer: int,
    floating: Sequence[str] = (),
    told: Callable[[Rounded], object] = lambda rounded: None,
) -> Quantised:
    """The convolutions of ``model`` in whole numbers.

    Parameters
    ----------
    tiles
        What they are chosen by: the normalised density of a tile, float32 of shape (S, S, S), and its further channels.
    buffer
        Cells that are trimmed from every face of a tile.
    floating
        Layers to be left in floating point, beside those that always are.
    told
        Is told of every layer that is done.

    Raises
    ------
    SettingsError
        If a layer to be left is none of those that would be rounded.
    """
    known = [layer.name for layer in _layers(model, ())]
    if unknown := set(floating) - set(known):
        raise SettingsError(
            f"floating = {', '.join(sorted(unknown))}: no layer to be rounded; there are {', '.join(known)}"
        )
    found: dict[str, QuantisedConvolution] = {}
    for number, layer in enumerate(_layers(model, floating)):
        true, seen, inputs = [], [], []
        for index, (exact, rounded) in enumerate(_inputs(model, layer, tiles, buffer, found)):
            random = np.random.default_rng([number, index])
            corners = _corners(random, exact.shape[1], layer)
            true.append(_patches(exact, corners, layer))
            seen.append(_patches(rounded, corners, layer))
            inputs.append(rounded.reshape(len(rounded), -1)[:, random.integers(0, rounded[0].size, INPUTS)])
        patches = np.concatenate(true), np.concatenate(seen)
        found[layer.name], error = _rounded(layer, *patches, np.concatenate(inputs, axis=1))
        told(Rounded(layer.name, error))
    return Quantised(found, channel_steps(tiles))


def channel_steps(tiles: Sequence[Tile]) -> np.ndarray:
    """What a unit of every further channel of the tiles is worth, where it is kept as a whole number of eight bits."""
    steps = []
    for fields in list(zip(*tiles, strict=True))[1:]:
        values = np.concatenate([field.ravel()[:: max(1, field.size // INPUTS)] for field in fields]).astype(np.float32)
        low, high = best_range(values, 2 * LARGEST)
        steps.append(max(-low, high) / LARGEST)
    return np.array(steps, np.float32)


def _layers(model: keras.Model, floating: Sequence[str]) -> Iterator[keras.layers.Conv3D]:
    for layer in model.layers:
        plain = isinstance(layer, keras.layers.Conv3D) and not isinstance(layer, keras.layers.Conv3DTranspose)
        if plain and max(layer.kernel_size) > 1 and layer.input is not model.input and layer.name not in floating:
            yield layer


def _inputs(
    model: keras.Model, layer: keras.Layer, tiles: Sequence[Tile], buffer: int, found: dict[str, QuantisedConvolution]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """What a layer is given of every tile, (C, n, n, n): by the layers as they are, and by the rounded ones."""
    requests = []
    for convolutions in (NONE.convolutions, found):
        graph = graph_of(model, tiles[0][0].shape, buffer, convolutions)
        node = next(each for each in graph.get_ops() if each.get_friendly_name() == layer.name)
        part = ov.Model([node.input_value(0)], graph.get_parameters(), layer.name)
        precise = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        requests.append(ov.Core().compile_model(part, "CPU", precise).create_infer_request())
    for tile in tiles:
        fields = [np.ascontiguousarray(field)[None, None] for field in tile]
        exact, rounded = (np.array(request.infer(fields)[0][0]) for request in requests)
        yield exact, rounded


def _corners(random: np.random.Generator, side: int, layer: keras.layers.Conv3D) -> np.ndarray:
    """First cells of patches that lie well within a tile of ``side`` cells, where no padding is seen."""
    stride, margin = layer.strides[0], max(side // 16, 2)
    last = (side - layer.kernel_size[0] - margin) // stride
    return stride * random.integers(margin // stride + 1, last, (PATCHES, 3))


def _patches(field: np.ndarray, corners: np.ndarray, layer: keras.layers.Conv3D) -> np.ndarray:
    """What a convolution sums up, (patches, C side^3), in the order of its weights."""
    steps = np.arange(layer.kernel_size[0])
    x, y, z = (corners[:, axis, None, None, None] for axis in range(3))
    found = field[:, x + steps[:, None, None], y + steps[:, None], z + steps]
    return found.swapaxes(0, 1).reshape(len(corners), -1)


def _rounded(
    layer: keras.layers.Conv3D, true: np.ndarray, seen: np.ndarray, inputs: np.ndarray
) -> tuple[QuantisedConvolution, float]:
    """A layer in whole numbers, from patches of its true inputs and of those that it will see."""
    kernel, bias = (np.asarray(keras.ops.convert_to_numpy(weight), np.float64) for weight in layer.weights)
    weights = kernel.transpose(4, 3, 0, 1, 2)
    shape, weights = weights.shape, weights.reshape(len(weights), -1)
    steps, zero = input_steps(inputs)
    of_patch = np.repeat(steps, layer.kernel_size[0] ** 3)
    whole = np.clip(np.round(seen / of_patch), -zero, LEVELS - zero)
    integers, units = round_weights(weights * of_patch, whole)
    sums = true @ weights.T
    missing = sums - whole @ (integers * units[:, None]).T
    mean = missing.mean(axis=0)
    error = np.sqrt((missing - mean).var() / sums.var())
    integers, single = integers.reshape(shape).astype(np.int8), np.float32
    held = (steps.astype(single), zero, integers, units.astype(single), (bias + mean).astype(single))
    return QuantisedConvolution(*held), float(error)


def best_range(values: np.ndarray, levels: int) -> tuple[float, float]:
    """The range of so many steps to which ``values`` are rounded with the least mean square error."""
    best, found = np.inf, (0.0, 0.0)
    for fraction in FRACTIONS:
        low, high = fraction * min(values.min(), 0.0), fraction * max(values.max(), 0.0)
        step = (high - low) / levels or 1.0
        error = np.square(np.clip(np.round((values - low) / step), 0, levels) * step + low - values).mean()
        if error < best:
            best, found = error, (float(low), float(high))
    return found


def input_steps(inputs: np.ndarray) -> tuple[np.ndarray, int]:
    """Steps of the channels of inputs, (C, values), and the number of steps from the least of them to zero."""
    low, high = np.array([best_range(channel, LEVELS) for channel in inputs]).T
    zero = round(LEVELS * float(np.mean(-low / np.maximum(high - low, 1e-6))))
    below, above = -low / max(zero, 1), high / max(LEVELS - zero, 1)
    return np.maximum(np.maximum(below, above), 1e-7), zero


def round_weights(weights: np.ndarray, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers for ``weights``, (F, d), such that sums over ``inputs``, (n, d), change as little as can be.

    Returns
    -------
    integers, units
        float64 of shapes (F, d) and (F,): weights are nearly ``integers * units[:, None]``.
    """
    covariance = inputs.T @ inputs / len(inputs)
    diagonal = covariance.diagonal().copy()
    covariance[np.diag_indices(len(covariance))] += DAMPING * diagonal.mean()
    units = _units(weights, diagonal)
    order = np.argsort(-diagonal, kind="stable")  # those that matter most while most can make up for them
    upper = linalg.cholesky(linalg.inv(covariance[np.ix_(order, order)]))
    free, integers = weights[:, order].copy(), np.empty_like(weights)
    for start in range(0, len(order), BLOCK):
        stop = min(start + BLOCK, len(order))
        errors = np.empty((len(weights), stop - start))
        for i in range(start, stop):
            rounded = np.clip(np.round(free[:, i] / units), -LARGEST, LARGEST)
            integers[:, order[i]] = rounded
            errors[:, i - start] = (free[:, i] - rounded * units) / upper[i, i]
            free[:, i:stop] -= errors[:, i - start, None] * upper[i, i:stop]
        free[:, stop:] -= errors @ upper[start:stop, stop:]
    return integers, units


def _units(weights: np.ndarray, diagonal: np.ndarray) -> np.ndarray:
    """Step of every row of weights, (F,), of the least error where inputs have these mean squares."""
    greatest = np.maximum(np.abs(weights).max(axis=1), 1e-12)
    best, units = np.full(len(weights), np.inf), greatest / LARGEST
    for fraction in FRACTIONS_OF_WEIGHTS:
        tried = fraction * greatest / LARGEST
        rounded = np.clip(np.round(weights / tried[:, None]), -LARGEST, LARGEST) * tried[:, None]
        errors = (diagonal * (rounded - weights) ** 2).sum(axis=1)
        units = np.where(errors < best, tried, units)
        best = np.minimum(best, errors)
    return units
