"""Cost of tiled prediction and error at the seams of its tiles, against tile, buffer, blend and average.

One command, ``python benchmarks/prediction.py --network FOLDER --ground-truth BOX --output FOLDER``: predicts the box
with every setting of the table twice, once shifted by half a core, and writes time, the difference of the two
predictions (which a predictor without seams would not show) and, against the box's mask, the Dice coefficient.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from halonet import console
from halonet.network.devices import prepare_devices
from halonet.network.folder import load_network
from halonet.network.prediction import predict_box
from halonet.settings import PredictionSettings
from halonet.statistics.overlap import measure_overlap
from halonet.storage import read_field, read_header

# (tile, buffer, blend, average)
TABLE = [
    (64, 0, 0, "none"),
    (128, 0, 0, "none"),
    (64, 16, 0, "none"),
    (96, 16, 0, "none"),
    (160, 16, 0, "none"),
    (160, 16, 16, "none"),
    (96, 32, 0, "none"),
    (128, 32, 0, "none"),
    (192, 32, 0, "none"),
    (192, 32, 16, "none"),
    (160, 16, 0, "reflections"),
]


def measure(network, density, mask, cell_size, settings):
    start, cpu = time.perf_counter(), time.process_time()
    predicted = predict_box(network, density, cell_size, settings)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    shift = (settings.tile - 2 * settings.buffer) // 2
    moved = predict_box(network, np.roll(density, shift, (0, 1, 2)), cell_size, settings)
    difference = np.abs(np.roll(moved, -shift, (0, 1, 2)) - predicted)
    return {
        **settings.model_dump(),
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2),
        "seam_rms": float(np.sqrt(np.mean(difference.astype(np.float64) ** 2))),
        "seam_above_tenth": float(np.mean(difference > 0.1)),
        "dice": round(measure_overlap(mask, predicted).dice, 5),
    }


def markdown(results):
    lines = [
        f"Box of {results['cells']}^3 cells, {results['threads']} threads. `{results['command']}`",
        "",
        "| tile | buffer | blend | average | seconds | rms difference | cells that differ by > 0.1 | Dice |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in results["runs"]:
        lines.append(
            f"| {row['tile']} | {row['buffer']} | {row['blend']} | {row['average']} | {row['seconds']} "
            f"| {row['seam_rms']:.4f} | {row['seam_above_tenth']:.4%} | {row['dice']} |"
        )
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", required=True, help="folder of a trained network")
    parser.add_argument("--ground-truth", type=Path, required=True, help="folder with density.h5 and mask.h5 of a box")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, required=True, help="folder for prediction.json and .md")
    arguments = parser.parse_args()
    prepare_devices(arguments.threads, 0)
    network = load_network(arguments.network)
    path = arguments.ground_truth / "density.h5"
    density, mask = read_field(path, "density"), read_field(arguments.ground_truth / "mask.h5", "mask")
    cell_size = read_header(path).box_size_mpc / len(density)
    runs = []
    for tile, buffer, blend, average in console.progress(TABLE, "settings"):
        if len(density) % (tile - 2 * buffer) == 0:
            settings = PredictionSettings(tile=tile, buffer=buffer, blend=blend, average=average)
            runs.append(measure(network, density, mask, cell_size, settings))
    command = "python benchmarks/prediction.py --network FOLDER --ground-truth BOX --output FOLDER"
    results = {"cells": len(density), "threads": arguments.threads, "command": command, "runs": runs}
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "prediction.json").write_text(json.dumps(results, indent=2) + "\n")
    (arguments.output / "prediction.md").write_text(markdown(results))
    print(markdown(results))


if __name__ == "__main__":
    console.run(main)
