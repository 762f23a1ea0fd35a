"""Coordinates in which the posterior is nearly Gaussian.

Notes
-----
Scale and shift of the summary psi = softplus(w . f + b) and the slopes and biases of the mixture behind it undo each
other almost completely: the posterior of theta is a long, bent, narrow valley. What the data fix are the outputs of
the mass function in environments they know. An engine of one filter is therefore sampled in

    ln |w_0|,  w_k / w_0,  y = w . (f_low + f_high) / 2 + b,  and the mass function's components at f_low and at f_high

as :mod:`halonet.neural_bias.outputs` describes them, f_low the mean environment of the volume and f_high that of the
haloes. A second summary has coordinates of the same kind, and outputs of more coefficients need more environments:
each summary's low or high one, or that of the emptier half where there is one summary. This is a change of variables,
not of the posterior: with D the determinant of the summaries (and products) in these environments beside a column of
ones, the Jacobian |w_0|^(number of weights) |D|^(- number of outputs), times that of the outputs, stands in the
potential. A first weight does not change its sign along a chain; no response to the density lies between the two
signs.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import tensorflow as tf

from halonet.neural_bias.model import NeuralBiasModel
from halonet.neural_bias.outputs import flanks_of, outputs_of

CHANGE = 1e-5  # of a coordinate, for derivatives of one set of coordinates by another


class Coordinates(Protocol):
    """A change of variables."""

    def theta(self, phi: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Parameters, shape (parameters,), of coordinates of the same shape; and ln |det dtheta / dphi|."""

    def phi(self, theta: np.ndarray) -> np.ndarray:
        """Coordinates of given parameters, shape (parameters,)."""


