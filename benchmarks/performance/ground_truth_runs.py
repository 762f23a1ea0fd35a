"""Ground truth: density, displacement and Peak Patch of ``benchmarks/ground_truth.py``, on one rank and on two."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from halonet.peak_patch.candidates import filter_radii
from halonet.settings import FilterBankSettings
from performance.measuring import ROOT, row, run_script

FIRST, SECOND = 3, 10  # transforms: three inverse ones; 6 inverse, 1 forward, 3 inverse


def cases(options):
    return [{"ranks": ranks, "cells": options.sizes} for ranks in (1, 2)]


def measure(case):
    with TemporaryDirectory() as folder:
        command = ["mpiexec", "-n", case["ranks"], sys.executable, ROOT / "benchmarks" / "ground_truth.py"]
        run_script(*command, "--cells", *case["cells"], "--output", folder)
        runs = json.loads(Path(folder, f"ground_truth_{case['ranks']}.json").read_text())["runs"]
    return [one for run in runs for one in rows_of(run)]


def rows_of(run):
    """Rows of one size: the parts of the ground truth by CPU time, and all of it."""
    cells, ranks, volume = run["cells"], run["ranks"], run["cells"] ** 3
    filters = len(filter_radii(FilterBankSettings(largest_mpc=min(34.0, cells / 2)), 1.0))
    phases = run["cpu_us_per_cell"]
    parts = {
        "density": (["density"], {"transforms": 2, "normals": volume}),
        "displacement, first order": (["first-order displacement"], {"transforms": FIRST}),
        "displacement, second order": (["second-order displacement"], {"transforms": SECOND}),
        "smoothing and peaks": (["smoothing and peaks"], {"transforms": filters, "bytes": 4 * volume * filters}),
        "candidates measured": (["measurement"], {}),
        # Every cell of the mask is cleared and written once, and those of haloes are written again.
        "mask": (["mask"], {"bytes": 2 * volume, "gathered": run["cells_in_haloes"]}),
        "Peak Patch, all": (
            [phase for phase in phases if phase != "density"],
            {"transforms": 1 + filters + FIRST + SECOND, "bytes": 4 * volume * filters},
        ),
    }
    notes = {"ranks": ranks, "haloes": run["haloes"], "balance": run["balance"]}
    for stage, (names, work) in parts.items():
        cpu = sum(phases[name] for name in names) * volume / 1e6
        # Ranks have a core each: their CPU time together over their number is the wall time but for waiting.
        times = {"seconds": cpu / ranks, "cpu_seconds": cpu}
        if stage == "Peak Patch, all":
            times |= {"seconds": run["wall_seconds"] - phases["density"] * volume / 1e6 / ranks}
            times |= {"bytes": run["bytes_per_cell"] * volume}
        yield row(stage, times, cells, {name: amount / ranks for name, amount in work.items()}, **notes)
