"""Halo catalogues drawn from the model: number, mass and position of the haloes of every voxel.

Notes
-----
A component's contribution to a voxel has the mean V S A Phi(t), A = alpha exp(sigma^2 / 2), and its masses
are normal in ln M with mean mu + sigma^2 and width sigma, cut at the threshold. The normal is inverted in the
logarithm of its tail, which holds where a component's mean lies many widths below the threshold. Under the Poisson law
each component's number is drawn by itself, which is exact; under another the voxel's number is drawn first and shared
out among the components.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from scipy import special

from halonet.neural_bias.counting import Counting
from halonet.neural_bias.model import NeuralBiasModel

MOST_HALOES = 1e8  # of a draw; ten times those of a box of (4 Gpc)^3


class Draw(NamedTuple):
    """Haloes of a draw: flat voxel index and u = ln(mass / threshold), shape (haloes,) each."""

    voxels: np.ndarray
    log_mass: np.ndarray


def draw_haloes(
    parts: Sequence[np.ndarray],
    volumes: np.ndarray,
    rng: np.random.Generator,
    largest_log_mass: float | None = None,
    counting: Counting | None = None,
    dispersion: np.ndarray | None = None,
) -> Draw:
    """Draw haloes from the mass functions of voxels.

    Parameters
    ----------
    parts
        Amplitudes (Mpc^-3), means and widths, each of shape (components, voxels).
    volumes
        Completeness times volume of every voxel (Mpc^3), shape (voxels,).
    largest_log_mass
        u above which no halo is drawn.
    counting, dispersion
        Law of the numbers, by default Poisson's, and each voxel's dispersion, shape (voxels,), which other laws need.
    """
    amplitude, mean, width = (np.asarray(part, np.float64) for part in parts)
    peak = mean + width**2
    highest = special.log_ndtr(peak / width)  # ln of the probability to exceed the threshold
    lowest = np.full_like(highest, -np.inf)
    if largest_log_mass is not None:
        lowest = special.log_ndtr((peak - largest_log_mass) / width)
    with np.errstate(over="ignore", invalid="ignore"):
        rates = np.maximum(volumes * amplitude * np.exp(width**2 / 2) * (np.exp(highest) - np.exp(lowest)), 0)
        total = float(rates.sum())
    if not total <= MOST_HALOES:
        raise ValueError(f"the model gives {total:.3g} haloes; its parameters are not those of a fit")
    if counting is None or not counting.rows:
        counts = rng.poisson(rates)
        component, voxels = np.nonzero(counts)
        repeats = counts[component, voxels]
        component, voxels = np.repeat(component, repeats), np.repeat(voxels, repeats)
    else:
        component, voxels = _shared_out(rates, counting, np.asarray(dispersion, np.float64), rng)
    uniform = 1 - rng.random(len(voxels))  # in (0, 1]
    top, bottom = highest[component, voxels], lowest[component, voxels]
    tail = np.logaddexp(top + np.log(uniform), bottom + np.log1p(-np.minimum(uniform, 1 - 1e-16)))
    log_mass = peak[component, voxels] - width[component, voxels] * special.ndtri_exp(np.minimum(tail, -1e-300))
    return Draw(voxels, np.maximum(log_mass, 0.0))


def draw_from(
    model: NeuralBiasModel,
    theta: np.ndarray,
    features: tf.Tensor,
    volumes: np.ndarray,
    rng: np.random.Generator,
    largest_log_mass: float | None = None,
) -> Draw:
    """Draw haloes of a model at parameters ``theta``, shape (parameters,), in voxels of the given features.

    Their shape is (features, voxels); the rest is as for :func:`draw_haloes`.
    """
    theta = tf.constant(theta, features.dtype)
    summary = model.summary(theta, features)
    parts = [np.stack(part) for part in model.mass_function(theta, summary)]
    dispersion = model.dispersion(theta, summary)
    values = None if dispersion is None else dispersion.numpy()
    return draw_haloes(parts, volumes, rng, largest_log_mass, model.counting, values)


def _shared_out(
    rates: np.ndarray, counting: Counting, dispersion: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Component and voxel of every halo, shape (haloes,) each, from rates of shape (components, voxels)."""
    total = rates.sum(axis=0)
    voxels = np.repeat(np.arange(len(total)), counting.draw(total, dispersion, rng))
    shares = np.cumsum(rates[:, voxels], axis=0)
    component = (shares[:-1] <= rng.random(len(voxels)) * shares[-1]).sum(axis=0)
    return component, voxels


def positions_in(voxels: np.ndarray, cells: int, box_size: float, rng: np.random.Generator) -> np.ndarray:
    """Positions (Mpc) uniform within voxels given by their flat index, shape (haloes, 3)."""
    corners = np.stack(np.unravel_index(voxels, (cells,) * 3), axis=1)
    positions = (corners + rng.random((len(voxels), 3))) * (box_size / cells)
    return np.minimum(positions, np.nextafter(box_size, 0))
