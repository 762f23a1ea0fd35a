"""What a finished fit says: convergence, counts and mass functions against the catalogue, fields, other models.

Also the door of the package to what is drawn from a fit: haloes, catalogues, their clustering.
"""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from halonet.initial_conditions.noise import generator
from halonet.neural_bias.baselines import fit_engine, fit_global, fit_power_law
from halonet.neural_bias.bias_fit import Problem, elsewhere, embedded, make_problem, with_kernel
from halonet.neural_bias.catalogues import draw_catalogue
from halonet.neural_bias.clustering import measure_clustering, posterior_predictive
from halonet.neural_bias.counts import Bins, expected_counts, make_bins, mass_functions
from halonet.neural_bias.coverage import covered_fraction, covered_spectrum
from halonet.neural_bias.draws import draw_from, positions_in
from halonet.neural_bias.fitted import FittedBias, write_fitted
from halonet.neural_bias.inputs import Inputs
from halonet.neural_bias.kernels import multipole_basis, saturating_ell
from halonet.neural_bias.predictive import laplace_samples, predictive_density
from halonet.neural_bias.responses import multipole_responses
from halonet.sampling.chain import read_chain
from halonet.sampling.diagnostics import effective_sample_size, r_hat
from halonet.settings import CosmologySettings, NeuralBiasSettings
from halonet.storage import StorageError, new_hdf5

__all__ = [
    "compare_counts",
    "convergence",
    "draw_catalogue",
    "draw_from",
    "elsewhere",
    "expected_counts",
    "laplace_samples",
    "make_bins",
    "measure_clustering",
    "positions_in",
    "posterior_predictive",
    "predictive_density",
    "read_samples",
    "sampled_counts",
    "summarise",
    "write_arrays",
    "write_model",
]
MASS_BINS = 20
SAMPLES_OF_COUNTS = 1000  # of each chain
SAMPLES_OF_FIELDS, DRAWN_CATALOGUES = 100, 50  # of all chains
Arrays = dict[str, np.ndarray]


def read_samples(paths: list[str | Path]) -> tuple[list[Arrays], np.ndarray]:
    """Chains, and their samples of theta, shape (chains, samples, parameters); all must be equally long."""
    chains = [read_chain(path) for path in paths]
    if missing := [str(path) for path, chain in zip(paths, chains, strict=True) if "parameters" not in chain]:
        raise StorageError(f"{missing[0]}: no dataset 'parameters'; it was not written by sample_neural_bias.py")
    lengths = {len(chain["parameters"]) for chain in chains}
    if len(lengths) > 1:
        raise StorageError(f"{paths[0]} and others: chains of different length ({sorted(lengths)}) cannot be compared")
    return chains, np.array([chain["parameters"] for chain in chains])


