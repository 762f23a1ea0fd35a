"""Benchmark of field-level inference: a mock drawn from the model, both samplers, evaluations per effective sample.

python benchmarks/field_level.py --folder FOLDER

FOLDER holds data and chains, and a run goes on from what stands there. Results go to ``--output``, figures to
``--images``. 32^3 cells, two chains for each sampler, one after the other on as many processes as ``--processes``.
"""

import argparse
import json
import multiprocessing
import shutil
import time
from pathlib import Path

import numpy as np
from performance.measuring import machine

CELLS, BOX_SIZE = 32, 256.0  # Mpc; cells of 8 Mpc
MINIMUM_MASS, SEED, CHAINS = 3e12, 3, 2
# A mass function of a broad component and a bump, which the engine puts where it is dense: linear bias 1.7.
ROWS = [-8.7, -10.9, -2.5, 4.8, 1.0, -0.7]
TRUTH = [0.5, 0.03, 0.01, 0.005, 0.0, 3.0, 3.0, 0.0, 0.0, 0.5, 0.2, 0.0, 0.0, 0.1, 0.05, 0.0, 0.0]
LENGTHS = {"hmc": (150, 600), "mclmc": (150, 600)}
# Simon-Onfroy, Lanusse & de Mattia (2025, arXiv:2504.20130), 64^3 cells, a related model: what their abstract states.
PUBLISHED = "unadjusted MCLMC needs over ten times fewer model evaluations per effective sample than adjusted ones"
FIGURES = ("recovery", "maps", "spectra", "chains", "predictive", "flow")


def settings_of(kind, fraction=1.0, cells=CELLS):
    from halonet.settings import BiasSamplerSettings, FieldLevelSettings, PhaseSamplerSettings

    warmup, samples = (max(20, int(fraction * length)) for length in LENGTHS[kind])
    return FieldLevelSettings(
        cells=cells,
        minimum_mass_msun=MINIMUM_MASS,
        phases=PhaseSamplerSettings(kind=kind),
        theta=BiasSamplerSettings(moves=2),
        warmup=warmup,
        samples=samples,
        phase_thinning=10,
    )


def mock_of(cells):
    from halonet.cosmology import compute_power_spectrum
    from halonet.field_level.mock import make_mock
    from halonet.settings import CosmologySettings

    one_thread()
    cosmology = CosmologySettings()
    box_size = BOX_SIZE * cells / CELLS
    return make_mock(
        box_size, compute_power_spectrum(cosmology), cosmology, settings_of("hmc", cells=cells), TRUTH, ROWS, SEED
    )


def one_thread():
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def run_one(task):
    """One chain in a process of its own; a finished one is kept, a killed one goes on."""
    folder, kind, index, fraction, cells = task
    path = folder / kind / f"chain_{index}.h5"
    if path.exists():
        return
    one_thread()
    from halonet.field_level.data import read_data
    from halonet.field_level.run_chain import open_chain, run_chain

    start, wall = time.process_time(), time.perf_counter()
    path.parent.mkdir(parents=True, exist_ok=True)

    def track(transitions):
        for i in transitions:
            yield i
            if i % 50 == 0:
                print(
                    f"{kind} chain {index}: {i} of {transitions.stop}, {time.perf_counter() - wall:.0f} s", flush=True
                )

    settings = settings_of(kind, fraction, cells)
    run_chain(open_chain(read_data(folder / "inputs.h5"), settings, 11, index, path), path, {}, track)
    cost = {"cpu_seconds": time.process_time() - start, "seconds": time.perf_counter() - wall}
    path.with_suffix(".json").write_text(json.dumps(cost))


def judge(folder, mock, kind, fraction, cells):
    """Summary of a sampler's chains, with the truth's halo densities beside those found."""
    from halonet.field_level.data import read_data
    from halonet.field_level.results import halo_densities, summarise
    from halonet.field_level.spectra import WavenumberShells
    from halonet.neural_bias.results import write_arrays

    data, settings = read_data(folder / "inputs.h5"), settings_of(kind, fraction, cells)
    summary, arrays = summarise(data, settings, sorted((folder / kind).glob("chain_*.h5")), SEED)
    write_arrays(folder / kind / "arrays.h5", arrays, {})
    (folder / kind / "summary.json").write_text(json.dumps(summary))
    problem = data.problem(settings)
    truth = halo_densities(problem, mock.theta_of(problem.model)[None])[0]
    found = arrays["halo_densities"]
    pull = (found.mean(axis=(0, 1)) - truth) / found.std(axis=(0, 1))
    shells = WavenumberShells(cells, data.inputs.box_size)
    costs = [json.loads(path.read_text()) for path in sorted((folder / kind).glob("chain_*.json"))]
    summary |= {
        "halo_densities": {
            "truth": truth.tolist(), "found": found.mean(axis=(0, 1)).tolist(), "pull": pull.tolist(),
            "largest_pull": float(np.abs(pull).max()),
        },
        "power_of_the_true_phases": shells.noise_power(mock.noise).tolist(),
        "cpu_seconds": sum(cost["cpu_seconds"] for cost in costs),
        "seconds": max(cost["seconds"] for cost in costs),
    }  # fmt: skip
    return summary


