"""The mixture density network: a mass function from the engine's summaries, and its integral in closed form.

Notes
-----
For a summary psi (Charnock et al. 2020; u is ln(mass / threshold), means mu likewise):

    alpha_i = softplus(psi Wa_i + ba_i + ca_i),   sigma_i = sigma_min + softplus(psi Ws_i + bs_i + cs_i),
    mu_1 = psi Wm_1 + bm_1 + cm_1,                mu_{i+1} = mu_i + gap(psi Wm_{i+1} + bm_{i+1} + cm_{i+1}),
    dn / dlnM = sum_i alpha_i exp(u - mu_i) N(u | mu_i, sigma_i).

The means are ordered, which tells the components apart. With d = mu - u_0 and t = (d + sigma^2) / sigma, a component's
integral above u_0 is alpha exp(sigma^2 / 2) Phi(t), and the combination alpha exp(sigma^2 / 2) phi(t) =
alpha exp(-d - d^2 / 2 sigma^2) / sqrt(2 pi), which never overflows on the way, gives the derivatives.
"""

from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from halonet.neural_bias.special import erfcx

SMALLEST_AMPLITUDE = 1e-30  # keeps ln(alpha) finite in float32
LOG_ROOT_TWO_PI = 0.9189385332046727


@dataclass(frozen=True)
class Mixture:
    """What is fixed about the mixture.

    Attributes
    ----------
    components
        Number K of Gaussians.
    mean_gap
        ``softplus``, or ``relu`` as in the paper, which leaves a parameter without gradient where the gap is zero.
    minimum_width
        sigma_min, in ln mass; above zero no component can collapse on a single halo.
    """

    components: int = 2
    mean_gap: str = "softplus"
    minimum_width: float = 0.05


class Components(NamedTuple):
    """Amplitudes (Mpc^-3), means and widths in u, each a list of K tensors of one shape."""

    amplitude: list[tf.Tensor]
    mean: list[tf.Tensor]
    width: list[tf.Tensor]


def components(mixture: Mixture, rows: list[tf.Tensor]) -> Components:
    """Mixture made of 3 K affine functions of the summaries, each of shape (summaries,).

    Their order is that of the amplitudes, the first mean and the gaps between means, the widths.
    """
    count = mixture.components
    gap = {"softplus": tf.nn.softplus, "relu": tf.nn.relu}[mixture.mean_gap]
    amplitude = [tf.nn.softplus(row) + SMALLEST_AMPLITUDE for row in rows[:count]]
    mean = [rows[count]]
    for row in rows[count + 1 : 2 * count]:
        mean.append(mean[-1] + gap(row))
    width = [tf.nn.softplus(row) + mixture.minimum_width for row in rows[2 * count :]]
    return Components(amplitude, mean, width)


def number_density(parts: Components, lower: float | tf.Tensor = 0.0) -> tf.Tensor:
    """Haloes per Mpc^3 above ``lower`` = ln(mass / threshold), shape (summaries,): the mass function's integral."""
    return sum(_integral(a, m - lower, s) for a, m, s in zip(*parts, strict=True))


@tf.custom_gradient
def _integral(amplitude: tf.Tensor, distance: tf.Tensor, width: tf.Tensor) -> tuple:
    """Integral of one component above a mass that its mean exceeds by ``distance``, with its gradient."""
    t = (distance + width**2) / width
    tail = tf.exp(-distance - 0.5 * (distance / width) ** 2 - LOG_ROOT_TWO_PI)
    mills = tf.constant(1.2533141373155003, t.dtype) * erfcx(tf.abs(t) * tf.constant(0.7071067811865476, t.dtype))
    unit = tf.where(t < 0, tail * mills, tf.exp(0.5 * width**2) - tail * mills)
    value = amplitude * unit

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        slope = amplitude * tail
        by_width = width * value + slope * (2 - t / width)
        return upstream * unit, upstream * slope / width, upstream * by_width

    return value, gradient


def log_mass_function(parts: Components, log_mass: tf.Tensor) -> tf.Tensor:
    """ln of dn / dlnM (Mpc^-3) at u = ln(mass / threshold); there is one summary for each mass, shape (masses,)."""
    logs = []
    for amplitude, mean, width in zip(*parts, strict=True):
        distance = log_mass - mean
        logs.append(tf.math.log(amplitude / width) + distance - 0.5 * (distance / width) ** 2 - LOG_ROOT_TWO_PI)
    return tf.reduce_logsumexp(tf.stack(logs), axis=0) if len(logs) > 1 else logs[0]
