"""Benchmarks of the neural bias model: speed beside JAX, recovery of a mock, simulation-based calibration.

python benchmarks/neural_bias.py speed
python benchmarks/neural_bias.py recovery --folder FOLDER
python benchmarks/neural_bias.py calibration --folder FOLDER

Results go to ``--output``; FOLDER holds what a run may go on from. The experiment on Peak Patch haloes is a run of the
workflow: ``snakemake --profile profiles/neural_bias neural_bias``.
"""

import argparse
import json
import multiprocessing
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from neural_bias_calibration import calibration
from performance.measuring import machine

BOX_SIZE, CELLS = 357.0, 64  # Mpc: 250 Mpc/h and 3.9 Mpc/h cells, as in Charnock et al. (2020)
MINIMUM_MASS = 3e12
# Global mass function of about 10^4 haloes: a broad component and a bump that it cannot imitate. A second component
# that the data do not need is free to wander through its prior, and chains then take much longer to agree.
ROWS = [-8.5, -10.7, -2.5, 4.8, 1.0, -0.7]
TRUTH = [0.5, 0.03, 0.01, 0.005, 0.0, 1.4, 1.2, 0.0, 0.0, 0.5, 0.2, 0.0, 0.0, 0.1, 0.05, 0.0, 0.0]
RECOVERY = {"warmup": 400, "samples": 1500}


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
    from halonet.neural_bias.evolution import displacement, evolved_density
    from halonet.neural_bias.fit import NeuralBiasModel, Offsets
    from halonet.neural_bias.inputs import Haloes, Inputs
    from halonet.neural_bias.results import draw_from, positions_in
    from halonet.settings import CosmologySettings

    cosmology = CosmologySettings()
    k, power = compute_power_spectrum(cosmology)
    linear = linear_density(Slabs(cells), seed, box_size, k, power, cosmology)
    moved = displacement(linear, box_size, cosmology)
    density = evolved_density(moved, box_size)
    model = NeuralBiasModel()
    features = model.features(tf.constant(np.log(density + 0.01), tf.float64))
    model = model.with_offsets(Offsets(np.array(rows), features.numpy().mean(axis=1), np.log(2)))
    rng = np.random.default_rng(seed)
    drawn = draw_from(model, truth, features, np.full(cells**3, (box_size / cells) ** 3), rng)
    places = positions_in(drawn.voxels, cells, box_size, rng)
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