class Plain:
    """The parameters themselves."""

    def theta(self, phi: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The coordinates, with no change of volume."""
        return phi, tf.zeros((), phi.dtype)

    def phi(self, theta: np.ndarray) -> np.ndarray:
        """The parameters."""
        return theta


class Anchored:
    """The mass function in a few environments in place of the coefficients of its outputs.

    Parameters
    ----------
    anchors
        Features of the environments, shape (features,) each: one more than the outputs have coefficients beside their
        constant. The first and the last are the low and the high one.
    pivots
        u at which each component's value and slope are taken, shape (K,). None: the network's outputs stand for them,
        which are worse to sample but better to search in, from far away.
    """

    def __init__(self, model: NeuralBiasModel, anchors: Sequence[np.ndarray], pivots: np.ndarray | None = None):
        if not has_anchors(model):
            raise ValueError("anchored coordinates need one layer of one filter and no dense layers")
        if len(anchors) != model.channels + 1:
            raise ValueError(f"{len(anchors)} environments; these outputs need {model.channels + 1}")
        offsets = model.known_offsets
        means = offsets.feature_means
        self.model, self.mixture, self.pivots = model, model.mixture, pivots
        self.rows, self.extra = 3 * model.mixture.components, model.counting.rows
        self.constants = np.concatenate([offsets.rows, np.zeros(self.extra)])
        self.anchors = np.array([anchor - means for anchor in anchors])
        engine = len(means) - model.carried
        # First feature of each summary, its end, and what is subtracted from the summary.
        self.parts = [(0, engine, offsets.summary)]
        if model.carried:
            self.parts.append((engine, len(means), float(np.log(2.0))))

    def theta(self, phi: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Parameters in the model's order, and the logarithm of the Jacobian."""
        blocks, summaries, log_volume, at = [], [], tf.zeros((), phi.dtype), 0
        for start, stop, reference in self.parts:
            count = stop - start
            anchors, own = tf.constant(self.anchors[:, start:stop], phi.dtype), phi[at : at + count + 1]
            weights = tf.exp(own[:1]) * tf.concat([tf.ones(1, phi.dtype), own[1:count]], 0)
            bias = own[count] - tf.reduce_sum(weights * (anchors[0] + anchors[-1])) / 2
            summaries.append(tf.nn.softplus(tf.linalg.matvec(anchors, weights) + bias) - reference)
            blocks += [weights, bias[None]]
            log_volume, at = log_volume + count * own[0], at + count + 1
        outputs, volumes = self._outputs(tf.reshape(phi[at:], (len(self.anchors), -1)))
        coefficients, log_determinant = _through(self._channels(summaries), outputs - self.constants)
        for start, stop in self._blocks():
            blocks += [tf.reshape(coefficients[1:, start:stop], [-1]), coefficients[0, start:stop]]
        return tf.concat(blocks, 0), log_volume - (self.rows + self.extra) * log_determinant + volumes

    def _channels(self, summaries: list) -> list:
        """What the outputs are affine in, each of shape (environments,); tensors or arrays."""
        return [*summaries, summaries[0] * summaries[-1]] if self.model.degree > 1 else summaries

    def _blocks(self) -> list[tuple[int, int]]:
        """First row and end of every kind of output: amplitudes, means, widths, dispersion."""
        count = self.mixture.components
        blocks = [(start, start + count) for start in range(0, self.rows, count)]
        return blocks + ([(self.rows, self.rows + self.extra)] if self.extra else [])

    def _outputs(self, flanks: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Outputs in each environment from what is sampled there, and the logarithm of the Jacobian."""
        if self.pivots is None:
            return flanks, tf.zeros((), flanks.dtype)
        rows, log_volume = outputs_of(self.mixture, self.pivots, flanks[:, : self.rows])
        return tf.concat([rows, flanks[:, self.rows :]], axis=1), log_volume

    def phi(self, theta: np.ndarray) -> np.ndarray:
        """Coordinates of parameters, whose summaries must have positive first weights."""
        found, summaries, at = [], [], 0
        for start, stop, reference in self.parts:
            weights, bias = theta[at : at + stop - start], theta[at + stop - start]
            if not weights[0] > 0:
                raise ValueError(
                    f"the first weight of a summary is {weights[0]}; these coordinates are for the sign +1"
                )
            anchors = self.anchors[:, start:stop]
            summaries.append(np.logaddexp(0, anchors @ weights + bias) - reference)
            middle = weights @ (anchors[0] + anchors[-1]) / 2 + bias
            found += [[np.log(weights[0])], weights[1:] / weights[0], [middle]]
            at += stop - start + 1
        channels, kinds, rest = np.stack(self._channels(summaries), axis=1), [], theta[at:]
        for start, stop in self._blocks():
            block, rest = np.split(rest, [(channels.shape[1] + 1) * (stop - start)])
            block = block.reshape(channels.shape[1] + 1, -1)
            kinds.append(channels @ block[:-1] + block[-1] + self.constants[start:stop])
        outputs = np.concatenate(kinds, axis=1)
        if self.pivots is not None:
            flanks = np.array([flanks_of(self.mixture, self.pivots, rows[: self.rows]) for rows in outputs])
            outputs = np.concatenate([flanks, outputs[:, self.rows :]], axis=1)
        return np.concatenate([*found, *outputs])


def _through(channels: list[tf.Tensor], values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Affine functions of the channels, each of shape (points,), through values of shape (points, rows).

    Returns their coefficients, the constant first, shape (channels + 1, rows), and ln |det| of the system.
    """
    size, log_determinant = len(channels) + 1, tf.zeros((), values.dtype)
    system = tf.concat([tf.stack([tf.ones_like(channels[0]), *channels], axis=1), values], axis=1)
    for i, unit in enumerate(tf.unstack(tf.eye(size, dtype=values.dtype))):  # by Gauss and Jordan: two to four unknowns
        pivot = system[i, i]
        log_determinant += tf.math.log(tf.abs(pivot))
        system -= (system[:, i] - unit)[:, None] * (system[i] / pivot)
    return system[:, size:], log_determinant


def carried_over(covariance: np.ndarray, place: np.ndarray, old: Coordinates, new: Coordinates) -> np.ndarray:
    """Covariance in the new coordinates, to first order, shape (parameters, parameters).

    ``covariance`` is that in the old coordinates, at ``place`` in them, shape (parameters,).
    """

    def moved(at: np.ndarray) -> np.ndarray:
        return new.phi(old.theta(tf.constant(at))[0].numpy())

    steps = CHANGE * np.eye(len(place))
    jacobian = np.stack([(moved(place + step) - moved(place - step)) / (2 * CHANGE) for step in steps], axis=1)
    return jacobian @ covariance @ jacobian.T


def has_anchors(model: NeuralBiasModel) -> bool:
    """Whether anchored coordinates exist for a model."""
    return model.is_pointwise and not model.dense and model.layers[0].outputs == 1
