"""Joint posterior of phases and bias parameters, compiled once per block.

Notes
-----
Up to constants,

    V(s, theta) = sum_v V_v S_v Lambda(psi_v) - sum_h ln dn/dlnM(u_h | psi_v(h)) + |s|^2 / 2 + |theta|^2 / (2 w^2),

psi the engine's summary of ln(rho(s) + floor) (Charnock et al. 2020; Jasche & Wandelt 2013 for the phases). The block
of the phases holds theta and takes V by s through the whole forward model; the block of theta holds the density and is
the posterior of :mod:`halonet.neural_bias.likelihood`, with the points of that density.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from halonet.field_level.gravity import Gravity
from halonet.neural_bias.fit import Points, Posterior, Problem


class JointPosterior:
    """Potential of phases and parameters of one catalogue.

    Parameters
    ----------
    problem
        Engine with its constants, likelihood, voxels and haloes. Its own density is a reference only: constants and
        coordinates of theta are taken from it and stay the same along all chains.
    gravity
        Forward model of the same grid.
    precision
        Of gradients by the phases; energies are of float64. A trajectory may follow any force that depends on the place
        alone, so float32 changes the acceptance and not what is sampled.
    """

    def __init__(self, problem: Problem, gravity: Gravity, precision: str = "float64"):
        if gravity.cells**3 != len(problem.voxels.density) and not problem.model.trimmed_cells:
            raise ValueError(
                f"the forward model has {gravity.cells}^3 cells, the engine {len(problem.voxels.density)} voxels"
            )
        self.problem, self.gravity, self.precision = problem, gravity, precision
        # Compiled when first called.
        self.energy = tf.function(self._energy, jit_compile=True, autograph=False)
        self.energy_and_gradient = tf.function(self._with_gradient, jit_compile=True, autograph=False)
        self.features = tf.function(self._features, jit_compile=True, autograph=False)
        self.density = tf.function(gravity.density, jit_compile=True, autograph=False)
        self.linear_density = tf.function(gravity.linear_density, jit_compile=True, autograph=False)

    def _features(self, noise: tf.Tensor) -> tf.Tensor:
        floor = tf.constant(self.problem.settings.density_floor, noise.dtype)
        return self.problem.model.features(tf.math.log(self.gravity.density(noise) + floor))

    def _points(self, features: tf.Tensor) -> Points:
        voxels, dtype = self.problem.voxels, features.dtype
        index = tf.constant(voxels.haloes.astype(np.int32))
        haloes = tf.gather(features, index, axis=1) if self.problem.model.is_pointwise else index
        return self.problem.points(dtype.name)._replace(features=features, haloes=haloes)

    def _energy(self, noise: tf.Tensor, theta: tf.Tensor) -> tf.Tensor:
        likelihood = self.problem.likelihood(theta, self._points(self._features(noise)))
        width = self.problem.settings.engine.prior_width
        prior = tf.reduce_sum(tf.cast(noise, tf.float64) ** 2) + tf.reduce_sum((theta / width) ** 2)
        return likelihood + prior / 2

    def _with_gradient(self, noise: tf.Tensor, theta: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(noise)
            value = self._energy(noise, theta)
        return value, tape.gradient(value, noise)

    def points(self, noise: np.ndarray) -> Points:
        """Points of the likelihood of theta, float64, at the density that white noise of N^3 values evolves to."""
        return self._points(self.features(tf.constant(noise, tf.float64)))

    def theta_posterior(self, noise: np.ndarray) -> Posterior:
        """Posterior of theta at fixed phases: white noise of N^3 values.

        Its ``points`` may be replaced by those of other phases; nothing is compiled again.
        """
        return Posterior(self.problem.compiled, self.points(noise))


class Evaluation(NamedTuple):
    """Potential and its gradient by the phases at one place."""

    noise: np.ndarray
    energy: float
    gradient: np.ndarray


class PhaseTarget:
    """What a sampler of the phases sees: the joint potential at fixed theta; phases are flat, shape (N^3,).

    Attributes
    ----------
    theta
        Parameters, shape (parameters,); to be set before every block.
    gradients, energies
        How often the forward model was run with and without its adjoint.
    """

    def __init__(self, posterior: JointPosterior, theta: np.ndarray):
        self.posterior, self.theta = posterior, theta
        self.gradients = self.energies = 0
        self._last: Evaluation | None = None

    def hold(self, theta: np.ndarray) -> None:
        """Fix theta at another value."""
        self.theta, self._last = theta, None

    def evaluate(self, noise: np.ndarray) -> Evaluation:
        """Potential, in the precision of gradients, and its gradient; the last place is remembered."""
        if self._last is None or self._last.noise is not noise:
            self.gradients += 1
            precise = tf.constant(noise, self.posterior.precision)
            value, gradient = self.posterior.energy_and_gradient(precise, tf.constant(self.theta, tf.float64))
            self._last = Evaluation(noise, float(value), gradient.numpy().astype(np.float64))
        return self._last

    def gradient(self, noise: np.ndarray) -> np.ndarray:
        """Gradient of V by the phases, shape (N^3,)."""
        return self.evaluate(noise).gradient

    def energy(self, noise: np.ndarray) -> float:
        """V in float64, by the way of the gradient where that has this precision: samplers need both."""
        if self.posterior.precision == "float64":
            return self.evaluate(noise).energy
        self.energies += 1
        return float(self.posterior.energy(tf.constant(noise, tf.float64), tf.constant(self.theta, tf.float64)))
