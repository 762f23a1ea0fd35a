"""What the chains of a field-level inference say: fields, spectra, agreement with the truth, convergence and cost."""

from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from halonet.catalogue import HaloCatalogue
from halonet.field_level.alternation import FieldMoments
from halonet.field_level.convergence import bias_check, convergence, spectrum_check
from halonet.field_level.data import FieldData
from halonet.field_level.gravity import Gravity
from halonet.field_level.run_chain import read_field_chain
from halonet.field_level.spectra import WavenumberShells
from halonet.initial_conditions.noise import generator
from halonet.neural_bias.fit import Problem, number_density
from halonet.neural_bias.inputs import Inputs
from halonet.neural_bias.results import draw_catalogue, posterior_predictive
from halonet.settings import FieldLevelSettings
from halonet.storage import StorageError

Arrays = dict[str, np.ndarray]
ENVIRONMENTS, MASS_QUANTILES = 4, (0.0, 0.6, 0.9)
PREDICTED_CATALOGUES = 40


def read_chains(paths: list[str | Path]) -> list[Arrays]:
    """Chains of one inference; all must be equally long."""
    chains = [read_field_chain(path) for path in paths]
    if len({chain["energy"].shape for chain in chains}) > 1:
        raise StorageError(f"{paths[0]} and others: chains of different length cannot be compared")
    return chains


def environments(problem: Problem) -> np.ndarray:
    """Features of the mean environment in quantile bins of the reference density, shape (features, environments).

    The mass functions there are what the haloes fix of theta; single parameters are nearly degenerate.
    """
    density = problem.voxels.density
    edges = np.quantile(density, np.arange(1, ENVIRONMENTS) / ENVIRONMENTS)
    bins = np.digitize(density, edges)
    return np.stack([problem.features[:, bins == i].mean(axis=1) for i in range(ENVIRONMENTS)], axis=1)


def halo_densities(problem: Problem, theta: np.ndarray) -> np.ndarray:
    """Haloes per Mpc^3 above three masses in four environments, shape (..., environments, masses).

    Parameters
    ----------
    theta
        Parameters, shape (..., parameters).
    """
    features = tf.constant(environments(problem), tf.float64)
    volume = float(problem.voxels.volumes.max())
    limits = np.quantile(problem.voxels.log_mass, MASS_QUANTILES[1:])

    def densities(parameters: tf.Tensor) -> tf.Tensor:
        summary = problem.model.summary(parameters, features)
        parts = problem.model.mass_function(parameters, summary)
        above = tf.stack([number_density(parts, float(limit)) for limit in (0.0, *limits)], axis=1)
        thinning = problem.likelihood.thinning(parameters, summary, volume)
        return above * tf.reshape(thinning, (-1, 1))

    rows = tf.constant(theta.reshape(-1, theta.shape[-1]), tf.float64)
    found = tf.function(lambda rows: tf.map_fn(densities, rows), autograph=False)(rows).numpy()
    return found.reshape(*theta.shape[:-1], *found.shape[1:])


def merged_moments(chains: list[Arrays], name: str) -> FieldMoments:
    """Mean and scatter of a field over all samples of all chains."""
    parts = ("count", "mean", "squares")
    each = [FieldMoments(*(np.asarray(chain[f"moments.{name}.{part}"]) for part in parts)) for chain in chains]
    return reduce(FieldMoments.merged, each)


def recovery(data: FieldData, arrays: Arrays, samples: np.ndarray, shells: WavenumberShells) -> Arrays:
    """Transfer function and correlation with the true linear density, of the posterior mean and of each sample.

    Parameters
    ----------
    samples
        Linear densities of kept phases, shape (samples, N, N, N).
    """
    truth = data.truth["linear"].astype(np.float64)
    transfer, correlation = shells.compared(arrays["linear_mean"], truth)
    each = np.array([shells.compared(sample, truth) for sample in samples])
    return {
        "recovery/transfer": transfer,
        "recovery/correlation": correlation,
        "recovery/sample_transfer": each[:, 0],
        "recovery/sample_correlation": each[:, 1],
    }


def problem_at(problem: Problem, gravity: Gravity, phases: np.ndarray) -> tuple[Problem, np.ndarray, np.ndarray]:
    """Problem of the same constants at the density that ``phases`` evolve to.

    Returns
    -------
    problem, density, displacement
        The density in units of the mean, shape (N, N, N); the displacement (Mpc), shape (3, N, N, N).
    """
    noise = tf.constant(phases, tf.float64)
    density = gravity.density(noise).numpy()
    moved = gravity.displacement(gravity.linear_modes(noise)).numpy()
    field = tf.constant(np.log(density + problem.settings.density_floor))
    voxels = replace(problem.voxels, density=density.ravel())
    return replace(problem, voxels=voxels, features=problem.model.features(field).numpy()), density, moved


