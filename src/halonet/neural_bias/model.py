"""The neural bias model: layout of its parameters, and from responses of the density to a mass function.

Notes
-----
The engine convolves ln(rho + floor) with multipole kernels, adds a bias and applies softplus, layer after layer; the
filters of the last layer are summed into one summary psi per voxel, which optional dense layers widen. A mixture
density network makes psi a mass function. The default, one kernel of l = 0 and 3^3, no dense layer and two Gaussians,
has 4 + 1 + 12 = 17 parameters.

What formed where this matter came from says more than where it has arrived: a second summary, phi = softplus(v . g +
c), can be taken of the linear density, smoothed over several lengths, that the matter of a voxel has brought along
(:func:`halonet.neural_bias.evolution.carried`). The mixture's outputs then are affine in psi and phi.

The responses of the first layer are linear in its weights, so for a density that stays fixed they are computed once
(:meth:`NeuralBiasModel.features`); a model of one layer then is a function of each voxel's few responses alone.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import tensorflow as tf

from halonet.neural_bias.constants import Offsets
from halonet.neural_bias.counting import Counting
from halonet.neural_bias.layers import Layer, activate, filters
from halonet.neural_bias.mixture import Components, Mixture, components
from halonet.neural_bias.responses import BOUNDARIES, multipole_responses

OUTPUTS = ("amplitude", "mean", "width")  # of the mixture, each of its components


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
    carried
        Number of smoothed linear densities of which the second summary is made; 0 for none.
    degree
        Of the polynomials in the summaries that the mixture's outputs are: 1, or 2, which adds a product to every one.
    counting
        Law of the number of haloes in a voxel; all but Poisson have a dispersion of as many parameters as an output.
    """

    layers: tuple[Layer, ...] = (Layer(),)
    dense: tuple[int, ...] = ()
    mixture: Mixture = field(default_factory=Mixture)
    boundary: str = "wrap"
    invariant: bool = False
    carried: int = 0
    degree: int = 1
    counting: Counting = field(default_factory=Counting)
    offsets: Offsets | None = None

    def __post_init__(self) -> None:
        if self.boundary not in BOUNDARIES:
            raise ValueError(f"boundary {self.boundary!r} is none of {', '.join(BOUNDARIES)}")
        if self.invariant and len(self.layers) > 1:
            raise ValueError("the invariant mode is for an engine of one layer")
        if (self.degree > 1 or self.carried) and (self.dense or len(self.layers) > 1):
            raise ValueError(
                "a second summary and outputs of degree 2 are for an engine of one layer without dense layers"
            )

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
        if self.carried:
            shapes |= {"carried.weights": (self.carried,), "carried.bias": (1,)}
        widths = (1, *self.dense)
        for number, (before, after) in enumerate(pairwise(widths)):
            shapes |= {f"dense{number}.weights": (before, after), f"dense{number}.bias": (after,)}
        outputs = dict.fromkeys(OUTPUTS, self.mixture.components)
        if self.counting.rows:
            outputs["dispersion"] = self.counting.rows
        for name, count in outputs.items():
            shapes[f"{name}.weights"] = (self.channels if not self.dense else widths[-1], count)
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
    def channels(self) -> int:
        """What outputs are affine in without dense layers: the summaries, and one product for degree 2."""
        return (2 if self.carried else 1) + self.degree - 1

    @property
    def known_offsets(self) -> Offsets:
        """The offsets; ValueError where the model has none yet."""
        if self.offsets is None:
            raise ValueError("the model has no offsets yet; with_offsets gives it some")
        return self.offsets

    @property
    def offset_shapes(self) -> tuple[tuple[int], tuple[int]]:
        """Shapes of the rows and of the feature means of its offsets."""
        features = sum(len(basis) for basis, _ in self.layers[0].bases()) + self.carried
        return (3 * self.mixture.components,), (features,)

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
        """Summary psi of every voxel, shape (voxels,), from the features of shape (features, voxels).

        With carried densities, the last of the features, the shape is (2, voxels): psi and phi.
        """
        blocks = self.unpack(theta)
        features = features - tf.constant(self.known_offsets.feature_means[:, None], features.dtype)
        channels, start = [], 0
        for basis, _ in self.layers[0].bases():
            weights = blocks[f"layer0.l{basis.ell}"]
            stop = start + weights.shape[1]
            channels += filters(weights, features[start:stop])
            start = stop
        channels = activate(channels, blocks["layer0.bias"])
        for number, layer in enumerate(self.layers[1:], 1):
            channels = self._convolve(number, layer, blocks, channels)
        summary = sum(channels) - tf.constant(self.known_offsets.summary, features.dtype)
        if not self.carried:
            return summary
        weighted = filters(blocks["carried.weights"][None], features[start:])
        second = activate(weighted, blocks["carried.bias"])[0] - tf.constant(np.log(2.0), features.dtype)
        return tf.stack([summary, second])

    def _convolve(self, number: int, layer: Layer, blocks: dict, channels: list[tf.Tensor]) -> list[tf.Tensor]:
        side = round(channels[0].shape[0] ** (1 / 3))
        fields = [tf.reshape(channel, (side,) * 3) for channel in channels]
        outputs = []
        for basis, _ in layer.bases():
            responses = [r for field in fields for r in multipole_responses(field, basis, self.boundary)]
            rows = tf.stack([tf.reshape(response, [-1]) for response in responses])
            outputs += filters(blocks[f"layer{number}.l{basis.ell}"], rows)
        return activate(outputs, blocks[f"layer{number}.bias"])

    def mass_function(self, theta: tf.Tensor, summary: tf.Tensor) -> Components:
        """Mixture that is the mass function of each summary, shape (points,) or (2, points)."""
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
        """What the outputs are affine in: the summary behind the dense layers, or the summaries and their product."""
        channels = tf.unstack(summary) if self.carried else [summary]
        if self.degree > 1:
            channels = [*channels, channels[0] * channels[-1]]
        for number in range(len(self.dense)):
            rows = filters(tf.transpose(blocks[f"dense{number}.weights"]), channels)
            channels = activate(rows, blocks[f"dense{number}.bias"])
        return channels


def _outputs(name: str, blocks: dict[str, tf.Tensor], channels: list[tf.Tensor]) -> list[tf.Tensor]:
    outputs = filters(tf.transpose(blocks[f"{name}.weights"]), channels)
    return [row + bias for row, bias in zip(outputs, tf.unstack(blocks[f"{name}.bias"]), strict=True)]
