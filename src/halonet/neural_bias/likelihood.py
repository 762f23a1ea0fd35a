"""Likelihood of a halo catalogue, in closed form, and the posterior's potential with its gradient.

Notes
-----
Up to a constant that does not depend on theta (Charnock et al. 2020, with dn/dlnM in place of dn/dM),

    -ln L = sum_v V S_v Lambda(psi_v) - sum_h ln dn/dlnM(u_h | psi_v(h)),

Lambda the number density above the threshold, V the volume of a voxel, S_v its completeness. Under another law of
counts (:mod:`halonet.neural_bias.counting`) ln P(0) stands in place of -V S_v Lambda, and a halo has its share of ln
[P(N) / P(0)] in the N haloes of its voxel beside ln dn/dlnM. Nothing is drawn at random inside. Values per voxel and
halo are computed in the precision of the features; their sums, in which half a million numbers nearly cancel, in
float64.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from halonet.neural_bias.coordinates import Coordinates, Plain
from halonet.neural_bias.mixture import log_mass_function, number_density
from halonet.neural_bias.model import NeuralBiasModel
from halonet.neural_bias.points import Points
from halonet.sampling.hamiltonian import Metric


@dataclass(frozen=True)
class Likelihood:
    """Negative log-likelihood of a model.

    Attributes
    ----------
    largest_log_mass
        u above which there are no haloes, by definition of the catalogue; None for no such limit.
    """

    model: NeuralBiasModel
    largest_log_mass: float | None = None

    def activities(self, theta: tf.Tensor, summary: tf.Tensor) -> tf.Tensor:
        """Integral of the mass function from the threshold to the largest mass (Mpc^-3), shape (summaries,)."""
        parts = self.model.mass_function(theta, summary)
        density = number_density(parts)
        return density if self.largest_log_mass is None else density - number_density(parts, self.largest_log_mass)

    def thinning(self, theta: tf.Tensor, summary: tf.Tensor, volumes: tf.Tensor | float) -> tf.Tensor | float:
        """Haloes in voxels of ``volumes`` (Mpc^3) per integral of the mass function: 1 without exclusion."""
        law = self.model.counting
        if law.law != "exclusion":
            return 1.0
        z = volumes * self.activities(theta, summary)
        return tf.math.divide_no_nan(law.mean(z, self.model.dispersion(theta, summary)), z)

    def densities(self, theta: tf.Tensor, summary: tf.Tensor, volumes: tf.Tensor | float) -> tf.Tensor:
        """Haloes per Mpc^3 in voxels of ``volumes`` (Mpc^3), shape (summaries,)."""
        return self.activities(theta, summary) * self.thinning(theta, summary, volumes)

    def terms(self, theta: tf.Tensor, points: Points) -> tuple[tf.Tensor, tf.Tensor]:
        """What voxels subtract from the log-likelihood, shape (voxels,), and haloes add, shape (haloes,)."""
        theta = tf.cast(theta, points.features.dtype)
        summary = self.model.summary(theta, points.features)
        if self.model.is_pointwise:
            at_haloes = self.model.summary(theta, points.haloes)
        else:
            at_haloes = tf.gather(summary, points.haloes)
        expected = points.volumes * self.activities(theta, summary)
        found = log_mass_function(self.model.mass_function(theta, at_haloes), points.log_mass)
        law = self.model.counting
        if law.rows:
            assert points.numbers is not None  # gather_points gives them where the law needs them
            expected = -points.numbers * law.log_none(expected, self.model.dispersion(theta, summary))
            z = points.halo_volumes * self.activities(theta, at_haloes)
            found += law.log_share(points.occupancy, z, self.model.dispersion(theta, at_haloes))
        return expected, found * points.halo_weights

    def __call__(self, theta: tf.Tensor, points: Points) -> tf.Tensor:
        """Negative log-likelihood, float64, differentiable."""
        expected, found = self.terms(theta, points)
        return tf.reduce_sum(tf.cast(expected, tf.float64)) - tf.reduce_sum(tf.cast(found, tf.float64))


class Posterior:
    """Potential V = -ln L - ln prior of given points, as samplers take it, in the coordinates phi they sample.

    Parameters
    ----------
    guide
        Points that stand for ``points`` in gradients only (:mod:`halonet.neural_bias.compression`).

    Attributes
    ----------
    gradients, energies
        How often each was computed.
    """

    def __init__(self, compiled: "Compiled", points: Points, guide: Points | None = None):
        self.compiled, self.points, self.guide = compiled, points, points if guide is None else guide
        self.gradients = self.energies = 0

    def energy(self, phi: np.ndarray) -> float:
        """V of the full points at coordinates of shape (parameters,)."""
        self.energies += 1
        return float(self.compiled.energy(tf.constant(phi, tf.float64), self.points))

    def gradient(self, phi: np.ndarray) -> np.ndarray:
        """dV / dphi of the guide, shape (parameters,).

        It is taken from a leapfrog on the spot, so that chains compile nothing else of the guide.
        """
        still = np.zeros_like(phi)
        return self.leapfrog(phi, still, still, Metric(np.eye(len(phi))), 0.0, 1)[2]

    def energy_and_gradient(self, phi: np.ndarray) -> tuple[float, np.ndarray]:
        """-ln of the guide's posterior of theta, and its gradient by phi, shape (parameters,).

        It is the density in theta, not in phi, so that its maximum does not depend on the coordinates.
        """
        self.gradients += 1
        value, gradient = self.compiled.energy_and_gradient(tf.constant(phi, tf.float64), self.guide)
        return float(value), gradient.numpy()

    def leapfrog(
        self, phi: np.ndarray, momentum: np.ndarray, gradient: np.ndarray, metric: Metric, step: float, steps: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """As :func:`halonet.sampling.hamiltonian.leapfrog`, along the guide's gradient, in one compiled call.

        Returns coordinates, momentum and gradient at the end, shape (parameters,).
        """
        self.gradients += steps
        start = [tf.constant(values, tf.float64) for values in (phi, momentum, gradient, metric.inverse_mass, step)]
        return tuple(end.numpy() for end in self.compiled.leapfrog(*start, tf.constant(steps), self.guide))

    def theta(self, phi: np.ndarray) -> np.ndarray:
        """Parameters of coordinates, shape (..., parameters)."""
        rows = np.reshape(phi, (-1, np.shape(phi)[-1]))
        return self.compiled.theta(tf.constant(rows, tf.float64)).numpy().reshape(np.shape(phi))


class Compiled:
    """The potential compiled by XLA, once per shape of the points; shared by posteriors of the same model.

    Parameters
    ----------
    likelihood
        Negative log-likelihood of theta and points.
    prior_width
        Standard deviation of the Gaussian prior of every parameter, centred on zero.
    coordinates
        What is sampled; default: theta itself.
    """

    def __init__(self, likelihood: Callable, prior_width: float, coordinates: Coordinates | None = None):
        self.coordinates = coordinates or Plain()

        def potential(phi: tf.Tensor, points: Points, volume: float = 1.0) -> tf.Tensor:
            theta, log_volume = self.coordinates.theta(phi)
            return likelihood(theta, points) + tf.reduce_sum((theta / prior_width) ** 2) / 2 - volume * log_volume

        def with_gradient(phi: tf.Tensor, points: Points, volume: float = 1.0) -> tuple[tf.Tensor, tf.Tensor]:
            with tf.GradientTape() as tape:
                tape.watch(phi)
                value = potential(phi, points, volume)
            return value, tape.gradient(value, phi)

        def of_theta(phi: tf.Tensor, points: Points) -> tuple[tf.Tensor, tf.Tensor]:
            return with_gradient(phi, points, 0.0)

        def leapfrog(
            phi: tf.Tensor,
            momentum: tf.Tensor,
            gradient: tf.Tensor,
            inverse_mass: tf.Tensor,
            step: tf.Tensor,
            steps: tf.Tensor,
            points: Points,
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            def one(
                taken: tf.Tensor, phi: tf.Tensor, momentum: tf.Tensor, gradient: tf.Tensor
            ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
                momentum = momentum - step / 2 * gradient
                phi = phi + step * tf.linalg.matvec(inverse_mass, momentum)
                gradient = with_gradient(phi, points)[1]
                return taken + 1, phi, momentum - step / 2 * gradient, gradient

            def goes_on(taken: tf.Tensor, phi: tf.Tensor, momentum: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
                return (taken < steps) & tf.reduce_all(tf.math.is_finite(gradient))

            return tf.while_loop(goes_on, one, (0, phi, momentum, gradient))[1:]

        def parameters(rows: tf.Tensor) -> tf.Tensor:
            return tf.map_fn(lambda phi: self.coordinates.theta(phi)[0], rows)

        # Here as elsewhere no if or loop of Python depends on a tensor; AutoGraph, which looks for such, would take
        # longer than all the rest of the tracing.
        self.theta = tf.function(parameters, reduce_retracing=True, autograph=False)
        compiled = {"jit_compile": True, "reduce_retracing": False, "autograph": False}
        self.energy = tf.function(potential, **compiled)
        self.energy_and_gradient = tf.function(of_theta, **compiled)
        self.leapfrog = tf.function(leapfrog, **compiled)
