"""Outputs of the network in one environment, and what haloes there fix: each component's value and slope at a mass.

Notes
-----
Few components peak above the threshold; of the others the haloes see a flank, and amplitude, mean and width make up for
each other along a bent curve. The logarithm of a component's mass function is a parabola in u. Its value L and slope S
at a pivot, the mean u of the haloes that the component describes, and the output w that sets its width are

    L_i = ln alpha_i - ln(sigma_i sqrt(2 pi)) + (p_i - mu_i) - (p_i - mu_i)^2 / (2 sigma_i^2),
    S_i = 1 - (p_i - m_i) / sigma_i^2,    sigma_i = sigma_min + softplus(w_i),

m_1 = mu_1 and m_{i+1} = mu_i + (output of the gap), which is mu_{i+1} where the gap is wide and has a value for every
output. L and S are what counts of haloes measure, one by one.
"""

import numpy as np
import tensorflow as tf
from scipy import special

from halonet.neural_bias.mixture import LOG_ROOT_TWO_PI, Mixture, components

SMALLEST = -30.0  # ln alpha below which softplus and exponential are the same


def outputs_of(mixture: Mixture, pivots: np.ndarray, flanks: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Outputs of the network from values, slopes and widths at the pivots, both of shape (environments, 3 K).

    Returns also the sum over the environments of ln |det|.
    """
    values, slopes, widths = tf.split(flanks, 3, axis=1)
    gap = {"softplus": tf.nn.softplus, "relu": tf.nn.relu}[mixture.mean_gap]
    width = tf.nn.softplus(widths) + mixture.minimum_width
    outputs: list[tf.Tensor] = []
    means: list[tf.Tensor] = []
    for i, output in enumerate(tf.unstack(pivots - (1 - slopes) * width**2, axis=1)):
        outputs.append(output - means[-1] if i else output)
        means.append(means[-1] + gap(outputs[-1]) if i else output)
    distance = pivots - tf.stack(means, axis=1)
    log_amplitude = values + tf.math.log(width) + LOG_ROOT_TWO_PI - distance + 0.5 * (distance / width) ** 2
    amplitude = tf.exp(tf.maximum(log_amplitude, SMALLEST))
    amplitudes = log_amplitude + tf.math.log(tf.math.expm1(amplitude) / amplitude)
    log_volume = 2 * tf.math.log(width) - tf.math.log(-tf.math.expm1(-amplitude) / amplitude)
    return tf.concat([amplitudes, tf.stack(outputs, axis=1), widths], axis=1), tf.reduce_sum(log_volume)


def flanks_of(mixture: Mixture, pivots: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Values, slopes and widths at the pivots, shape (3 K,), from the outputs of the network."""
    count = mixture.components
    amplitude, mean, width = _parts(mixture, outputs)
    distance = pivots - mean
    values = np.log(amplitude / width) + distance - 0.5 * (distance / width) ** 2 - LOG_ROOT_TWO_PI
    wide = outputs[count : 2 * count] + np.concatenate([[0.0], mean[:-1]])
    return np.concatenate([values, 1 - (pivots - wide) / width**2, outputs[2 * count :]])


def pivot_masses(mixture: Mixture, outputs: np.ndarray, log_mass: np.ndarray) -> np.ndarray:
    """Mean u = ln(mass / threshold) of the haloes of each component of a global mass function, shape (components,).

    A component that describes no halo gets the mean of all. ``outputs`` has the shape (3 K,), ``log_mass`` (haloes,).
    """
    amplitude, mean, width = (part[:, None] for part in _parts(mixture, outputs))
    distance = log_mass - mean
    shares = special.softmax(np.log(amplitude / width) + distance - 0.5 * (distance / width) ** 2, axis=0)
    return (shares @ log_mass + log_mass.mean()) / (shares.sum(axis=1) + 1)


def _parts(mixture: Mixture, outputs: np.ndarray) -> tuple[np.ndarray, ...]:
    """Amplitudes, means and widths, shape (components,) each."""
    rows = [tf.constant(row, tf.float64) for row in outputs]
    return tuple(np.array([float(value) for value in part]) for part in components(mixture, rows))
