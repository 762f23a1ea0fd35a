"""Benchmarks of the neural bias model: speed beside JAX, recovery of a mock, calibration, efficiency of samplers.

python benchmarks/neural_bias.py speed
python benchmarks/neural_bias.py recovery --folder FOLDER
python benchmarks/neural_bias.py calibration --folder FOLDER
"""

import argparse
import json
import multiprocessing
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

BOX_SIZE, CELLS = 357.0, 64  # Mpc: 250 Mpc/h and 3.9 Mpc/h cells, as in Charnock et al. (2020)
MINIMUM_MASS = 3e12
# Global mass function of about 10^4 haloes: a broad component and a bump that it cannot imitate. A second component
# that the data do not need is free to wander through its prior, and chains then take much longer to agree.
ROWS = [-8.5, -10.7, -2.5, 4.8, 1.0, -0.7]
TRUTH = [0.5, 0.03, 0.01, 0.005, 0.0, 1.4, 1.2, 0.0, 0.0, 0.5, 0.2, 0.0, 0.0, 0.1, 0.05, 0.0, 0.0]
RECOVERY = {"most_steps": 32, "guide_points": 8192}


def one_thread():
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return tf


def mock_inputs(cells=CELLS, seed=3, truth=TRUTH, rows=ROWS, box_size=BOX_SIZE):
    """A density evolved by 2LPT and haloes drawn on it from the model at ``truth``."""
    tf = one_thread()
    from halonet.cosmology import compute_power_spectrum
    from halonet.grid.slabs import Slabs
    from halonet.initial_conditions.density import linear_density
    from halonet.neural_bias.draws import draw_haloes, places_in
    from halonet.neural_bias.evolution import displacement, evolved_density
    from halonet.neural_bias.inputs import Haloes, Inputs
    from halonet.neural_bias.model import NeuralBiasModel, Offsets
    from halonet.settings import CosmologySettings

    cosmology = CosmologySettings()
    k, power = compute_power_spectrum(cosmology)
    linear = linear_density(Slabs(cells), seed, box_size, k, power, cosmology)
    moved = displacement(linear, box_size, cosmology)
    density = evolved_density(moved, box_size)
    model = NeuralBiasModel()
    features = model.features(tf.constant(np.log(density + 0.01), tf.float64))
    model = model.with_offsets(Offsets(np.array(rows), features.numpy().mean(axis=1), np.log(2)))
    theta = tf.constant(truth, tf.float64)
    parts = [np.stack(part) for part in model.mass_function(theta, model.summary(theta, features))]
    rng = np.random.default_rng(seed)
    drawn = draw_haloes(parts, np.full(cells**3, (box_size / cells) ** 3), rng)
    places = places_in(drawn.voxels, cells, box_size, rng)
    haloes = Haloes(places, MINIMUM_MASS * np.exp(drawn.log_mass))
    return Inputs(density, haloes, box_size, MINIMUM_MASS, linear=linear, moved=moved)


def mock_settings(**sampler):
    from halonet.settings import NeuralBiasSettings, SamplerSettings

    return NeuralBiasSettings(minimum_mass_msun=MINIMUM_MASS, cells=CELLS, sampler=SamplerSettings(**sampler))


def cpu_milliseconds(function, repeats=15):
    function()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return 1e3 * min(times)