def predicted(
    data: FieldData, settings: FieldLevelSettings, chains: list[Arrays], index: int, seed: int, provenance: dict
) -> HaloCatalogue:
    """A posterior-predictive catalogue: haloes drawn at one kept sample of phases and parameters.

    Parameters
    ----------
    index
        Of the draw, which picks sample and random numbers with the master seed.
    """
    problem, gravity = data.problem(settings), data.gravity(settings)
    phases, theta = kept_samples(chains)
    rng = generator(seed, "field level draw", index)
    pick = rng.integers(len(phases))
    here, density, moved = problem_at(problem, gravity, phases[pick])
    inputs: Inputs = replace(data.inputs, density=density, moved=moved)
    return draw_catalogue(here, inputs, theta[pick], data.cosmology, rng, provenance)


def kept_samples(chains: list[Arrays]) -> tuple[np.ndarray, np.ndarray]:
    """Kept phases of all chains, shape (samples, N, N, N), and the parameters beside them."""
    phases, theta = (np.concatenate([chain[name] for chain in chains]) for name in ("phases", "theta_at_phases"))
    return phases, theta


def predictive(data: FieldData, settings: FieldLevelSettings, chains: list[Arrays], seed: int) -> Arrays:
    """Clustering of the catalogue and of catalogues drawn at kept samples, phases and parameters of each its own."""
    problem, gravity = data.problem(settings), data.gravity(settings)
    phases, theta = kept_samples(chains)
    picked = np.linspace(0, len(phases) - 1, min(len(phases), PREDICTED_CATALOGUES)).astype(int)
    rng, parts = generator(seed, "field level predictive"), []
    for i in picked:
        here = problem_at(problem, gravity, phases[i])[0]
        parts.append(posterior_predictive(here, replace(data.inputs, moved=None), theta[i : i + 1], rng))
    common = {name: parts[0][name] for name in ("k", "found_power", "shot_noise")}
    arrays = common | {"power": np.concatenate([part["power"] for part in parts])}
    return {f"predictive/{name}": values for name, values in arrays.items()}


def summarise(data: FieldData, settings: FieldLevelSettings, paths: list[str | Path], seed: int) -> tuple[dict, Arrays]:
    """Summary for JSON, and arrays for the figures, of an inference's chains."""
    chains, problem, gravity = read_chains(paths), data.problem(settings), data.gravity(settings)
    shells, warmup = WavenumberShells(settings.cells, data.inputs.box_size), int(chains[0]["warmup"])
    power = np.array([chain["record.noise_power"] for chain in chains])
    derived = halo_densities(problem, np.array([chain["parameters"] for chain in chains]))
    fields = {name: merged_moments(chains, name) for name in ("linear", "density")}
    arrays = {
        "k": shells.k,
        "noise_power": power,
        "noise_scatter": shells.noise_scatter,
        "energy": np.array([chain["energy"] for chain in chains]),
        "warmup": np.array(warmup),
        "halo_densities": derived,
    }
    for name, moments in fields.items():
        arrays |= {f"{name}_mean": moments.mean, f"{name}_deviation": moments.deviation}
    summary: dict[str, Any] = {
        "sampler": settings.phases.kind,
        "haloes": len(problem.voxels.haloes),
        "cells": settings.cells,
        "parameters": problem.model.parameters,
        "chains": len(chains),
        "samples_per_chain": len(chains[0]["parameters"]),
        "spectrum": spectrum_check(power[:, warmup:], shells),
        "convergence": convergence(chains, derived, shells),
    }
    if settings.phases.kind == "mclmc":
        summary["bias_check"] = bias_check(summary["convergence"]["samplers"]["energy_error"], settings)
    arrays |= predictive(data, settings, chains, seed)
    if data.truth:
        linear = [gravity.linear_density(tf.constant(noise, tf.float64)).numpy() for noise in kept_samples(chains)[0]]
        arrays |= recovery(data, arrays, np.array(linear), shells)
        arrays |= {f"{name}_truth": values for name, values in data.truth.items()}
        summary["recovery"] = {
            "correlation": arrays["recovery/correlation"].tolist(),
            "transfer": arrays["recovery/transfer"].tolist(),
        }
    return summary, arrays
