"""Numbers that a fit is judged by: haloes in bins of density and mass, expected and found, and mass functions in bins.

The parameters themselves are nearly degenerate; what the data fix, and what convergence is measured on, are these.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from halonet.neural_bias.bias_fit import Problem, Voxels
from halonet.neural_bias.mixture import log_mass_function, number_density
from halonet.neural_bias.points import Points

MASS_QUANTILES = (0.6, 0.9)
Counts = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Bins:
    """Bins of density and mass.

    Attributes
    ----------
    environment
        Index of each voxel's density bin, shape (voxels,); from thin to dense, equal numbers of voxels each.
    edges
        Densities between the bins, in units of the mean.
    log_mass
        Lower edges in u of the mass bins, the first 0; the last bin is open.
    """

    environment: np.ndarray
    edges: np.ndarray
    log_mass: np.ndarray

    @property
    def environments(self) -> int:
        """Number of density bins."""
        return len(self.edges) + 1

    def found(self, voxels: Voxels) -> np.ndarray:
        """Haloes of the catalogue in each bin, shape (environments, masses)."""
        mass = np.digitize(voxels.log_mass, self.log_mass) - 1
        counts = np.zeros((self.environments, len(self.log_mass)))
        np.add.at(counts, (self.environment[voxels.haloes], mass), 1)
        return counts


def make_bins(voxels: Voxels, environments: int = 4, mass_quantiles: tuple[float, ...] = MASS_QUANTILES) -> Bins:
    """Density bins of equal numbers of voxels; mass bins at quantiles of the haloes found."""
    edges = np.quantile(voxels.density[voxels.volumes > 0], np.arange(1, environments) / environments)
    log_mass = np.concatenate([[0.0], np.quantile(voxels.log_mass, mass_quantiles)])
    return Bins(np.digitize(voxels.density, edges), edges, log_mass)


def expected_counts(problem: Problem, bins: Bins, points: Points) -> Counts:
    """Function of theta: haloes the model expects in each bin, shape (environments, masses); compiled."""
    members = tf.constant(np.eye(bins.environments)[bins.environment].T, points.features.dtype)
    model, likelihood = problem.model, problem.likelihood

    @tf.function(jit_compile=True, autograph=False)
    def above(theta: tf.Tensor, points: Points) -> tf.Tensor:
        theta = tf.cast(theta, points.features.dtype)
        summary = model.summary(theta, points.features)
        parts, volumes = model.mass_function(theta, summary), points.volumes
        volumes *= likelihood.thinning(theta, summary, volumes)
        edges = [float(edge) for edge in bins.log_mass]
        top = [likelihood.largest_log_mass] if likelihood.largest_log_mass is not None else []
        columns = [volumes * number_density(parts, edge) for edge in edges + top]
        return tf.linalg.matmul(members, tf.stack(columns, axis=1))

    def counts(theta: np.ndarray) -> np.ndarray:
        cumulative = above(tf.constant(theta, tf.float64), points).numpy().astype(np.float64)
        if likelihood.largest_log_mass is None:
            cumulative = np.concatenate([cumulative, np.zeros((len(cumulative), 1))], axis=1)
        return cumulative[:, :-1] - cumulative[:, 1:]

    return counts


def mass_functions(problem: Problem, bins: Bins, log_mass: np.ndarray, points: Points) -> Counts:
    """Function of theta: dn/dlnM (Mpc^-3) in each density bin at ``log_mass``, shape (environments, masses)."""
    weights = np.eye(bins.environments)[bins.environment].T * problem.voxels.volumes
    weights = tf.constant(weights / weights.sum(axis=1, keepdims=True), points.features.dtype)
    model = problem.model

    @tf.function(jit_compile=True, autograph=False)
    def density(theta: tf.Tensor, points: Points) -> tf.Tensor:
        theta = tf.cast(theta, points.features.dtype)
        summary = model.summary(theta, points.features)
        parts = model.mass_function(theta, summary)
        thinned = weights * problem.likelihood.thinning(theta, summary, points.volumes)

        def at(u: tf.Tensor) -> tf.Tensor:
            return tf.linalg.matvec(thinned, tf.exp(log_mass_function(parts, u)))

        return tf.transpose(tf.map_fn(at, tf.constant(log_mass, points.features.dtype)))

    return lambda theta: density(tf.constant(theta, tf.float64), points).numpy().astype(np.float64)
