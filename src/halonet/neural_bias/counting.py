"""How the number of haloes in a voxel scatters about its mean.

Notes
-----
Haloes are not thrown independently of each other. Where they exclude each other, their numbers scatter less than a
Poisson law says; where unseen structure gathers them, more. With z the integral of a voxel's mass function and a a
dispersion that follows from its summary, too, the laws are

    poisson                P(N) = z^N / N! exp(-z),
    negative_binomial      mean z, variance z (1 + a z), a > 0,
    generalised_poisson    mean z, variance z s^2 (Consul & Jain 1973, in the form of Famoye 1993):
                           P(N) = (z / s)^N (1 + b N)^(N - 1) / N! exp(-z (1 + b N) / s),   s = 1 + b z,
    exclusion              P(N) = z^N / N! exp(-a N (N - 1) / 2) / Z(z, a).

All are the Poisson law at a = 0. In the third b = a where a > 0 and a / (1 - a z) below, so that s stays positive at
every mean; it ends where 1 + b N does, which with a > -1/8 leaves room for eight haloes more than the mean, and its sum
is one to 1e-6. The last weighs each pair of haloes in a voxel by exp(-a), as a gas on a lattice does whose particles
repel each other: z then is an activity, and the mean, z d lnZ / dz, is smaller.

The likelihood takes ln P(0) of every voxel and, of every halo, its share of ln [P(N) / P(0)] in the N haloes of its
voxel, less ln z, which stands with its mass, and without what does not depend on the parameters.
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from scipy import special

LAWS = ("poisson", "negative_binomial", "generalised_poisson", "exclusion")
FIRST_ROW = -3.0  # of the negative binomial's dispersion at the prior's centre: nearly Poisson
LEAST = {"generalised_poisson": -0.125, "exclusion": -0.05}  # dispersion
MOST_HALOES = 20  # below which a voxel's number stays, for sums over it
MOST_DRAWN = 64  # below which it stays under the other laws, where it is drawn
LARGEST_ACTIVITY = 60.0  # up to which such a sum is finite in float32; only far-off starts have more
VOXELS_AT_ONCE = 1 << 15  # of which probabilities are held


@dataclass(frozen=True)
class Counting:
    """Law of the number of haloes in a voxel: one of :data:`LAWS`."""

    law: str = "poisson"

    def __post_init__(self) -> None:
        if self.law not in LAWS:
            raise ValueError(f"law {self.law!r} of counts is none of {', '.join(LAWS)}")

    @property
    def rows(self) -> int:
        """Outputs of the network that the law needs beside the mass function's."""
        return 0 if self.law == "poisson" else 1

    @property
    def largest(self) -> int | None:
        """Largest number of haloes in a voxel that the likelihood knows; None for no limit."""
        return MOST_HALOES - 1 if self.law in ("negative_binomial", "exclusion") else None

    def dispersion(self, row: tf.Tensor) -> tf.Tensor:
        """The dispersion a from the network's output; zero, or nearly, at zero."""
        if self.law == "negative_binomial":
            return tf.nn.softplus(row + FIRST_ROW)
        least = LEAST[self.law]
        return tf.nn.softplus(row + float(np.log(np.expm1(-least)))) + least

    def mean(self, z: tf.Tensor, dispersion: tf.Tensor | None) -> tf.Tensor:
        """Mean number of haloes."""
        return _sums(z, dispersion)[1] if self.law == "exclusion" else z

    def log_none(self, z: tf.Tensor, dispersion: tf.Tensor) -> tf.Tensor:
        """ln P(0)."""
        if self.law == "poisson":
            return -z
        if self.law == "negative_binomial":
            return -tf.math.log1p(dispersion * z) / dispersion
        if self.law == "generalised_poisson":
            return -z / (1 + _slope(z, dispersion) * z)
        return -_log_sum(z, dispersion)

    def log_share(self, number: tf.Tensor, z: tf.Tensor, dispersion: tf.Tensor) -> tf.Tensor:
        """A halo's share of ln [P(N) N! / P(0)], less ln z, in a voxel of N haloes; not for the Poisson law's, zero.

        ``number`` may be fractional, where points stand for several haloes.
        """
        if self.law == "exclusion":
            return -dispersion * (number - 1) / 2
        if self.law == "negative_binomial":
            steps = tf.range(MOST_HALOES, dtype=z.dtype)
            part = tf.clip_by_value(number[:, None] - steps, 0, 1) * tf.math.log1p(steps * dispersion[:, None])
            return tf.reduce_sum(part, axis=1) / number - tf.math.log1p(dispersion * z)
        slope = _slope(z, dispersion)
        s, room = 1 + slope * z, tf.maximum(1 + slope * number, 1e-30)
        return (1 - 1 / number) * tf.math.log(room) - tf.math.log(s) - slope * z / s

    def probabilities(self, z: np.ndarray, dispersion: np.ndarray) -> np.ndarray:
        """P(N), shape (voxels, largest number + 1), normalised; float64."""
        z, dispersion = (np.asarray(values, np.float64)[:, None] for values in (z, dispersion))
        number = np.arange(MOST_HALOES if self.law == "exclusion" else MOST_DRAWN)
        if self.law == "negative_binomial":
            inverse = 1 / np.maximum(dispersion, 1e-9)
            logs = special.gammaln(number + inverse) - special.gammaln(inverse) - inverse * np.log1p(z / inverse)
            logs = logs + special.xlogy(number, z / (inverse + z))
        elif self.law == "generalised_poisson":
            slope = np.where(dispersion < 0, dispersion / (1 - np.minimum(dispersion, 0) * z), dispersion)
            s, base = 1 + slope * z, 1 + slope * number
            logs = special.xlogy(number, z / s) - z * base / s
            logs = np.where(base > 0, logs + (number - 1) * np.log(np.maximum(base, 1e-300)), -np.inf)
        else:
            logs = special.xlogy(number, z) - (dispersion * number * (number - 1) / 2 if self.rows else 0.0)
        logs = logs - special.gammaln(number + 1)
        chances = np.exp(logs - logs.max(axis=1, keepdims=True))
        return chances / chances.sum(axis=1, keepdims=True)

    def draw(self, z: np.ndarray, dispersion: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Numbers of haloes of voxels of the given z and dispersion, shape (voxels,)."""
        if self.law == "negative_binomial":
            inverse = 1 / np.maximum(dispersion, 1e-9)
            return rng.poisson(rng.gamma(inverse, z / inverse))
        parts = (slice(first, first + VOXELS_AT_ONCE) for first in range(0, len(z), VOXELS_AT_ONCE))
        return np.concatenate([_inverted(self.probabilities(z[part], dispersion[part]), rng) for part in parts])


def _slope(z: tf.Tensor, dispersion: tf.Tensor) -> tf.Tensor:
    """The slope b of the generalised Poisson law."""
    return dispersion / (1 - tf.minimum(dispersion, 0.0) * z)


def _sums(z: tf.Tensor, repulsion: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Z of the law of exclusion, its mean number of haloes and its mean number of pairs."""
    z, weight = tf.minimum(z, LARGEST_ACTIVITY), tf.exp(-repulsion)
    term = total = tf.ones_like(z)
    haloes = pairs = tf.zeros_like(z)
    factor = tf.ones_like(z)
    for number in range(1, MOST_HALOES):
        term = term * (z * factor) * (1 / number)  # a division takes as long as all the rest
        factor = factor * weight
        total, haloes, pairs = total + term, haloes + number * term, pairs + number * (number - 1) / 2 * term
    return total, haloes / total, pairs / total


@tf.custom_gradient
def _log_sum(z: tf.Tensor, repulsion: tf.Tensor) -> tuple:
    """ln Z of the law of exclusion, with its gradient: means of its own."""
    total, haloes, pairs = _sums(z, repulsion)
    beyond = tf.math.log(tf.maximum(z, LARGEST_ACTIVITY) / LARGEST_ACTIVITY)

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return upstream * haloes / tf.maximum(z, 1e-30), -upstream * pairs

    return tf.math.log(total) + (MOST_HALOES - 1) * beyond, gradient


def _inverted(probabilities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    cumulative = np.cumsum(probabilities, axis=1)
    return (cumulative[:, :-1] < rng.random(len(cumulative))[:, None]).sum(axis=1)
