"""From a trained network to a compared catalogue: time and memory of each stage, and convergence of the halo finder.

One command, ``python benchmarks/catalogues.py --network FOLDER --ground-truth BOX --thresholds FILE --output FOLDER``,
predicts the box, finds its haloes, moves them, compares them with the truth, and writes what each stage took. With
``--convergence`` the finder runs again with three more peak thresholds between each pair, and with the list continued
below (HaloNet paper, section 4), and their catalogues are compared with the first.
"""

import argparse
import json
import platform
import resource
import time
from pathlib import Path

import numpy as np

from halonet import console
from halonet.catalogue import read_catalogue
from halonet.grid.slabs import Slabs
from halonet.halo_finding.constants import thresholds_in_force
from halonet.halo_finding.fitted.sphere_fit import fit_spheres
from halonet.halo_finding.haloes import to_catalogue, with_eulerian_columns
from halonet.halo_finding.paper.search import find_haloes
from halonet.matching import completeness_and_purity, match_haloes
from halonet.network.devices import prepare_devices
from halonet.network.folder import load_network
from halonet.network.prediction import predict_box
from halonet.settings import CosmologySettings, HaloFindingSettings, PredictionSettings, StatisticsSettings
from halonet.statistics.box import measure_box
from halonet.storage import read_field, read_header

COMMAND = "python benchmarks/catalogues.py --network FOLDER --ground-truth BOX --thresholds FILE --output FOLDER"
CALIBRATED = {
    "finder": "fitted",
    "sphere_fit": {"own_fraction": "calibrated", "reach": "calibrated"},
    "peak_thresholds": "calibrated",
    "shell_threshold": "calibrated",
}
CUTS = (27, 100, 300, 1000, 3000, 10000)  # cells


class Stages:
    """Wall and CPU seconds of stages, and the peak memory by their ends."""

    def __init__(self, cells):
        self.cells, self.rows, self.last = cells**3, [], (time.perf_counter(), time.process_time())

    def finished(self, stage):
        now = (time.perf_counter(), time.process_time())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        self.rows.append(
            {
                "stage": stage,
                "seconds": round(now[0] - self.last[0], 2),
                "cpu_seconds": round(now[1] - self.last[1], 2),
                "peak_bytes_per_cell": round(peak / self.cells, 1),
            }
        )
        self.last = (time.perf_counter(), time.process_time())


def refined(thresholds):
    """The list with three more thresholds between each pair, evenly spaced in their distance from 1 (logarithmic)."""
    distance = np.log(1 - np.array(thresholds))
    positions = np.linspace(0, len(distance) - 1, 4 * (len(distance) - 1) + 1)
    return [float(1 - np.exp(value)) for value in np.interp(positions, np.arange(len(distance)), distance)]


def continued(thresholds):
    """The list with three lower thresholds, each twice as far from 1 as the one before, above the shells' range."""
    lower = 1 - (1 - thresholds[-1]) * 2.0 ** np.arange(1, 4)
    return [*thresholds, *(float(value) for value in lower if value > 0.45)]


def convergence(probability, thresholds, header, cosmology, true):
    """Haloes above several sizes, completeness and purity, for the list of thresholds and its two refinements."""
    rows = []
    lists = {"as given": thresholds.peak, "refined": refined(thresholds.peak), "continued": continued(thresholds.peak)}
    for name, peaks in lists.items():
        found = find_haloes(probability, peaks, thresholds.shell)
        catalogue = to_catalogue(found, len(probability), header, cosmology, 27)
        fractions = completeness_and_purity(true, catalogue, match_haloes(true, catalogue), 100)
        counts = [len(catalogue.larger_than(cut)) / max(len(true.larger_than(cut)), 1) for cut in CUTS]
        rows.append({"list": name, "thresholds": peaks, "over_truth": counts, "completeness_purity": fractions})
    return rows


def markdown(results):
    lines = [f"Box of {results['cells']}^3 cells, {results['machine']}. `{results['command']}`", ""]
    lines += ["| stage | seconds | CPU seconds | peak bytes per cell so far |", "|---|---|---|---|"]
    lines += [
        f"| {row['stage']} | {row['seconds']} | {row['cpu_seconds']} | {row['peak_bytes_per_cell']} |"
        for row in results["stages"]
    ]
    if results["convergence"]:
        lines += ["", "Haloes above a number of cells over the truth, and objects above 100 cells:", ""]
        lines += ["| thresholds | " + " | ".join(f"{cut}" for cut in CUTS) + " | completeness | purity |"]
        lines += ["|" + "---|" * (len(CUTS) + 3)]
        for row in results["convergence"]:
            numbers = [*row["over_truth"], *row["completeness_purity"]]
            name = f"{row['list']} ({len(row['thresholds'])})"
            lines.append(f"| {name} | " + " | ".join(f"{number:.3f}" for number in numbers) + " |")
    return "\n".join(lines) + "\n"


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", required=True, help="folder of a trained network")
    parser.add_argument(
        "--ground-truth", type=Path, required=True, help="folder with density, mask and haloes of a box"
    )
    parser.add_argument("--thresholds", help="of calibrate_thresholds.py: fit spheres; default: the paper's finder")
    parser.add_argument("--prediction", default="{}", help="prediction settings as JSON; default: the paper's")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--convergence", action="store_true")
    parser.add_argument("--output", type=Path, required=True, help="folder for catalogues_<cells>.json and .md")
    return parser.parse_args()


def main():
    arguments = parse()
    prepare_devices(arguments.threads, 0)
    network, box = load_network(arguments.network), arguments.ground_truth
    density, header = read_field(box / "density.h5", "density"), read_header(box / "density.h5")
    cells, cosmology = len(density), CosmologySettings(**(header.cosmology or {}))
    finding = HaloFindingSettings(**(CALIBRATED if arguments.thresholds else {}))
    thresholds = thresholds_in_force(finding, arguments.thresholds)
    settings = PredictionSettings(**json.loads(arguments.prediction))
    stages = Stages(cells)
    cell_size = header.box_size_mpc / cells
    probability = predict_box(
        network, density, cell_size, settings, slabs=Slabs(len(density), threads=arguments.threads)
    )
    stages.finished("prediction")
    found = find_haloes(probability, thresholds.peak, thresholds.shell)
    stages.finished("halo finding")
    if finding.finder == "fitted":
        found = fit_spheres(probability, found, thresholds.fit, finding.minimum_cells)
        stages.finished("fit of the spheres")
    catalogue = to_catalogue(found, cells, header, cosmology, finding.minimum_cells)
    catalogue = with_eulerian_columns(catalogue, density, cosmology, header.redshift or 0.0)
    stages.finished("Eulerian positions and velocities")
    mask, true = read_field(box / "mask.h5", "mask"), read_catalogue(box / "haloes.h5")
    stages.finished("reading the truth")
    measure_box(mask, probability, true, catalogue, StatisticsSettings(), density)
    stages.finished("statistics")
    results = {
        "machine": f"{platform.machine()}, {arguments.threads} threads",
        "command": COMMAND,
        "cells": cells,
        "prediction": settings.model_dump(),
        "stages": stages.rows,
        "convergence": convergence(probability, thresholds, header, cosmology, true) if arguments.convergence else [],
    }
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / f"catalogues_{cells}.json").write_text(json.dumps(results, indent=2) + "\n")
    (arguments.output / f"catalogues_{cells}.md").write_text(markdown(results))
    print(markdown(results))


if __name__ == "__main__":
    console.run(main)