def thinned(samples: np.ndarray, count: int) -> np.ndarray:
    """About ``count`` samples of all chains, evenly spread, shape (count, parameters)."""
    flat = samples.reshape(-1, samples.shape[-1])
    return flat[:: max(1, len(flat) // count)]


def sampled_counts(problem: Problem, bins: Bins, samples: np.ndarray) -> np.ndarray:
    """Expected haloes in each bin along every chain, shape (chains, some samples, environments, masses)."""
    counts = expected_counts(problem, bins, problem.points())
    stride = max(1, samples.shape[1] // SAMPLES_OF_COUNTS)
    return np.array([[counts(theta) for theta in chain[::stride]] for chain in samples])


def convergence(chains: list[Arrays], counts: np.ndarray) -> dict:
    """R-hat and effective sample sizes of the counts, shape (chains, samples, ...), and what the sampler reports."""
    flat = counts.reshape(*counts.shape[:2], -1)
    sizes = [effective_sample_size(flat[..., i]) for i in range(flat.shape[-1])]
    kept = {
        name: np.array([chain[name][int(chain["warmup"]) :] for chain in chains])
        for name in ("energy", "acceptance", "gradients", "divergent", "bad_gradient")
    }
    return {
        "r_hat": [r_hat(flat[..., i]) for i in range(flat.shape[-1])] if len(chains) > 1 else None,
        "effective_samples": sizes,
        "effective_samples_per_1000_gradients": [1000 * size / kept["gradients"].sum() for size in sizes],
        "energy_r_hat": r_hat(kept["energy"]),
        "acceptance": kept["acceptance"].mean(axis=1).tolist(),
        "divergences": int(kept["divergent"].sum()),
        "bad_gradients": int(kept["bad_gradient"].sum()),
    }


def compare_counts(found: np.ndarray, expected: np.ndarray) -> dict:
    """Catalogue against posterior in each bin of density and mass; expected of shape (chains, samples, ...)."""
    mean = expected.mean(axis=(0, 1))
    pull = (mean - found) / np.sqrt(expected.var(axis=(0, 1)) + mean)
    return {"found": found.tolist(), "expected": mean.tolist(), "pull": pull.tolist()}


def compare_mass_functions(problem: Problem, samples: np.ndarray) -> Arrays:
    """dn/dlnM in bins of density: the catalogue's, with the number of haloes, and each sample's.

    Returns
    -------
    log_mass, width
        Centres and width of the bins in u.
    found
        Haloes per bin, shape (environments, masses).
    volumes
        Volume of each environment (Mpc^3).
    samples
        dn/dlnM (Mpc^-3) of the samples, shape (samples, environments, masses).
    """
    bins, voxels = make_bins(problem.voxels), problem.voxels
    edges = np.linspace(0, np.quantile(voxels.log_mass, 0.999), MASS_BINS + 1)
    centres = (edges[1:] + edges[:-1]) / 2
    function = mass_functions(problem, bins, centres, problem.points())
    environment = bins.environment[voxels.haloes]
    found = [np.histogram(voxels.log_mass[environment == i], edges)[0] for i in range(bins.environments)]
    return {
        "log_mass": centres,
        "width": np.array(edges[1] - edges[0]),
        "found": np.array(found),
        "volumes": np.bincount(bins.environment, voxels.volumes, bins.environments),
        "samples": np.array([function(theta) for theta in samples]),
    }


def engine_fields(problem: Problem, samples: np.ndarray) -> Arrays:
    """Posterior mean of the summary, mean and standard deviation of the halo density; shape (N, N, N) each."""
    features, side = problem.points().features, problem.voxels.side
    model, likelihood = problem.model, problem.likelihood
    volumes = problem.points().volumes

    @tf.function(autograph=False)
    def evaluate(theta: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        summary = model.summary(theta, features)
        return summary, likelihood.densities(theta, summary, volumes)

    values = np.array([[v.numpy() for v in evaluate(tf.constant(t, features.dtype))] for t in samples], np.float64)
    mean = values.mean(axis=0).reshape(2, side, side, side)
    deviation = values[:, 1].std(axis=0).reshape((side,) * 3)
    return {"summary": mean[0], "halo_density": mean[1], "halo_density_deviation": deviation}


def multipole_response(field: np.ndarray, kernel: int) -> list[float]:
    """Share of each multipole, unit weights, in the variance of all responses of a field, shape (N, N, N)."""
    if kernel == 1:
        return [1.0]
    values = tf.constant(field - field.mean())
    sums = []
    for ell in range(saturating_ell(kernel) + 1):
        basis = multipole_basis(kernel, ell, distinct=True)
        norms = (basis.kernels**2).sum(axis=(1, 2, 3))
        sums.append(sum(np.var(r.numpy()) / n for r, n in zip(multipole_responses(values, basis), norms, strict=True)))
    return [float(value / sum(sums)) for value in sums]


def compare_models(inputs: Inputs, settings: NeuralBiasSettings, problem: Problem, seed: int) -> list[dict]:
    """Maximum likelihood and BIC of a global mass function, power-law bias, and engines of several kernels.

    A larger kernel contains the smaller ones, and is searched from their maximum too.
    """
    table = [("global mass function", fit_global(problem)), ("truncated power law", fit_power_law(problem)[0])]
    known = None
    for kernel in sorted(settings.ablation_kernels):
        changed = with_kernel(settings, kernel)
        engine = problem if changed == settings else make_problem(inputs, changed)
        isotropic = all(basis.ell == 0 for basis, _ in engine.model.layers[0].bases())
        fit, theta = fit_engine(engine, seed, embedded(*known, engine.model) if known and isotropic else None)
        table.append((f"engine, kernel {kernel}" if kernel > 1 else "local engine, kernel 1", fit))
        known = theta, engine.model
    return [{"model": name} | fit._asdict() for name, fit in table]


def summarise(inputs: Inputs, settings: NeuralBiasSettings, paths: list[str | Path], seed: int) -> tuple[dict, Arrays]:
    """Summary for JSON, and arrays for the figures, of a fit's chains."""
    problem = make_problem(inputs, settings)
    chains, samples = read_samples(paths)
    bins = make_bins(problem.voxels)
    expected = sampled_counts(problem, bins, samples)
    picked = thinned(samples, SAMPLES_OF_FIELDS)
    comparison = compare_mass_functions(problem, picked)
    field = np.log(inputs.density + settings.density_floor)
    summary = {
        "haloes": len(problem.voxels.haloes),
        "parameters": problem.model.parameters,
        "offsets": problem.model.known_offsets.as_dict(),
        "density_edges": bins.edges.tolist(),
        "convergence": convergence(chains, expected),
        "counts": compare_counts(bins.found(problem.voxels), expected),
        "coverage": covered_fraction(comparison),
        "multipole_response": multipole_response(field, settings.engine.layers[0].kernel),
        "models": compare_models(inputs, settings, problem, seed),
    }
    arrays = {f"mass_functions/{name}": values for name, values in comparison.items()}
    arrays |= engine_fields(problem, picked) | {"theta": picked, "counts": expected}
    arrays |= {"energy": np.array([chain["energy"] for chain in chains]), "warmup": chains[0]["warmup"]}
    if not problem.model.trimmed_cells:  # a drawn catalogue is of a whole box
        rng = generator(seed, "neural bias predictive")
        some = thinned(samples, DRAWN_CATALOGUES)
        predictive = posterior_predictive(problem, inputs, some, rng)
        summary["predictive_coverage"] = covered_spectrum(predictive)
        kept = {name: values for name, values in predictive.items() if "counts" not in name}
        arrays |= {f"predictive/{name}": values for name, values in kept.items()}
    return summary, arrays


def write_model(
    path: str | Path,
    inputs: Inputs,
    settings: NeuralBiasSettings,
    paths: list[str | Path],
    cosmology: CosmologySettings,
    provenance: dict,
) -> None:
    """Write the fitted model with samples of all chains, to draw haloes from in other boxes."""
    _, samples = read_samples(paths)
    problem = make_problem(inputs, settings)
    fitted = FittedBias.of(problem, inputs, samples.reshape(-1, samples.shape[-1]), cosmology)
    write_fitted(path, fitted, provenance)


def write_arrays(path: str | Path, arrays: Arrays, provenance: dict) -> None:
    """Write the arrays of a summary to HDF5."""
    with new_hdf5(path) as file:
        for name, values in arrays.items():
            file[name] = values.astype(np.float32) if values.ndim == 3 and "/" not in name else values
        file.attrs["provenance"] = json.dumps(provenance)
