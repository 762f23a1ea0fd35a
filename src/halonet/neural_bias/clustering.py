"""Clustering of a catalogue on the engine's grid, and of catalogues drawn from the posterior.

Notes
-----
What is fitted are masses and environments, one halo at a time. That drawn catalogues cluster as the fitted one does is
no fit but a test of the model.
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from scipy import fft

from halonet.neural_bias.bias_fit import Problem
from halonet.neural_bias.draws import draw_haloes, positions_in
from halonet.neural_bias.evolution import assign_clouds, voxel_of
from halonet.neural_bias.mixture import Components

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Clustering:
    """Halo power spectrum (Mpc^3), shot noise included, at k (1/Mpc); number of voxels with 0, 1, ... haloes."""

    k: np.ndarray
    power: np.ndarray
    occupation: np.ndarray


def measure_clustering(positions: np.ndarray, cells: int, box_size: float) -> Clustering:
    """Power spectrum by clouds in cells, and counts in cells, of positions (Mpc) of shape (haloes, 3)."""
    contrast = assign_clouds(positions.T, cells, box_size) * cells**3 / len(positions) - 1
    power = np.abs(fft.fftn(contrast)) ** 2 * box_size**3 / cells**6
    numbers = fft.fftfreq(cells, 1 / cells)
    distance = np.sqrt(numbers[:, None, None] ** 2 + numbers[None, :, None] ** 2 + numbers[None, None] ** 2)
    shell = np.rint(distance).astype(int).ravel()
    mean = np.bincount(shell, power.ravel()) / np.bincount(shell)
    used = slice(1, cells // 2)
    counts = np.bincount(voxel_of(positions, cells, box_size), minlength=cells**3)
    return Clustering(2 * np.pi / box_size * np.arange(len(mean))[used], mean[used], np.bincount(counts))


def posterior_predictive(
    problem: Problem, positions: np.ndarray, box_size: float, samples: np.ndarray, rng: np.random.Generator
) -> Arrays:
    """Clustering of the catalogue at ``positions`` and of one drawn catalogue for each sample, shape (draws, ...)."""
    cells, features = problem.voxels.side, problem.points().features
    largest = problem.likelihood.largest_log_mass

    @tf.function(autograph=False)
    def mass_function(theta: tf.Tensor) -> Components:
        return problem.model.mass_function(theta, problem.model.summary(theta, features))

    drawn = []
    for theta in samples:
        parts = [np.stack(part) for part in mass_function(tf.constant(theta, features.dtype))]
        draw = draw_haloes(parts, problem.voxels.volumes, rng, largest)
        drawn.append(measure_clustering(positions_in(draw.voxels, cells, box_size, rng), cells, box_size))
    seen = problem.voxels.volumes[voxel_of(positions, cells, box_size)] > 0
    found = measure_clustering(positions[seen], cells, box_size)
    longest = max(len(each.occupation) for each in [found, *drawn])
    found_occupation, *occupation = (
        np.pad(each.occupation, (0, longest - len(each.occupation))) for each in [found, *drawn]
    )
    return {
        "k": found.k,
        "power": np.array([each.power for each in drawn]),
        "found_power": found.power,
        "shot_noise": np.array(box_size**3 / seen.sum()),
        "occupation": np.array(occupation),
        "found_occupation": found_occupation,
    }
