"""Cost of the ground truth: CPU time and memory per cell, split by phase.

One command, for example ``mpiexec -n 2 python benchmarks/ground_truth.py --cells 128 256 --output FOLDER``: draws a
density for each size, finds its haloes, and writes a JSON file and a Markdown table with the machine. CPU time is that
of all ranks together; balance is the mean of the ranks' CPU time over that of the slowest. The collapse table is solved
beforehand and does not count; kernels are compiled in a run on a small box. Each size runs twice and the faster run
counts: on a virtual machine memory that is held for the first time may take seconds for each GB.
"""

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np
from performance.measuring import machine

from halonet import console
from halonet.cosmology import compute_power_spectrum
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.density import linear_density
from halonet.mpi import world
from halonet.peak_patch.collapse import solve_collapse_table
from halonet.peak_patch.finder import find_haloes
from halonet.peak_patch.mask import halo_mask
from halonet.peak_patch.steps import Progress
from halonet.settings import CosmologySettings, FilterBankSettings, PeakPatchSettings

CELL_SIZE = 1.0


class Clock:
    """CPU and wall time of each phase on this rank."""

    def __init__(self):
        self.phases, self.start, self.last = {}, time.perf_counter(), time.process_time()

    def finished(self, phase):
        now = time.process_time()
        self.phases[phase] = self.phases.get(phase, 0.0) + now - self.last
        self.last = now

    @property
    def wall(self):
        return time.perf_counter() - self.start


def run(cells, communicator, cosmology, table, spectrum):
    slabs = Slabs(cells, communicator)
    largest = min(34.0, cells * CELL_SIZE / 2)
    settings = PeakPatchSettings(filters=FilterBankSettings(largest_mpc=largest))
    clock = Clock()
    density = linear_density(slabs, 1, cells * CELL_SIZE, *spectrum, cosmology)
    clock.finished("density")
    progress = Progress(finished=clock.finished)
    haloes = find_haloes(density, slabs, CELL_SIZE, cosmology, settings, table, None, progress)
    halo_mask(haloes, slabs)
    clock.finished("mask")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    mine = (clock.phases, clock.wall, memory)
    return haloes, communicator.allgather(mine) if communicator else [mine]


def report(cells, haloes, ranks, idle_memory):
    volume = cells**3
    phases = {phase: [rank[0][phase] for rank in ranks] for phase in ranks[0][0]}
    cpu = {phase: round(sum(times) / volume * 1e6, 4) for phase, times in phases.items()}
    total = sum(cpu.values())
    busy = [sum(rank[0].values()) for rank in ranks]
    return {
        "cells": cells,
        "ranks": len(ranks),
        "haloes": len(haloes),
        "cells_in_haloes": int(haloes["cells"].sum()),
        "cpu_us_per_cell": cpu,
        "cpu_us_per_cell_with_initial_conditions": round(total, 3),
        "cpu_us_per_cell_density_given": round(total - cpu["density"], 3),
        "bytes_per_cell": round(sum(rank[2] - idle_memory for rank in ranks) / volume, 1),
        "wall_seconds": round(max(rank[1] for rank in ranks), 2),
        "balance": round(float(np.mean(busy) / max(busy)), 3),
    }


def markdown(results):
    lines = [f"Machine: {results['machine']['cpu']}, {results['machine']['cores']} cores. `{results['command']}`", ""]
    lines += ["| cells | ranks | CPU us/cell, density given | with density | bytes/cell | wall s | balance |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for run_ in results["runs"]:
        lines.append(
            f"| {run_['cells']}^3 | {run_['ranks']} | {run_['cpu_us_per_cell_density_given']} | "
            f"{run_['cpu_us_per_cell_with_initial_conditions']} | {run_['bytes_per_cell']} | {run_['wall_seconds']} | "
            f"{run_['balance']} |"
        )
    phases = list(results["runs"][0]["cpu_us_per_cell"])
    lines += ["", "| cells | ranks | " + " | ".join(phases) + " |", "|" + "---|" * (len(phases) + 2)]
    for run_ in results["runs"]:
        values = " | ".join(str(run_["cpu_us_per_cell"][phase]) for phase in phases)
        lines.append(f"| {run_['cells']}^3 | {run_['ranks']} | {values} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, nargs="+", default=[128, 256], help="sizes, in rising order")
    parser.add_argument("--output", type=Path, required=True, help="folder for ground_truth_<ranks>.json and .md")
    arguments = parser.parse_args()
    communicator = world()
    cosmology = CosmologySettings()
    table, spectrum = solve_collapse_table(cosmology, communicator=communicator), compute_power_spectrum(cosmology)
    run(32, communicator, cosmology, table, spectrum)
    idle_memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    runs = []
    for cells in arguments.cells:
        twice = [report(cells, *run(cells, communicator, cosmology, table, spectrum), idle_memory) for _ in range(2)]
        runs.append(min(twice, key=lambda one: one["wall_seconds"]))
    if communicator is None or communicator.rank == 0:
        ranks = runs[0]["ranks"]
        command = f"mpiexec -n {ranks} python benchmarks/ground_truth.py --cells {' '.join(map(str, arguments.cells))}"
        results = {"machine": machine(), "command": command, "runs": runs}
        arguments.output.mkdir(parents=True, exist_ok=True)
        (arguments.output / f"ground_truth_{ranks}.json").write_text(json.dumps(results, indent=2) + "\n")
        (arguments.output / f"ground_truth_{ranks}.md").write_text(markdown(results))
        print(markdown(results))


if __name__ == "__main__":
    console.run(main)
