"""Gradient of the neural bias model's posterior, by ``benchmarks/neural_bias.py``, beside JAX."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from performance.measuring import ROOT, row, run_script

# Exponentials and logarithms of a voxel with two Gaussians: softplus of the engine, of two amplitudes, a gap and two
# widths takes two each; an exponential and an error function (one more) for the integral of either.
OF_A_VOXEL = 6 * 2 + 2 * 2
OF_A_HALO = 6 * 2 + 2 * 2 + 3
SLOPES = 2  # a gradient needs as many again


def cases(options):
    return [{}]


def measure(case):
    with TemporaryDirectory() as folder:
        run_script(sys.executable, ROOT / "benchmarks" / "neural_bias.py", "speed", "--output", folder)
        found = json.loads(Path(folder, "neural_bias_speed.json").read_text())
    milliseconds, notes = found["milliseconds"], {"haloes": found["haloes"], "voxels": found["voxels"]}
    terms = OF_A_VOXEL * found["voxels"] + OF_A_HALO * found["haloes"]
    # Four features and a volume of every voxel are read, and nothing of their size need be written.
    work = {"bytes": 4 * (5 * found["voxels"] + 5 * found["haloes"])}
    jax = {"name": "JAX", "seconds": milliseconds["float32 in JAX"]["value_and_gradient"] / 1e3}
    rows = []
    for stage, name, factor in (("gradient", "value_and_gradient", SLOPES), ("value", "value", 1)):
        seconds = milliseconds["float32"][name] / 1e3
        work_here = work | {"exponentials": factor * terms}
        peers = [jax] if stage == "gradient" else []
        times = {"seconds": seconds, "cpu_seconds": seconds}
        rows.append(row(f"neural bias, {stage}", times, None, work_here, peers, **notes))
    return rows