def speed(arguments):
    """CPU time of value and gradient of the theta block on one core, beside the same function in JAX."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    from halonet.neural_bias.fit import make_problem

    inputs, theta = mock_inputs(), np.array(TRUTH)
    problem = make_problem(inputs, mock_settings(kind="hmc", guide_points=None))
    result = {"haloes": len(inputs.haloes), "voxels": CELLS**3, "milliseconds": {}}
    times = result["milliseconds"]
    for dtype in ("float32", "float64"):
        posterior = problem.posterior(dtype)
        gradient = cpu_milliseconds(lambda p=posterior: p.energy_and_gradient(theta))
        times[dtype] = {"value_and_gradient": gradient, "value": cpu_milliseconds(lambda p=posterior: p.energy(theta))}
    for points in (4096, 16384):
        guided = make_problem(inputs, mock_settings(kind="hmc", guide_points=points)).posterior()
        times[f"guide of {points} points, float32"] = {
            "value_and_gradient": cpu_milliseconds(lambda p=guided: p.gradient(theta), 50)
        }
    value, slope = problem.posterior().energy_and_gradient(theta)
    jax_value, jax_slope, milliseconds = jax_gradient(problem, theta)
    times["float32 in JAX"] = {"value_and_gradient": milliseconds}
    result["difference_of_values"] = abs(jax_value - value)
    result["largest_relative_difference_of_gradients"] = float(np.abs(jax_slope / slope - 1).max())
    record(arguments, "neural_bias_speed", result)


def record(arguments, name, result):
    """Write a result with the machine and the command it came from."""
    command = f"python benchmarks/neural_bias.py {arguments.command.__name__}"
    text = json.dumps({"machine": machine(), "command": command} | result, indent=2)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / f"{name}.json").write_text(text + "\n")
    print(text)


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
    """One chain of a recovery, in a process of its own; a finished one is kept, a killed one goes on."""
    folder, index, sampler = arguments
    if (folder / f"chain_{index}.h5").exists():
        return
    one_thread()
    from halonet.neural_bias.fit import make_problem, run_chain
    from halonet.neural_bias.inputs import read_inputs
    from halonet.sampling.chain import write_chain

    start = time.process_time()
    problem = make_problem(read_inputs(folder / "inputs.h5"), mock_settings(**sampler))
    chain, samples = run_chain(problem, 11, index, folder / f"chain_{index}.checkpoint.npz")
    cost = {"acceptance": float(chain.records["acceptance"][sampler["warmup"] :].mean())}
    cost |= {"gradients": int(chain.records["gradients"].sum()), "seconds": time.process_time() - start}
    cost["step"] = chain.sampler.step_size(chain.done)
    write_chain(folder / f"chain_{index}.h5", chain, problem.model.names(), cost, {"parameters": samples})
    print(f"chain {index}: {cost}", flush=True)


def recovery(arguments):
    """Four chains on a mock of 10^4 haloes: twelve counts, R-hat, effective samples, cost."""
    folder = arguments.folder
    from halonet.neural_bias.inputs import write_inputs

    folder.mkdir(parents=True, exist_ok=True)
    inputs = mock_inputs()
    write_inputs(folder / "inputs.h5", inputs, {})
    with multiprocessing.get_context("spawn").Pool(arguments.processes) as pool:
        pool.map(run_one, [(folder, index, RECOVERY) for index in range(4)], chunksize=1)
    costs = [cost_of(folder / f"chain_{index}.h5") for index in range(4)]
    result = {"haloes": len(inputs.haloes), "sampler": RECOVERY, "chains": costs}
    result["cpu_seconds"] = sum(cost["seconds"] for cost in costs)
    record(arguments, "neural_bias_recovery", result | judge(folder, mock_settings(**RECOVERY)))


def cost_of(path):
    """What a chain took, from its file."""
    import h5py

    with h5py.File(path) as file:
        return json.loads(file.attrs["provenance"])


def judge(folder, settings, chains=4):
    """Counts that the chains' samples expect against those found, and against those that the truth expects."""
    from halonet.neural_bias.fit import Offsets, make_problem
    from halonet.neural_bias.inputs import read_inputs
    from halonet.neural_bias.results import (
        compare_counts,
        convergence,
        expected_counts,
        make_bins,
        read_samples,
        sampled_counts,
    )

    problem = make_problem(read_inputs(folder / "inputs.h5"), settings)
    bins = make_bins(problem.voxels)
    files, samples = read_samples([folder / f"chain_{index}.h5" for index in range(chains)])
    expected = sampled_counts(problem, bins, samples)
    true_model = problem.model.with_offsets(Offsets(np.array(ROWS), problem.model.offsets.feature_means, np.log(2)))
    truth = replace(problem, model=true_model, likelihood=replace(problem.likelihood, model=true_model))
    true_counts = expected_counts(truth, bins, truth.points())(np.array(TRUTH))
    deviation = (expected.mean(axis=(0, 1)) - true_counts) / expected.std(axis=(0, 1))
    result = {"counts": compare_counts(bins.found(problem.voxels), expected)}
    result["counts"] |= {"truth": true_counts.tolist(), "deviation_from_truth": deviation.tolist()}
    result["convergence"] = convergence(files, expected)
    result["summary"] = {
        "largest_pull": float(np.abs(result["counts"]["pull"]).max()),
        "largest_deviation_from_truth": float(np.abs(deviation).max()),
        "largest_r_hat": max(result["convergence"]["r_hat"]),
        "least_effective_samples": min(result["convergence"]["effective_samples"]),
        "least_per_1000_gradients": min(result["convergence"]["effective_samples_per_1000_gradients"]),
    }
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True)
    for command in (speed, recovery, calibration):
        sub = commands.add_parser(command.__name__, help=command.__doc__)
        sub.set_defaults(command=command, record=record)
        sub.add_argument("--output", type=Path, default=Path("benchmarks/results"), help="folder of the results")
        if command is not speed:
            sub.add_argument("--folder", type=Path, required=True, help="folder of chains and ranks")
            sub.add_argument("--processes", type=int, default=2)
        if command is calibration:
            sub.add_argument("--replicates", type=int, default=100)
    arguments = parser.parse_args()
    arguments.command(arguments)


if __name__ == "__main__":
    main()
