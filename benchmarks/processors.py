"""What the vector units of a processor are worth: a training step and a prediction of the quickstart's network.

    python benchmarks/processors.py --quickstart-seconds 780 "AVX2"

oneDNN can be held back from the newer instructions of a processor (``ONEDNN_MAX_CPU_ISA``): one machine shows several
kinds. Writes ``benchmarks/results/processors.json``, a row for each kind; ``run_all.py --render`` puts the table
into ``docs/performance.md``. ``--quickstart-seconds`` is what ``make quickstart`` took on a fresh checkout.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from performance.measuring import machine

from halonet.grid.slabs import Slabs
from halonet.settings import load_settings
from halonet.storage import read_json, write_json

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks/results/processors.json"
KINDS = {
    "AVX2, TensorFlow's own kernels": {"TF_ENABLE_ONEDNN_OPTS": "0"},
    "AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "all that it has": {},
}
STEPS, CELLS, THREADS = 8, 128, 2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--quickstart-seconds", nargs=2, metavar=("SECONDS", "KIND"), action="append", default=[])
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(measure()))
        return
    before = {row["kind"]: row for row in read_json(RESULT)["rows"]} if RESULT.is_file() else {}
    given = {kind: float(seconds) for seconds, kind in arguments.quickstart_seconds}
    rows = []
    for kind, variables in KINDS.items():
        command = [sys.executable, __file__, "--case"]
        process = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=True)
        row = json.loads(process.stdout.splitlines()[-1])
        quickstart = given.get(kind) or before.get(kind, {}).get("quickstart_seconds")
        rows.append({"kind": kind, "variables": variables, "quickstart_seconds": quickstart} | row)
        print(rows[-1], flush=True)
    write_json(RESULT, {"processor": processor(), "threads": THREADS, "rows": rows})


def measure():
    """Times of one kind (s), in a process of its own: oneDNN reads its variables once."""
    from halonet.dataset.normalisation import Normalisation
    from halonet.network.build import build_network
    from halonet.network.devices import prepare_devices, prepare_gradients
    from halonet.network.folder import TrainedNetwork
    from halonet.network.prediction import predict_box
    from halonet.network.stages import compile_for

    settings = load_settings(ROOT / "config.yaml", ROOT / "profiles/quickstart/settings.yaml")
    network, random = settings.networks["small"], np.random.default_rng(1)
    prepare_devices(THREADS, 0)
    prepare_gradients()
    model = build_network(network)
    compile_for(model, network.stages[0], network.stages[0].steps, network.precision)
    inputs = random.normal(size=(1, *3 * [network.window], 1 + network.channels.count)).astype("f4")
    step = fastest(lambda: model.train_on_batch(inputs, (inputs[..., :1] > 0.6).astype("u1")), STEPS)
    density = random.normal(size=3 * [CELLS]).astype("f4")
    trained = TrainedNetwork(model, network, Normalisation(1.0, {}, 1.0))
    box = fastest(
        lambda: predict_box(trained, density, 1.0, settings.prediction, slabs=Slabs(len(density), threads=THREADS)), 2
    )
    return {"step_seconds": step, "prediction_seconds": box}


def fastest(work, repetitions):
    """Least time (s) of several runs, after two that do not count."""
    times = []
    for _ in range(repetitions + 2):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times[2:])


def processor():
    flags = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))
    units = [unit for unit in ("avx2", "avx512f", "avx512_vnni", "amx_tile") if unit in flags.split()]
    return f"{machine()['cpu']} ({', '.join(units)})"


if __name__ == "__main__":
    main()
