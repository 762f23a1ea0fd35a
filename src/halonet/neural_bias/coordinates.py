"""Coordinates in which the posterior is nearly Gaussian.

Notes
-----
Scale and shift of the summary psi = softplus(w . f + b) and the slopes and biases of the mixture behind it undo each
other almost completely: the posterior of theta is a long, bent, narrow valley. What the data fix are the outputs of
the mass function in environments they know. An engine of one filter is therefore sampled in

    ln |w_0|,  w_k / w_0,  y = w . (f_low + f_high) / 2 + b,  and the mass function's components at f_low and at f_high

as :mod:`halonet.neural_bias.outputs` describes them, f_low the mean environment of the volume and f_high that of the
haloes. Outputs that are parabolas in the summary are fixed by a third environment, that of the emptier half. This is a
change of variables, not of the posterior: with D the determinant of the Vandermonde matrix of the summaries there,
psi(f_high) - psi(f_low) for two, the Jacobian |w_0|^(number of weights) |D|^(- number of outputs), times that of the
outputs, stands in the potential. The sign of w_0 does not change along a chain; no response to the density lies between
the two signs.
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
    """The mass function in two environments, or three, in place of the coefficients of its outputs.

    Parameters
    ----------
    anchors
        Features of the environments, shape (features,) each: one more than the degree of the model. The first and the
        last are the low and the high one.
    pivots
        u at which each component's value and slope are taken, shape (K,). None: the network's outputs stand for them,
        which are worse to sample but better to search in, from far away.
    """

    def __init__(
        self,
        model: NeuralBiasModel,
        anchors: Sequence[np.ndarray],
        pivots: np.ndarray | None = None,
        sign: float = 1.0,
    ):
        if not has_anchors(model):
            raise ValueError("anchored coordinates need one layer of one filter and no dense layers")
        if len(anchors) != model.degree + 1:
            raise ValueError(f"{len(anchors)} environments for outputs of degree {model.degree}; one more is needed")
        offsets = model.known_offsets
        means = offsets.feature_means
        self.features, self.rows = len(means), 3 * model.mixture.components
        self.mixture, self.pivots, self.extra = model.mixture, pivots, model.counting.rows
        self.constants = np.concatenate([offsets.rows, np.zeros(self.extra)])
        self.anchors, self.sign = np.array([anchor - means for anchor in anchors]), sign
        self.reference = offsets.summary

    def theta(self, phi: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Parameters in the model's order, and the logarithm of the Jacobian."""
        anchors = tf.constant(self.anchors, phi.dtype)
        first = self.sign * tf.exp(phi[:1])
        weights = first * tf.concat([tf.ones(1, phi.dtype), phi[1 : self.features]], 0)
        bias = phi[self.features] - tf.reduce_sum(weights * (anchors[0] + anchors[-1])) / 2
        psi = tf.nn.softplus(tf.linalg.matvec(anchors, weights) + bias)
        outputs, volumes = zip(*map(self._outputs, tf.split(phi[self.features + 1 :], len(self.anchors))), strict=True)
        coefficients, determinant = _polynomials(psi - self.reference, tf.stack(outputs) - self.constants)
        blocks = [weights, bias[None]]
        for start, stop in self._blocks():
            blocks += [tf.reshape(coefficients[1:, start:stop], [-1]), coefficients[0, start:stop]]
        log_volume = self.features * phi[0] - (self.rows + self.extra) * tf.math.log(tf.abs(determinant))
        return tf.concat(blocks, 0), log_volume + sum(volumes)

    def _blocks(self) -> list[tuple[int, int]]:
        """First row and end of every kind of output: amplitudes, means, widths, dispersion."""
        count = self.mixture.components
        blocks = [(start, start + count) for start in range(0, self.rows, count)]
        return blocks + ([(self.rows, self.rows + self.extra)] if self.extra else [])

    def _outputs(self, flanks: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        if self.pivots is None:
            return flanks, tf.zeros((), flanks.dtype)
        rows, log_volume = outputs_of(self.mixture, self.pivots, flanks[: self.rows])
        return tf.concat([rows, flanks[self.rows :]], 0), log_volume

    def phi(self, theta: np.ndarray) -> np.ndarray:
        """Coordinates of parameters whose first weight has this chart's sign."""
        weights, bias = theta[: self.features], theta[self.features]
        if np.sign(weights[0]) != self.sign:
            raise ValueError(f"the first weight is {weights[0]}; these coordinates are for the sign {self.sign:+.0f}")
        psi = np.logaddexp(0, self.anchors @ weights + bias) - self.reference
        outputs, rest, degree = [], theta[self.features + 1 :], len(psi) - 1
        for start, stop in self._blocks():
            block, rest = np.split(rest, [(degree + 1) * (stop - start)])
            powers, shifts = np.split(block.reshape(degree + 1, -1), [degree])
            outputs.append(shifts + psi[:, None] ** np.arange(1, degree + 1) @ powers + self.constants[start:stop])
        outputs = np.concatenate(outputs, axis=1)
        if self.pivots is not None:
            flanks = [flanks_of(self.mixture, self.pivots, rows[: self.rows]) for rows in outputs]
            outputs = np.concatenate([flanks, outputs[:, self.rows :]], axis=1)
        middle = weights @ (self.anchors[0] + self.anchors[-1]) / 2 + bias
        return np.concatenate([[np.log(abs(weights[0]))], weights[1:] / weights[0], [middle], *outputs])


def _polynomials(at: tf.Tensor, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Coefficients, constant first, of polynomials through values of shape (points, rows), and det Vandermonde."""
    if at.shape[0] == 2:
        slopes = (values[1] - values[0]) / (at[1] - at[0])
        return tf.stack([values[0] - slopes * at[0], slopes]), at[1] - at[0]
    first, second = (values[1] - values[0]) / (at[1] - at[0]), (values[2] - values[1]) / (at[2] - at[1])
    curvature = (second - first) / (at[2] - at[0])
    slopes = first - curvature * (at[0] + at[1])
    constants = values[0] - at[0] * (slopes + curvature * at[0])
    determinant = (at[1] - at[0]) * (at[2] - at[1]) * (at[2] - at[0])
    return tf.stack([constants, slopes, curvature]), determinant


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
