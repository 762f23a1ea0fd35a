"""The neural bias model: layout of its parameters, and from responses of the density to a mass function.

Notes
-----
The engine convolves ln(rho + floor) with multipole kernels, adds a bias and applies softplus, layer after layer; the
filters of the last layer are summed into one summary psi per voxel, which optional dense layers widen. A mixture
density network makes psi a mass function. The default, one kernel of l = 0 and 3^3, no dense layer and two Gaussians,
has 4 + 1 + 12 = 17 parameters.

The responses of the first layer are linear in its weights, so for a density that stays fixed they are computed once
(:meth:`NeuralBiasModel.features`); a model of one layer then is a function of each voxel's few responses alone.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import tensorflow as tf

from halonet.neural_bias.counting import Counting
from halonet.neural_bias.kernels import MultipoleBasis, multipole_basis
from halonet.neural_bias.mixture import Components, Mixture, components
from halonet.neural_bias.responses import BOUNDARIES, multipole_responses

OUTPUTS = ("amplitude", "mean", "width")  # of the mixture, each of its components


@dataclass(frozen=True)
class Layer:
    """A convolutional layer: cells along a side of its kernels, and how many filters of each multipole."""

    kernel: int = 3
    filters: tuple[tuple[int, int], ...] = ((0, 1),)  # pairs (l, number)

    def bases(self) -> list[tuple[MultipoleBasis, int]]:
        """Kernels of each multipole with the number of filters made of them."""
        return [(multipole_basis(self.kernel, ell), count) for ell, count in self.filters]

    @property
    def outputs(self) -> int:
        """Number of filters."""
        return sum(count for _, count in self.filters)


@dataclass(frozen=True)
class Offsets:
    """Constants that put the prior's centre, theta = 0, where the data are.

    Attributes
    ----------
    rows
        Added to the 3 K outputs of the network: ca, cm, cs of :mod:`halonet.neural_bias.mixture`; shape (3 K,).
    feature_means
        Subtracted from the responses of the first layer, shape (features,).
    summary
        Subtracted from the summaries before dense layers and mixture.
    """

    rows: np.ndarray
    feature_means: np.ndarray
    summary: float = 0.0

    def as_dict(self) -> dict:
        """The constants as JSON takes them."""
        return {"rows": list(self.rows), "feature_means": list(self.feature_means), "summary": self.summary}

    @classmethod
    def from_dict(cls, values: dict) -> "Offsets":
        """Constants read from JSON."""
        return cls(np.array(values["rows"]), np.array(values["feature_means"]), values["summary"])


@dataclass(frozen=True)
class NeuralBiasModel:
    """Layers, mixture, boundary and constants.

    Attributes
    ----------
    layers, dense
        Convolutional layers; widths of dense layers behind them.
    boundary
        ``wrap`` or ``valid`` (:func:`halonet.neural_bias.responses.multipole_responses`).
    invariant
        Feed the first layer, for l > 0, the power sum_m (K_lm * x)^2 of every shell in place of single responses: the
        summary then rotates and reflects with the field. Costs one weight per shell.
    degree
        Of the polynomials in the summary that the mixture's outputs are: 1, or 2, which costs 3 K parameters more.
    counting
        Law of the number of haloes in a voxel; all but Poisson have a dispersion of as many parameters as an output.
    """

    layers: tuple[Layer, ...] = (Layer(),)
    dense: tuple[int, ...] = ()
    mixture: Mixture = field(default_factory=Mixture)
    boundary: str = "wrap"
    invariant: bool = False
    degree: int = 1
    counting: Counting = field(default_factory=Counting)
    offsets: Offsets | None = None

    def __post_init__(self) -> None:
        if self.boundary not in BOUNDARIES:
            raise ValueError(f"boundary {self.boundary!r} is none of {', '.join(BOUNDARIES)}")
        if self.invariant and len(self.layers) > 1:
            raise ValueError("the invariant mode is for an engine of one layer")
        if self.degree > 1 and self.dense:
            raise ValueError("outputs of a degree above one are for an engine without dense layers")

    @property
    def is_pointwise(self) -> bool:
        """Whether a voxel's summary depends on its own features only, which holds for a single layer."""
        return len(self.layers) == 1

    @property
    def trimmed_cells(self) -> int:
        """Cells lost at each face of the field: half the receptive field with ``valid``, none with ``wrap``."""
        return 0 if self.boundary == "wrap" else sum(layer.kernel // 2 for layer in self.layers)

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every block of theta, in its order."""
        shapes: dict[str, tuple[int, ...]] = {}
        channels = 1
        for number, layer in enumerate(self.layers):
            for basis, count in layer.bases():
                weights = len(basis.shells) if self.invariant and basis.ell else len(basis)
                shapes[f"layer{number}.l{basis.ell}"] = (count, channels * weights)
            shapes[f"layer{number}.bias"] = (layer.outputs,)
            channels = layer.outputs
        widths = (1, *self.dense)
        for number, (before, after) in enumerate(pairwise(widths)):
            shapes |= {f"dense{number}.weights": (before, after), f"dense{number}.bias": (after,)}
        outputs = dict.fromkeys(OUTPUTS, self.mixture.components)
        if self.counting.rows:
            outputs["dispersion"] = self.counting.rows
        for name, count in outputs.items():
            shapes[f"{name}.weights"] = (widths[-1] * self.degree, count)
            shapes[f"{name}.bias"] = (count,)
        return shapes

    @property
    def parameters(self) -> int:
        """Number of parameters."""
        return sum(int(np.prod(shape)) for shape in self.shapes.values())

    def names(self) -> list[str]:
        """Name of every parameter."""
        return [
            name if shape == (1,) else f"{name}[{','.join(map(str, index))}]"
            for name, shape in self.shapes.items()
            for index in np.ndindex(*shape)
        ]

    @property
    def known_offsets(self) -> Offsets:
        """The offsets; ValueError where the model has none yet."""
        if self.offsets is None:
            raise ValueError("the model has no offsets yet; with_offsets gives it some")
        return self.offsets

    def with_offsets(self, offsets: Offsets) -> "NeuralBiasModel":
        """The model with its constants set."""
        return replace(self, offsets=offsets)

    def unpack(self, theta: tf.Tensor) -> dict[str, tf.Tensor]:
        """Blocks of theta, shape (parameters,), by name, in the shapes of :attr:`shapes`."""
        blocks, start = {}, 0
        for name, shape in self.shapes.items():
            stop = start + int(np.prod(shape))
            blocks[name], start = tf.reshape(theta[start:stop], shape), stop
        return blocks

    def features(self, field: tf.Tensor) -> tf.Tensor:
        """Responses of the first layer to ln(rho + floor) of shape (N, N, N); shape (features, voxels)."""
        rows = []
        for basis, _ in self.layers[0].bases():
            responses = multipole_responses(field, basis, self.boundary)
            if self.invariant and basis.ell:
                squares = [response**2 for response in responses]
                which = [basis.squared_radii == shell for shell in basis.shells]
                responses = [sum(squares[i] for i in np.flatnonzero(rows)) for rows in which]
            rows += [tf.reshape(response, [-1]) for response in responses]
        return tf.stack(rows)

    def summary(self, theta: tf.Tensor, features: tf.Tensor) -> tf.Tensor:
        """Summary psi of every voxel, shape (voxels,), from the features of shape (features, voxels)."""
        blocks = self.unpack(theta)
        features = features - tf.constant(self.known_offsets.feature_means[:, None], features.dtype)
        channels, start = [], 0
        for basis, _ in self.layers[0].bases():
            weights = blocks[f"layer0.l{basis.ell}"]
            stop = start + weights.shape[1]
            channels += _filters(weights, features[start:stop])
            start = stop
        channels = _activate(channels, blocks["layer0.bias"])
        for number, layer in enumerate(self.layers[1:], 1):
            channels = self._convolve(number, layer, blocks, channels)
        return sum(channels) - tf.constant(self.known_offsets.summary, features.dtype)

    def _convolve(self, number: int, layer: Layer, blocks: dict, channels: list[tf.Tensor]) -> list[tf.Tensor]:
        side = round(channels[0].shape[0] ** (1 / 3))
        fields = [tf.reshape(channel, (side,) * 3) for channel in channels]
        outputs = []
        for basis, _ in layer.bases():
            responses = [r for field in fields for r in multipole_responses(field, basis, self.boundary)]
            rows = tf.stack([tf.reshape(response, [-1]) for response in responses])
            outputs += _filters(blocks[f"layer{number}.l{basis.ell}"], rows)
        return _activate(outputs, blocks[f"layer{number}.bias"])

    def mass_function(self, theta: tf.Tensor, summary: tf.Tensor) -> Components:
        """Mixture that is the mass function of each summary; summaries of shape (points,)."""
        blocks = self.unpack(theta)
        channels = self._channels(blocks, summary)
        constants = tf.constant(self.known_offsets.rows, summary.dtype)
        rows = [row for name in OUTPUTS for row in _outputs(name, blocks, channels)]
        return components(self.mixture, [row + constants[i] for i, row in enumerate(rows)])

    def dispersion(self, theta: tf.Tensor, summary: tf.Tensor) -> tf.Tensor | None:
        """Dispersion of the number of haloes for each summary, shape (points,); None for the Poisson law."""
        if not self.counting.rows:
            return None
        blocks = self.unpack(theta)
        return self.counting.dispersion(_outputs("dispersion", blocks, self._channels(blocks, summary))[0])

    def _channels(self, blocks: dict[str, tf.Tensor], summary: tf.Tensor) -> list[tf.Tensor]:
        """What the outputs are affine functions of: the summary behind the dense layers, or its powers."""
        channels = [summary**power if power > 1 else summary for power in range(1, self.degree + 1)]
        for number in range(len(self.dense)):
            rows = _filters(tf.transpose(blocks[f"dense{number}.weights"]), channels)
            channels = _activate(rows, blocks[f"dense{number}.bias"])
        return channels


def _filters(weights: tf.Tensor, inputs: tf.Tensor | list[tf.Tensor]) -> list[tf.Tensor]:
    """Weighted sums of the inputs, one per row of ``weights`` of shape (outputs, inputs).

    Written as sums, which XLA fuses with what follows; a matrix product would go through memory.
    """
    rows = tf.unstack(inputs) if isinstance(inputs, tf.Tensor) else inputs
    return [sum(weights[i, j] * row for j, row in enumerate(rows)) for i in range(weights.shape[0])]


def _outputs(name: str, blocks: dict[str, tf.Tensor], channels: list[tf.Tensor]) -> list[tf.Tensor]:
    outputs = _filters(tf.transpose(blocks[f"{name}.weights"]), channels)
    return [row + bias for row, bias in zip(outputs, tf.unstack(blocks[f"{name}.bias"]), strict=True)]


def _activate(rows: list[tf.Tensor], bias: tf.Tensor) -> list[tf.Tensor]:
    return [tf.nn.softplus(row + bias[i]) for i, row in enumerate(rows)]
