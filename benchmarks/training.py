"""Speed and memory of training: what the reader delivers, and what a step of each preset consumes.

One command, on any Keras backend and with one GPU where there is one, for example

    KERAS_BACKEND=tensorflow python benchmarks/training.py --presets vnet5 vnet-small --output FOLDER

It makes its own boxes (smoothed random numbers, whose densest 27% are the mask: speed does not see the difference to
Peak Patch haloes), reads windows of them from a cold file (its pages dropped from the system's cache first) and from a
warm one, and trains every preset in float32 and mixed_bfloat16, each in a process of its own: with one batch held in
memory, and with the reader in front. Writes ``training_<backend>.json`` and ``.md`` with the machine. Operations of a
step are those of three forward passes (``halonet.network.flops``); their rate stands beside that of a large matrix
multiplication in the same precision. Memory is that of the process on the CPU, of the device on a GPU.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from backend_devices import backend_version, device_names, gpus_found, peak_memory
from network_costs import presets
from performance.measuring import machine
from scipy.ndimage import gaussian_filter

from halonet import console
from halonet.dataset.manifest import Subvolume, box_folder
from halonet.dataset.normalisation import Normalisation
from halonet.dataset.prefetch import prefetched
from halonet.dataset.samples import BoxFiles, TrainingSamples
from halonet.storage import FieldHeader, write_field

FIELDS = ("density", "mask")
PRECISIONS = ("float32", "mixed_bfloat16")
WARM_UP = 3  # steps, during which graphs are compiled
MANY = 10**9  # batches: more than time allows


def make_boxes(folder, boxes, cells):
    for box in range(boxes):
        density = gaussian_filter(np.random.default_rng(box).normal(size=(cells,) * 3).astype("f4"), 2, mode="wrap")
        header = FieldHeader(float(cells))
        write_field(box_folder(folder, box) / "density.h5", "density", density, header)
        write_field(box_folder(folder, box) / "mask.h5", "mask", density > np.quantile(density, 0.73), header)


def samples_of(folder, boxes, cells, window, batch, threads):
    """Samples of all boxes, cut into sub-volumes of half a box."""
    side = max(cells // 2, window)
    rows = [Subvolume(box, start, side) for box in range(boxes) for start in product(range(0, cells, side), repeat=3)]
    files = BoxFiles(Path(folder), Normalisation(1.0, dict.fromkeys(range(boxes), 1.0), 1.0), "global")
    return TrainingSamples(files, rows, window, "reflections", batch, seed=1, workers=threads).between(0, MANY)


def drop_from_cache(folder):
    for path in Path(folder).rglob("*.h5"):
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def pace(batches, seconds, work=lambda batch: None):
    """Batches per second, over at least two of them."""
    done, start = 0, time.perf_counter()
    for batch in batches:
        work(batch)
        done += 1
        if done >= 2 and time.perf_counter() - start > seconds:
            break
    return done / (time.perf_counter() - start)


def measure_reader(folder, arguments, window):
    samples = samples_of(folder, arguments.boxes, arguments.cells, window, 1, arguments.threads)
    drop_from_cache(folder)
    # Once over every sub-volume: what is read again is warm.
    cold = pace(prefetched(samples.between(0, len(samples.rows)), arguments.threads), arguments.seconds)
    pace(prefetched(samples.between(0, len(samples.rows)), arguments.threads), MANY)
    warm = pace(prefetched(samples, arguments.threads), arguments.seconds)
    size = window**3 * (4 + 1) / 1e6
    return {"window": window, "cold": cold, "warm": warm, "cold_mb_per_s": cold * size, "warm_mb_per_s": warm * size}


def measure_case(case):
    """Train one preset in one precision; runs in a process of its own."""
    import keras

    from halonet.network.devices import prepare_devices, prepare_gradients

    prepare_devices(case["threads"], gpus_found() if case["gpus"] is None else case["gpus"])
    prepare_gradients()

    from halonet.network.build import build_network
    from halonet.network.flops import flops_per_voxel, training_flops
    from halonet.network.stages import compile_for

    network = find_preset(case["preset"]).model_copy(update={"precision": case["precision"]})
    window, batch = case["window"] or network.window, case["batch"]
    model = build_network(network)
    compile_for(model, network.stages[-1], 1000, network.precision)
    random = np.random.default_rng(1)
    inputs = random.normal(size=(batch, window, window, window, 1 + network.channels.count)).astype("f4")
    held = inputs, (inputs[..., :1] > 0.6).astype("u1")

    def train(one):
        model.train_on_batch(*one)

    for _ in range(WARM_UP):
        train(held)
    rate = batch * pace(iter(lambda: held, None), case["seconds"], train)
    fed = None
    if not network.channels.count:  # whose files this benchmark does not make
        samples = samples_of(case["folder"], case["boxes"], case["cells"], window, batch, case["threads"])
        fed = batch * pace(prefetched(samples, case["threads"]), case["seconds"], train)
    flops = training_flops(flops_per_voxel(model), window, 1, 1)
    return {
        "window": window,
        "samples_per_second": rate,
        "samples_per_second_with_reader": fed,
        "seconds_per_step": batch / rate,
        "tflop_per_second": rate * flops / 1e12,
        "matmul_tflop_per_second": matmul_rate(case["precision"], bool(device_names()[0]), case["seconds"]) / 1e12,
        "peak_memory_gb": peak_memory() / 1e9,
        "devices": device_names()[1],
        "versions": f"Keras {keras.__version__} on {backend_version()}",
    }


def find_preset(name):
    found = {preset: settings for _, preset, settings in presets()}
    if name not in found:
        raise ValueError(f"--presets {name}: there is no such preset; the presets are {', '.join(found)}")
    return found[name].networks[name]


def matmul_rate(precision, on_gpu, seconds):
    """Operations per second of a large matrix multiplication."""
    from keras import ops

    size, repeats = (8192, 20) if on_gpu else (2048, 2)
    left = ops.cast(np.random.default_rng(1).normal(size=(size, size)), precision.removeprefix("mixed_"))

    def multiply(_):
        product_ = left
        for _ in range(repeats):
            product_ = ops.matmul(left, product_) / 100
        # Reading a number waits for the device.
        ops.convert_to_numpy(ops.cast(product_[0, 0], "float32"))

    multiply(None)
    return 2 * size**3 * repeats * pace(iter(int, None), min(seconds, 10), multiply)


def run_case(case):
    """Result of :func:`measure_case`, or what went wrong: a case that needs too much memory must not end the others."""
    command = [sys.executable, __file__, "--case", json.dumps(case)]
    process = subprocess.run(command, capture_output=True, text=True)
    named = {key: case[key] for key in ("preset", "precision", "batch")}
    if process.returncode:
        lines = process.stderr.strip().splitlines() or [""]
        reason = next((line for line in reversed(lines) if "rror" in line), lines[-1])
        return named | {"error": f"exit code {process.returncode}: {reason[:200]}"}
    return named | json.loads(process.stdout.strip().splitlines()[-1])


def markdown(results):
    computer, cases = results["machine"], results["steps"]
    used = next((f"{case['devices']}, {case['versions']}" for case in cases if "error" not in case), "")
    lines = [
        f"{computer['cpu']}, {computer['cores']} cores, {computer['memory_gb']} GB. {used}. `{results['command']}`"
    ]
    lines += ["", "| reader: window | cold file, samples/s (MB/s) | warm file, samples/s (MB/s) |", "|---|---:|---:|"]
    for row in results["reader"]:
        pairs = [f"{row[kind]:.1f} ({row[f'{kind}_mb_per_s']:.0f})" for kind in ("cold", "warm")]
        lines.append(f"| {row['window']}^3 | {' | '.join(pairs)} |")
    lines += ["", "| preset | precision | batch | samples/s | with reader | s/step | TFLOP/s | of matmul | peak GB |"]
    lines += ["|---|---|---|" + "---:|" * 6]
    for case in cases:
        start = f"| {case['preset']} | {case['precision']} |"
        if "error" in case:
            lines.append(f"{start} {case['batch']} | {case['error']} | | | | | |")
            continue
        fed = case["samples_per_second_with_reader"]
        share = case["tflop_per_second"] / case["matmul_tflop_per_second"]
        values = [case["samples_per_second"], fed, case["seconds_per_step"], case["tflop_per_second"]]
        cells = ["" if value is None else f"{value:.3g}" for value in values]
        size = f"{case['batch']} x {case['window']}^3"
        lines.append(f"{start} {size} | {' | '.join(cells)} | {share:.0%} | {case['peak_memory_gb']:.2f} |")
    return "\n".join(lines) + "\n"


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--presets", nargs="+", default=["vnet5", "vnet-small"], help="of benchmarks/network_costs.py")
    parser.add_argument("--precisions", nargs="+", default=PRECISIONS, choices=PRECISIONS)
    parser.add_argument("--batches", nargs="+", type=int, default=[1], help="samples per step")
    parser.add_argument("--window", type=int, help="cells along a side of a sample; default: each preset's own")
    parser.add_argument("--boxes", type=int, default=2)
    parser.add_argument("--cells", type=int, default=256, help="along a side of a box")
    parser.add_argument("--reader-windows", type=int, nargs="+", default=[128, 64])
    parser.add_argument("--seconds", type=float, default=20.0, help="least duration of every measurement")
    parser.add_argument("--threads", type=int, default=min(os.cpu_count(), 8))
    parser.add_argument("--gpus", type=int, choices=[0, 1], help="for TensorFlow; default: one where there is one")
    parser.add_argument("--output", type=Path, help="folder of the results, and of the boxes meanwhile")
    return parser.parse_args()


def main():
    arguments = parse()
    if arguments.case:
        print(json.dumps(measure_case(json.loads(arguments.case))))
        return
    if arguments.output is None:
        raise ValueError("--output is needed: the folder of the results")
    for name in arguments.presets:
        find_preset(name)
    arguments.output.mkdir(parents=True, exist_ok=True)
    backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    # Beside the results: the reader is as fast as their disk, and a temporary folder may be memory.
    with TemporaryDirectory(dir=arguments.output) as folder:
        make_boxes(folder, arguments.boxes, arguments.cells)
        reader = [measure_reader(folder, arguments, window) for window in arguments.reader_windows]
        common = {key: vars(arguments)[key] for key in ("window", "boxes", "cells", "seconds", "threads", "gpus")}
        names = ("preset", "precision", "batch")
        chosen = list(product(arguments.presets, arguments.precisions, arguments.batches))
        cases = [{**dict(zip(names, values, strict=True)), **common, "folder": folder} for values in chosen]
        steps = [run_case(case) for case in console.progress(cases, "cases")]
    command = f"KERAS_BACKEND={backend} python benchmarks/training.py {' '.join(sys.argv[1:])}"
    results = {"machine": machine(), "command": command, "reader": reader, "steps": steps}
    (arguments.output / f"training_{backend}.json").write_text(json.dumps(results, indent=2) + "\n")
    (arguments.output / f"training_{backend}.md").write_text(markdown(results))
    print(markdown(results))


if __name__ == "__main__":
    console.run(main)
