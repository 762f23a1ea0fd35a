"""How the number of haloes in a voxel scatters about its mean: Poisson, negative binomial or generalised Poisson.

Notes
-----
Haloes are not thrown independently of each other. Where they exclude each other, their numbers scatter
less than a Poisson law says; where unseen structure gathers them, more. For the mean mu of a voxel and a dispersion a,
which follows from its summary,

    negative binomial       Var N = mu (1 + a mu),  a > 0,
    generalised Poisson     Var N = mu s^2          (Consul & Jain 1973, in the form of Famoye 1993):

    P(N) = (mu / s)^N (1 + b N)^(N - 1) / N! exp(-mu (1 + b N) / s),    s = 1 + b mu.

Both have the mean mu and are the Poisson law at a = 0. In the second b = a where a > 0, and b = a / (1 - a mu) below,
so that s = 1 / (1 - a mu) stays positive at every mean. There the law ends where 1 + b N does; for a > -0.4 its sum
still is one to 5e-3, for a > -0.3 to 2e-4.

The likelihood takes ln P(0) of every voxel and, of every halo, its share of ln [P(N) / P(0)] in the N haloes of its
voxel, less ln mu, which stands with its mass, and without what does not depend on the parameters.
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from scipy import special

LAWS = ("poisson", "negative_binomial", "generalised_poisson")
FIRST_ROW = -3.0  # of the negative binomial's dispersion at the prior's centre: nearly Poisson
LEAST = -0.4  # dispersion of the generalised Poisson law
MOST_HALOES = 64  # in a voxel, for sums over their number
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

    def dispersion(self, row: tf.Tensor) -> tf.Tensor:
        """The dispersion a from the network's output; zero, or nearly, at zero."""
        if self.law == "negative_binomial":
            return tf.nn.softplus(row + FIRST_ROW)
        return tf.nn.softplus(row + float(np.log(np.expm1(-LEAST)))) + LEAST

    def log_none(self, mean: tf.Tensor, dispersion: tf.Tensor | None) -> tf.Tensor:
        """ln P(0) for means (haloes in a voxel) and dispersions of one shape."""
        if self.law == "poisson":
            return -mean
        if self.law == "negative_binomial":
            return -tf.math.log1p(dispersion * mean) / dispersion
        return -mean / (1 + _saturated(mean, dispersion) * mean)

    def log_share(self, number: tf.Tensor, mean: tf.Tensor, dispersion: tf.Tensor) -> tf.Tensor:
        """A halo's share of ln [P(N) N! / P(0)], less ln mu, in a voxel of N haloes; zero for the Poisson law.

        ``number`` may be fractional, where points stand for several haloes.
        """
        if self.law == "negative_binomial":
            steps = tf.range(MOST_HALOES, dtype=mean.dtype)
            part = tf.clip_by_value(number[:, None] - steps, 0, 1) * tf.math.log1p(steps * dispersion[:, None])
            return tf.reduce_sum(part, axis=1) / number - tf.math.log1p(dispersion * mean)
        slope = _saturated(mean, dispersion)
        s = 1 + slope * mean
        return (1 - 1 / number) * tf.math.log(1 + slope * number) - tf.math.log(s) - slope * mean / s

    def probabilities(self, mean: np.ndarray, dispersion: np.ndarray) -> np.ndarray:
        """P(N) for N below :data:`MOST_HALOES`, shape (voxels, MOST_HALOES), normalised; float64."""
        mean, dispersion = (np.asarray(values, np.float64)[:, None] for values in (mean, dispersion))
        number = np.arange(MOST_HALOES)
        if self.law == "negative_binomial":
            inverse = 1 / np.maximum(dispersion, 1e-9)
            logs = special.gammaln(number + inverse) - special.gammaln(inverse) - special.gammaln(number + 1)
            logs = logs + special.xlogy(number, mean / (inverse + mean)) - inverse * np.log1p(mean / inverse)
        else:
            slope = np.where(dispersion < 0, dispersion / (1 - np.minimum(dispersion, 0) * mean), dispersion)
            s, base = 1 + slope * mean, 1 + slope * number
            logs = special.xlogy(number, mean / s) - special.gammaln(number + 1) - mean * base / s
            logs = np.where(base > 0, logs + (number - 1) * np.log(np.maximum(base, 1e-300)), -np.inf)
        chances = np.exp(logs)
        return chances / chances.sum(axis=1, keepdims=True)

    def draw(self, mean: np.ndarray, dispersion: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
        """Numbers of haloes of voxels with given means and dispersions, shape (voxels,)."""
        if self.law == "poisson" or dispersion is None:
            return rng.poisson(mean)
        if self.law == "negative_binomial":
            inverse = 1 / np.maximum(dispersion, 1e-9)
            return rng.poisson(rng.gamma(inverse, mean / inverse))
        parts = range(0, len(mean), VOXELS_AT_ONCE)
        return np.concatenate(
            [
                _inverted(self.probabilities(mean[part], dispersion[part]), rng)
                for part in (slice(i, i + VOXELS_AT_ONCE) for i in parts)
            ]
        )


def _saturated(mean: tf.Tensor, dispersion: tf.Tensor) -> tf.Tensor:
    """The slope b of the generalised Poisson law."""
    return dispersion / (1 - tf.minimum(dispersion, 0.0) * mean)


def _inverted(probabilities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    cumulative = np.cumsum(probabilities, axis=1)
    return (cumulative[:, :-1] < rng.random(len(cumulative))[:, None]).sum(axis=1)