def speed(_):
    """CPU time of value and gradient of the theta block on one core, beside the same function in JAX."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    from halonet.neural_bias.problem import make_problem

    inputs = mock_inputs()
    problem = make_problem(inputs, mock_settings(kind="hmc", guide_points=None))
    posterior = problem.posterior()
    theta = np.array(TRUTH)
    print(f"{len(inputs.haloes)} haloes, {CELLS}^3 voxels, one core, CPU milliseconds (least of 15)")
    for dtype in ("float32", "float64"):
        posterior = problem.posterior(dtype)
        gradient = cpu_milliseconds(lambda p=posterior: p.energy_and_gradient(theta))
        print(f"TensorFlow {dtype}: value and gradient {gradient:.1f}", end="")
        print(f", value {cpu_milliseconds(lambda p=posterior: p.energy(theta)):.1f}")
    guided = make_problem(inputs, mock_settings(kind="hmc")).posterior()
    print(f"TensorFlow float32, gradient of the guide: {cpu_milliseconds(lambda: guided.gradient(theta)):.2f}")
    value, slope = problem.posterior().energy_and_gradient(theta)
    jax_value, jax_slope, milliseconds = jax_gradient(problem, theta)
    print(f"JAX float32: value and gradient {milliseconds:.1f}")
    largest = np.abs(jax_slope / slope - 1).max()
    print(f"difference of the values {jax_value - value:.3g}, largest relative one of the gradients {largest:.2g}")


def jax_gradient(problem, theta):
    """The same likelihood in JAX; sums in float32, since JAX computes in one precision unless told otherwise."""
    import jax
    import jax.numpy as jnp
    from jax.scipy.special import erfc, logsumexp

    points, offsets = problem.points("float32"), problem.model.offsets
    arrays = [jnp.asarray(array.numpy()) for array in (points.features, points.volumes, points.haloes, points.log_mass)]
    means, rows = jnp.asarray(offsets.feature_means, jnp.float32)[:, None], jnp.asarray(offsets.rows, jnp.float32)
    minimum_width = problem.model.mixture.minimum_width

    def mixture(theta, features):
        summary = jax.nn.softplus(theta[:4] @ (features - means) + theta[4]) - offsets.summary
        slopes, biases = theta[5:].reshape(3, 2, 2)[:, 0], theta[5:].reshape(3, 2, 2)[:, 1]
        output = slopes[..., None] * summary + (biases + rows.reshape(3, 2))[..., None]
        mean = jnp.stack([output[1, 0], output[1, 0] + jax.nn.softplus(output[1, 1])])
        return jax.nn.softplus(output[0]) + 1e-30, mean, jax.nn.softplus(output[2]) + minimum_width

    def potential(theta, features, volumes, halo_features, log_mass):
        amplitude, mean, width = mixture(theta, features)
        tail = erfc(-(mean + width**2) / (2**0.5 * width))
        expected = volumes * jnp.sum(0.5 * amplitude * jnp.exp(width**2 / 2) * tail, axis=0)
        amplitude, mean, width = mixture(theta, halo_features)
        distance = log_mass - mean
        logs = jnp.log(amplitude / width) + distance - 0.5 * (distance / width) ** 2 - 0.9189385332046727
        return expected.sum() - logsumexp(logs, axis=0).sum() + jnp.sum((theta / 10) ** 2) / 2

    function = jax.jit(jax.value_and_grad(potential))
    start = jnp.asarray(theta, jnp.float32)
    value, gradient = function(start, *arrays)
    milliseconds = cpu_milliseconds(lambda: jax.block_until_ready(function(start, *arrays)))
    return float(value), np.asarray(gradient, np.float64), milliseconds


def run_one(arguments):
    """One chain of a recovery, in a process of its own."""
    folder, index, sampler = arguments
    one_thread()
    from halonet.neural_bias.chain import write_chain
    from halonet.neural_bias.inputs import read_inputs
    from halonet.neural_bias.problem import make_problem
    from halonet.neural_bias.session import run_chain

    start = time.process_time()
    problem = make_problem(read_inputs(folder / "inputs.h5"), mock_settings(**sampler))
    chain, samples = run_chain(problem, 11, index, folder / f"chain_{index}.checkpoint.npz")
    cost = {"gradients": int(chain.records["gradients"].sum()), "seconds": time.process_time() - start}
    write_chain(folder / f"chain_{index}.h5", chain, problem.model.names(), cost, {"parameters": samples})
    print(f"chain {index}: {cost}", flush=True)
    return cost


def recovery(arguments):
    """Four chains on a mock of 10^4 haloes: twelve counts, R-hat, effective samples, cost."""
    folder = Path(arguments.folder)
    sampler = {"warmup": arguments.warmup, "samples": arguments.samples} | RECOVERY
    from halonet.neural_bias.inputs import write_inputs

    inputs = mock_inputs()
    write_inputs(folder / "inputs.h5", inputs, {})
    wall = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(arguments.processes) as pool:
        costs = pool.map(run_one, [(folder, index, sampler) for index in range(4)], chunksize=1)
    report = judge(folder, mock_settings(**sampler))
    report |= {"wall_seconds": time.monotonic() - wall, "costs": costs, "haloes": len(inputs.haloes)}
    report["cpu_seconds"] = sum(cost["seconds"] for cost in costs)
    (folder / "recovery.json").write_text(json.dumps(report, indent=2))
    print(json.dumps(report, indent=2))


def judge(folder, settings, chains=4, stride=2):
    """Counts of the chains' samples against the mock's."""
    from halonet.neural_bias.chain import read_chain
    from halonet.neural_bias.counts import expected_counts, make_bins
    from halonet.neural_bias.diagnostics import effective_sample_size, r_hat
    from halonet.neural_bias.inputs import read_inputs
    from halonet.neural_bias.problem import make_problem

    problem = make_problem(read_inputs(folder / "inputs.h5"), settings)
    bins = make_bins(problem.voxels)
    counts = expected_counts(problem, bins, problem.points())
    theta = [read_chain(folder / f"chain_{index}.h5")["parameters"][::stride] for index in range(chains)]
    expected = np.array([[counts(row) for row in rows] for rows in theta])
    found, mean = bins.found(problem.voxels), expected.mean(axis=(0, 1))
    pull = (mean - found) / np.sqrt(expected.var(axis=(0, 1)) + mean)
    flat = expected.reshape(*expected.shape[:2], -1)
    return {
        "found": found.tolist(),
        "expected": mean.tolist(),
        "pull": pull.tolist(),
        "r_hat": [r_hat(flat[..., i]) for i in range(flat.shape[-1])],
        "effective_samples": [effective_sample_size(flat[..., i]) for i in range(flat.shape[-1])],
    }


CALIBRATION = {"cells": 16, "box_size": 100.0, "replicates": 100, "draws": 31, "length": 1024, "largest": 4.0}
# Some 70 haloes in the median; without an upper mass a few truths would expect more than there is memory for.
CALIBRATION_ROWS = [-9.0, -10.5, -1.0, 0.5, -0.5, -1.0]


def calibration_field():
    """A smooth field on 16^3 cells, faint enough for the prior of unit width to expect catalogues of usual size."""
    from scipy.ndimage import gaussian_filter

    cells = CALIBRATION["cells"]
    field = gaussian_filter(np.random.default_rng(1).standard_normal((cells,) * 3), 1.5, mode="wrap")
    return 0.03 * field / field.std()


def calibrate_some(arguments):
    """Ranks of the truth among posterior draws, for some replicates; in a process of its own."""
    first, last = arguments
    tf = one_thread()
    from halonet.neural_bias.chain import Chain
    from halonet.neural_bias.draws import draw_haloes
    from halonet.neural_bias.likelihood import Compiled, Likelihood, Posterior, gather_points
    from halonet.neural_bias.model import NeuralBiasModel, Offsets
    from halonet.neural_bias.optimum import inverse_curvature, minimise
    from halonet.neural_bias.samplers import make_sampler
    from halonet.settings import SamplerSettings

    cells, draws = CALIBRATION["cells"], CALIBRATION["draws"]
    features = NeuralBiasModel().features(tf.constant(calibration_field(), tf.float64)).numpy()
    offsets = Offsets(np.array(CALIBRATION_ROWS), features.mean(axis=1), np.log(2))
    model = NeuralBiasModel().with_offsets(offsets)
    volumes = np.full(cells**3, (CALIBRATION["box_size"] / cells) ** 3)
    likelihood = Likelihood(model, CALIBRATION["largest"])
    compiled = Compiled(likelihood, 1.0)
    settings = SamplerSettings(warmup=300, samples=draws, thinning=10, guide_points=None, trajectory=1.5, most_steps=24)
    dense = features[0] > np.quantile(features[0], 0.9)

    def judged(theta):
        theta = tf.constant(theta, tf.float64)
        density = likelihood.densities(theta, model.summary(theta, tf.constant(features))).numpy()
        return np.r_[theta.numpy(), density.sum(), density[dense].sum()]

    ranks = []
    for replicate in range(first, last):
        rng = np.random.default_rng([7, replicate])
        truth = rng.standard_normal(model.parameters)
        at = tf.constant(truth)
        parts = [np.stack(part) for part in model.mass_function(at, model.summary(at, tf.constant(features)))]
        drawn = draw_haloes(parts, volumes, rng, CALIBRATION["largest"])
        length = CALIBRATION["length"] * 2 ** max(
            0, int(np.ceil(np.log2(max(len(drawn.voxels), 1) / CALIBRATION["length"])))
        )
        points = gather_points(model, features, volumes, drawn.voxels, drawn.log_mass, "float64", length)
        posterior = Posterior(compiled, points)
        found = minimise(posterior.energy_and_gradient, 0.1 * rng.standard_normal(17), 15, 0.1)
        sampler = make_sampler(posterior, found.theta, inverse_curvature(found.hessian, 1.0), settings)
        samples = Chain(sampler, settings, 3, replicate).run().samples
        values = np.array([judged(sample) for sample in samples])
        ranks.append((values < judged(truth)).sum(axis=0).tolist())
        print(replicate, len(drawn.voxels), flush=True)
    return ranks


def calibration(arguments):
    """Simulation-based calibration on 16^3 cells: ranks of truths from the prior, haloes drawn from these truths."""
    folder, count = Path(arguments.folder), arguments.replicates
    blocks = np.array_split(np.arange(count), 2)
    start = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        ranks = np.concatenate(pool.map(calibrate_some, [(block[0], block[-1] + 1) for block in blocks]))
    (folder / "ranks.json").write_text(json.dumps({"ranks": ranks.tolist(), "draws": CALIBRATION["draws"]}))
    print(f"{count} replicates in {time.monotonic() - start:.0f} s")
    draw_ranks(ranks, CALIBRATION["draws"], folder / "neural_bias_calibration.png")


def draw_ranks(ranks, draws, path, bins=8):
    """Histograms of the ranks; returns the chi-square probability of uniform ranks, one per quantity."""
    import matplotlib.pyplot as plt
    from scipy import stats

    from halonet.neural_bias.model import NeuralBiasModel

    names = [*NeuralBiasModel().names(), "expected haloes", "expected haloes, densest tenth"]
    figure, axes = plt.subplots(4, 5, figsize=(15, 9), sharex=True, sharey=True, layout="constrained")
    expected, probabilities = len(ranks) / bins, []
    low, high = stats.binom.ppf([0.005, 0.995], len(ranks), 1 / bins)
    for axis, name, values in zip(axes.flat, names, np.transpose(ranks), strict=False):
        counts, edges = np.histogram(values, bins, (-0.5, draws + 0.5))
        probabilities.append(float(stats.chisquare(counts).pvalue))
        axis.stairs(counts, edges, fill=True, alpha=0.6)
        axis.axhspan(low, high, color="0.5", alpha=0.25)
        axis.axhline(expected, color="0.3", lw=0.8)
        axis.set_title(f"{name}: p = {probabilities[-1]:.2f}", fontsize=8)
    axes.flat[-1].axis("off")
    figure.supxlabel(f"rank of the truth among {draws} posterior draws")
    figure.supylabel(f"replicates of {len(ranks)}")
    figure.savefig(path, dpi=80)
    print({name: round(p, 3) for name, p in zip(names, probabilities, strict=True)})
    return probabilities


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True)
    for command in (speed, recovery, calibration):
        sub = commands.add_parser(command.__name__, help=command.__doc__)
        sub.set_defaults(command=command)
        if command is not speed:
            sub.add_argument("--folder", required=True)
            sub.add_argument("--warmup", type=int, default=500)
            sub.add_argument("--samples", type=int, default=4000)
            sub.add_argument("--processes", type=int, default=2)
            sub.add_argument("--replicates", type=int, default=CALIBRATION["replicates"])
    arguments = parser.parse_args()
    arguments.command(arguments)


if __name__ == "__main__":
    main()
