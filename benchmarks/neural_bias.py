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
# Global mass function of about 10^4 haloes: a power law and a bump near its cutoff, both well seen.
ROWS = [-8.5, -10.2, -2.5, 2.0, 1.0, -0.5]
TRUTH = [0.5, 0.03, 0.01, 0.005, 0.0, 1.4, 1.2, 0.0, 0.0, 0.5, 0.2, 0.0, 0.0, 0.1, 0.05, 0.0, 0.0]


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
    from halonet.neural_bias.chain import Chain, write_chain
    from halonet.neural_bias.inputs import read_inputs
    from halonet.neural_bias.problem import make_problem
    from halonet.neural_bias.samplers import make_sampler

    start = time.process_time()
    problem = make_problem(read_inputs(folder / "inputs.h5"), mock_settings(**sampler))
    phi, covariance = problem.optimum(seed=11, index=index)
    posterior = problem.posterior()
    settings = problem.settings.sampler
    chain = Chain(make_sampler(posterior, phi, covariance, settings), settings, 11, index)
    chain.run()
    cost = {"gradients": posterior.gradients, "energies": posterior.energies, "seconds": time.process_time() - start}
    samples = posterior.theta(chain.samples)
    write_chain(folder / f"chain_{index}.h5", chain, problem.model.names(), cost, {"parameters": samples})
    return cost


def recovery(arguments):
    """Four chains on a mock of 10^4 haloes: twelve counts, R-hat, effective samples, cost."""
    folder = Path(arguments.folder)
    sampler = {"warmup": arguments.warmup, "samples": arguments.samples}
    from halonet.neural_bias.inputs import write_inputs

    inputs = mock_inputs()
    write_inputs(folder / "inputs.h5", inputs, {})
    wall = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True)
    for command in (speed, recovery):
        sub = commands.add_parser(command.__name__, help=command.__doc__)
        sub.set_defaults(command=command)
        if command is not speed:
            sub.add_argument("--folder", required=True)
            sub.add_argument("--warmup", type=int, default=1500)
            sub.add_argument("--samples", type=int, default=6000)
    arguments = parser.parse_args()
    arguments.command(arguments)


if __name__ == "__main__":
    main()
