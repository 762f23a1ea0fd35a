"""How well a fitted model predicts voxels that it has not seen: its expected log predictive density.

Notes
-----
With the haloes y_v of a voxel, their number and masses, and samples theta_s of the posterior,

    elpd = sum_v ln mean_s p(y_v | theta_s)

(Gelman, Hwang & Vehtari 2014), up to a constant of the data that is the same for every model and law of counts.
"""

import numpy as np
import tensorflow as tf
from scipy import special

from halonet.neural_bias.bias_fit import Problem, elsewhere
from halonet.neural_bias.inputs import Inputs

SAMPLES = 20


def laplace_samples(problem: Problem, theta: np.ndarray, rng: np.random.Generator, count: int = SAMPLES) -> np.ndarray:
    """Samples of the Gaussian with the posterior's curvature at its maximum ``theta``, shape (count, parameters)."""
    covariance = problem.curvature(theta)
    at = problem.searched.phi(theta)
    drawn = rng.multivariate_normal(at, covariance, count, method="eigh")
    return np.stack([problem.searched.theta(tf.constant(row))[0].numpy() for row in drawn])


def predictive_density(problem: Problem, samples: np.ndarray, unseen: Inputs) -> float:
    """elpd of another box, whose threshold and voxels are those of the fit; samples of shape (count, parameters)."""
    other = elsewhere(problem, unseen)
    voxels, points = other.voxels, other.points("float64")
    terms = tf.function(problem.likelihood.terms, jit_compile=True, autograph=False)
    logs = []
    for theta in samples:
        expected, found = terms(tf.constant(theta, tf.float64), points)
        logs.append(np.bincount(voxels.haloes, found.numpy(), len(voxels.volumes)) - expected.numpy())
    return float((special.logsumexp(logs, axis=0) - np.log(len(samples))).sum())
