"""What the chains of a field-level inference say: fields, spectra, agreement with the truth, convergence and cost."""

from dataclasses import replace
from functools import reduce
from pathlib import Path

import numpy as np
import tensorflow as tf

from halonet.catalogue import HaloCatalogue
from halonet.field_level.alternation import FieldMoments
from halonet.field_level.data import FieldData
from halonet.field_level.gravity import Gravity
from halonet.field_level.run_chain import read_field_chain
from halonet.field_level.spectra import WavenumberShells
from halonet.initial_conditions.noise import generator
from halonet.neural_bias.fit import Problem, number_density
from halonet.neural_bias.inputs import Inputs
from halonet.neural_bias.results import draw_catalogue, posterior_predictive
from halonet.sampling.diagnostics import effective_sample_size, r_hat
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
    limits = np.quantile(problem.voxels.log_mass, MASS_QUANTILES[1:])

    def densities(parameters):
        parts = problem.model.mass_function(parameters, problem.model.summary(parameters, features))
        return tf.stack([number_density(parts, float(limit)) for limit in (0.0, *limits)], axis=1)

    rows = tf.constant(theta.reshape(-1, theta.shape[-1]), tf.float64)
    found = tf.function(lambda rows: tf.map_fn(densities, rows))(rows).numpy()
    return found.reshape(*theta.shape[:-1], *found.shape[1:])


def merged_moments(chains: list[Arrays], name: str) -> FieldMoments:
    """Mean and scatter of a field over all samples of all chains."""
    parts = ("count", "mean", "squares")
    each = [FieldMoments(*(np.asarray(chain[f"moments.{name}.{part}"]) for part in parts)) for chain in chains]
    return reduce(FieldMoments.merged, each)


def spectrum_check(power: np.ndarray, shells: WavenumberShells) -> dict:
    """Power of the phases against the prior's; power of shape (chains, samples, shells).

    The mean over the samples in units of the scatter that a draw from the prior has: beyond 2 in a shell, the chains
    have not burnt in, or the model is not what made the haloes.
    """
    pull = (power.mean(axis=(0, 1)) - 1) / shells.noise_scatter
    return {
        "k_per_mpc": shells.k.tolist(),
        "modes": shells.modes.tolist(),
        "power": power.mean(axis=(0, 1)).tolist(),
        "pull": pull.tolist(),
        "largest_pull": float(np.abs(pull).max()),
    }


def convergence(chains: list[Arrays], derived: np.ndarray, shells: WavenumberShells) -> dict:
    """R-hat, effective samples and model evaluations per effective sample (Simon-Onfroy et al. 2025).

    Parameters
    ----------
    derived
        Halo densities along every chain, shape (chains, samples, environments, masses).

    Returns
    -------
    For ``modes`` of the phases, their power in ``shells`` and the ``halo_densities``: the largest R-hat, least and
    median effective samples of all chains, and the evaluations of the forward model (with or without its adjoint, the
    warm-up left out) for each effective sample, of the least and the median quantity. ``samplers`` says what they
    report.
    """
    warmup = int(chains[0]["warmup"])
    quantities = {
        "modes": np.array([chain["record.modes"][warmup:] for chain in chains]),
        "shells": np.array([chain["record.noise_power"][warmup:] for chain in chains]),
        "halo_densities": derived.reshape(*derived.shape[:2], -1),
    }
    late = {name: np.array([chain[name][warmup:] for chain in chains]) for name in chains[0] if _is_record(name)}
    evaluations = float(late["record.model_evaluations"].sum())
    found = {name: _converged(values, evaluations) for name, values in quantities.items()}
    sizes = np.array(found["modes"].pop("each"))
    found["modes"]["k_and_effective_samples"] = _by_shell(sizes, shells)
    for name in ("shells", "halo_densities"):
        found[name]["effective_samples"] = found[name].pop("each")
    found["samplers"] = {
        "model_evaluations": evaluations,
        "acceptance": late["acceptance"].mean(axis=1).tolist(),
        "energy_error": late["energy_error"].mean(axis=1).tolist(),
        "phase_step": [float(chain["record.phase_step"][-1]) for chain in chains],
        "theta_acceptance": late["record.theta_acceptance"].mean(axis=1).tolist(),
        "divergences": int(late["divergent"].sum()),
        "bad_gradients": int(late["bad_gradient"].sum()),
    }
    return found


def _is_record(name: str) -> bool:
    names = ("acceptance", "energy_error", "divergent", "bad_gradient")
    return name in names or name in ("record.model_evaluations", "record.theta_acceptance")


def _converged(values: np.ndarray, evaluations: float) -> dict:
    """Of quantities of shape (chains, samples, quantities)."""
    columns = range(values.shape[2])
    sizes = np.array([effective_sample_size(values[..., i]) for i in columns])
    hats = [r_hat(values[..., i]) for i in columns] if len(values) > 1 else None
    return {
        "largest_r_hat": max(hats) if hats else None,
        "least_effective_samples": float(sizes.min()),
        "median_effective_samples": float(np.median(sizes)),
        "evaluations_per_effective_sample": {
            "of_the_least": evaluations / float(sizes.min()),
            "of_the_median": evaluations / float(np.median(sizes)),
        },
        "each": sizes.tolist(),
    }


def _by_shell(sizes: np.ndarray, shells: WavenumberShells) -> list[list[float]]:
    """Median effective samples of the probed modes of every shell; real parts stand before imaginary ones."""
    shell = np.tile(shells.shell_of(shells.probes()), 2)
    return [[float(k), float(np.median(sizes[shell == i]))] for i, k in enumerate(shells.k, 1)]


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
    """Problem of the same constants at the density of phases; also its density and displacement (Mpc)."""
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
        haloes = data.inputs.haloes.places
        parts.append(posterior_predictive(here, haloes, data.inputs.box_size, theta[i : i + 1], rng))
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
    summary = {
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


def bias_check(variances: list[float], settings: FieldLevelSettings) -> dict:
    """Whether the unadjusted sampler kept the variance of its energy error, per step and cell, where it was asked to.

    Beyond three times that, its samples are biased more than was allowed for; take a smaller ``energy_variance`` or a
    longer warm-up.
    """
    allowed = settings.phases.energy_variance
    return {"allowed": allowed, "measured": variances, "passed": max(variances) < 3 * allowed}