def table(results):
    """Evaluations of the forward model per effective sample of every sampler."""
    lines = [
        "| sampler | modes, median | modes, least | power in shells, least | halo densities, least | largest R-hat |"
    ]
    lines.append("|---|---|---|---|---|---|")
    for kind, result in results.items():
        found = result["convergence"]
        cost = {name: found[name]["evaluations_per_effective_sample"] for name in ("modes", "shells", "halo_densities")}
        hats = [found[name]["largest_r_hat"] for name in cost]
        numbers = [cost["modes"]["of_the_median"]] + [cost[name]["of_the_least"] for name in cost]
        lines.append(f"| {kind} | " + " | ".join(f"{number:,.0f}" for number in numbers) + f" | {max(hats):.3f} |")
    return "\n".join(lines)


def command_of(arguments):
    """The command, but for folders."""
    parts = ["python benchmarks/field_level.py --folder FOLDER"]
    if arguments.fraction != 1:
        parts.append(f"--fraction {arguments.fraction:g}")
    if arguments.samplers != list(LENGTHS):
        parts.append(f"--samplers {' '.join(arguments.samplers)}")
    return " ".join(parts)


def record(arguments, results, cells, seconds):
    """Write the results with the machine and the command they came from."""
    result = {
        "machine": machine(),
        "command": command_of(arguments),
        "cells": cells,
        "fraction": arguments.fraction,
        "seconds": seconds,
        "published": {"text": PUBLISHED, "source": "Simon-Onfroy, Lanusse & de Mattia 2025, arXiv:2504.20130"},
        "samplers": results,
        "table": table(results).split("\n"),
    }
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "field_level.json").write_text(json.dumps(result, indent=2) + "\n")
    print(table(results))
    print("published:", PUBLISHED)
    for kind, found in results.items():
        print(kind, "correlation", np.round(found["recovery"]["correlation"], 2))
        pulls = found["spectrum"]["largest_pull"], found["halo_densities"]["largest_pull"]
        print(kind, "largest pulls of spectrum and halo densities", np.round(pulls, 2), "CPU", found["cpu_seconds"])


def draw(folder, kind, images):
    """Figures of a sampler's chains, by the script of the workflow."""
    import subprocess
    import sys

    script = Path(__file__).parents[1] / "workflow_scripts/draw_field_level_figures.py"
    options = ["--inputs", folder / "inputs.h5", "--summary", folder / kind / "summary.json"]
    options += ["--arrays", folder / kind / "arrays.h5", "--figures", folder / kind / "figures"]
    subprocess.run([sys.executable, script, *options], check=True)
    images.mkdir(parents=True, exist_ok=True)
    for name in FIGURES:
        shutil.copy(folder / kind / "figures" / f"{name}.png", images / f"field_level_{name}.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, required=True, help="folder of data and chains")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"), help="folder of the results")
    parser.add_argument("--images", type=Path, default=Path("docs/images"), help="folder of the figures")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--samplers", nargs="+", default=list(LENGTHS), choices=LENGTHS)
    parser.add_argument("--cells", type=int, default=CELLS, help="other sizes are for trials")
    parser.add_argument("--fraction", type=float, default=1.0, help="of the chains' length; less is for trials")
    arguments = parser.parse_args()
    start, folder = time.perf_counter(), arguments.folder
    from halonet.field_level.data import write_data

    folder.mkdir(parents=True, exist_ok=True)
    mock = mock_of(arguments.cells)
    if not (folder / "inputs.h5").exists():
        write_data(folder / "inputs.h5", mock.data, {})
    print(len(mock.data.inputs.haloes), "haloes", flush=True)
    common = arguments.fraction, arguments.cells
    tasks = [(folder, kind, index, *common) for kind in arguments.samplers for index in range(CHAINS)]
    with multiprocessing.get_context("spawn").Pool(arguments.processes, maxtasksperchild=1) as pool:
        pool.map(run_one, tasks, chunksize=1)
    results = {kind: judge(folder, mock, kind, arguments.fraction, arguments.cells) for kind in arguments.samplers}
    record(arguments, results, arguments.cells, time.perf_counter() - start)
    draw(folder, arguments.samplers[0], arguments.images)


if __name__ == "__main__":
    main()
