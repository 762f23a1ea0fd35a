"""Coordinates in which the posterior is nearly Gaussian.

Notes
-----
Scale and shift of the summary psi = softplus(w . f + b) and the slopes and biases of the mixture behind it undo each
other almost completely: the posterior of theta is a long, bent, narrow valley. What the data fix are the outputs of
the mass function in environments they know. An engine of one filter is therefore sampled in

    ln |w_0|,  w_k / w_0,  y = w . (f_low + f_high) / 2 + b,  and the mass function's components at f_low and at f_high

as :mod:`halonet.neural_bias.outputs` describes them, f_low the mean environment of the volume and f_high that of the
haloes. This is a change of variables, not of the posterior: with D = psi(f_high) - psi(f_low), the Jacobian
|w_0|^(number of weights) |D|^(- number of outputs), times that of the outputs, stands in the potential. The sign of w_0
does not change along a chain; no response to the density lies between the two signs.
"""

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
    """The mass function in two environments in place of slopes and biases.

    Parameters
    ----------
    low, high
        Features of the two environments, shape (features,).
    pivots
        u at which each component's value and slope are taken, shape (K,). None: the network's outputs stand for them,
        which are worse to sample but better to search in, from far away.
    """

    def __init__(
        self,
        model: NeuralBiasModel,
        low: np.ndarray,
        high: np.ndarray,
        pivots: np.ndarray | None = None,
        sign: float = 1.0,
    ):
        if not has_anchors(model):
            raise ValueError("anchored coordinates need one layer of one filter and no dense layers")
        offsets = model.known_offsets
        means = offsets.feature_means
        self.features, self.rows = len(means), 3 * model.mixture.components
        self.mixture, self.constants, self.pivots = model.mixture, offsets.rows, pivots
        self.low, self.high, self.sign = low - means, high - means, sign
        self.reference = offsets.summary

    def theta(self, phi: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Parameters in the model's order, and the logarithm of the Jacobian."""
        low, high = (tf.constant(anchor, phi.dtype) for anchor in (self.low, self.high))
        first = self.sign * tf.exp(phi[:1])
        weights = first * tf.concat([tf.ones(1, phi.dtype), phi[1 : self.features]], 0)
        bias = phi[self.features] - tf.reduce_sum(weights * (low + high)) / 2
        psi_low = tf.nn.softplus(tf.reduce_sum(weights * low) + bias)
        psi_high = tf.nn.softplus(tf.reduce_sum(weights * high) + bias)
        (rows_low, volume_low), (rows_high, volume_high) = map(self._outputs, tf.split(phi[self.features + 1 :], 2))
        slopes = (rows_high - rows_low) / (psi_high - psi_low)
        biases = rows_low - self.constants - slopes * (psi_low - self.reference)
        blocks = [weights, bias[None]]
        for slope, shift in zip(tf.split(slopes, 3), tf.split(biases, 3), strict=True):
            blocks += [slope, shift]
        log_volume = self.features * phi[0] - self.rows * tf.math.log(tf.abs(psi_high - psi_low))
        return tf.concat(blocks, 0), log_volume + volume_low + volume_high

    def _outputs(self, flanks: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return (flanks, 0.0) if self.pivots is None else outputs_of(self.mixture, self.pivots, flanks)

    def phi(self, theta: np.ndarray) -> np.ndarray:
        """Coordinates of parameters whose first weight has this chart's sign."""
        weights, bias = theta[: self.features], theta[self.features]
        if np.sign(weights[0]) != self.sign:
            raise ValueError(f"the first weight is {weights[0]}; these coordinates are for the sign {self.sign:+.0f}")
        blocks = theta[self.features + 1 :].reshape(3, 2, -1)
        slopes, biases = blocks[:, 0].ravel(), blocks[:, 1].ravel()
        outputs = [
            slopes * (np.logaddexp(0, weights @ anchor + bias) - self.reference) + biases + self.constants
            for anchor in (self.low, self.high)
        ]
        if self.pivots is not None:
            outputs = [flanks_of(self.mixture, self.pivots, rows) for rows in outputs]
        middle = weights @ (self.low + self.high) / 2 + bias
        return np.concatenate([[np.log(abs(weights[0]))], weights[1:] / weights[0], [middle], *outputs])


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
