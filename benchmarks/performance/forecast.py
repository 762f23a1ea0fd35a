"""What the paper's run and a box of (4 Gpc)^3 cost on a cluster, from the costs per cell of this run.

``halonet.workflow.costs`` knows the jobs of a run and what they cost; here its times per cell are replaced by those of
the run.
A GPU was not measured: networks are counted in operations, at ``jobs.gpu_tflops`` of the settings.
"""

from dataclasses import dataclass

import numpy as np

from halonet.settings import load_settings
from halonet.workflow.costs import COSTS, JobCosts
from halonet.workflow.operations import operations_per_voxel
from halonet.workflow.run_status import START_SECONDS
from performance.measuring import ROOT

PAPER_BOXES = 256
SIDE = 4096  # cells of 1 Mpc of the large box
# Rules whose time per cell is the sum of these stages.
MADE_OF = {
    "draw_density": ("density",),
    "find_peak_patch_haloes": ("Peak Patch, all",),
    "find_haloes": ("search of haloes", "Eulerian places"),
    "measure_statistics": (
        "overlap", "ROC curves", "power spectra, masks", "power spectra, haloes of one space",
        "power spectra, haloes of one space", "correlation functions", "matching", "shapes", "stacked profiles",
    ),
}  # fmt: skip
# Stages of the large box, all of which share its memory among ranks.
LARGE = ("density", "Peak Patch, all", "search of haloes", "fit of spheres", "Eulerian places")


@dataclass(frozen=True)
class Line:
    """Cost of the jobs of a rule, or of a stage of the large box."""

    name: str
    jobs: int
    seconds: float
    cores: int
    core_hours: float
    gpu_hours: float
    measured: bool


def largest(rows, stage):
    """The row of a stage on one rank with the most cells."""
    found = [one for one in rows if one["stage"] == stage and one.get("ranks", 1) == 1 and "peer_of" not in one]
    return max(found, key=lambda one: one["cells"], default=None)


def microseconds(rows, stages):
    """Processor time for a cell (microseconds), summed over stages; None where one was not measured."""
    found = [largest(rows, stage) for stage in stages]
    if None in found:
        return None
    return sum(1e6 * one["seconds"] / one["cells"] ** 3 for one in found)


def paper(rows):
    """Lines of the paper's run, and bytes of its files; None where its 256 boxes were not planned."""
    planned = [one for one in rows if one["stage"] == "planning" and one["boxes"] == PAPER_BOXES]
    if not planned:
        return None
    settings = load_settings(ROOT / "config.yaml")
    costs, lines = JobCosts(settings), []
    for rule, jobs in planned[0]["jobs"].items():
        network = settings.run.networks[0] if rule in ("train_network", "predict_mask") else None
        seconds, measured = costs.seconds(rule, network), microseconds(rows, MADE_OF.get(rule, [None]))
        if measured is not None:
            cells = settings.boxes.cells**3
            seconds += (measured - COSTS[rule].microseconds) * cells / 1e6 / costs.ranks(rule)
        seconds += START_SECONDS
        cores = costs.ranks(rule) * costs.threads(rule)
        hours = jobs * seconds / 3600
        lines.append(Line(rule, jobs, seconds, cores, hours * cores, hours * costs.gpus(rule), measured is not None))
    return lines


def stored_bytes(rows):
    """Bytes for a cell of every file of a box, of the largest that was drawn."""
    found = [one for one in rows if one.get("stored")]
    return max(found, key=lambda one: one["cells"])["stored"] if found else None


def paper_storage(rows):
    """Bytes of the kept files of the paper's run."""
    stored, settings = stored_bytes(rows), load_settings(ROOT / "config.yaml")
    if stored is None:
        return None
    truth = stored["density"] + stored["mask"] + stored["haloes"]
    cells = settings.boxes.cells**3
    return cells * (settings.boxes.count * truth + settings.boxes.test * (stored["probability"] + stored["found"]))


def large_box(rows, growths):
    """Lines of a box of (4 Gpc)^3 with its network, and the memory of every stage (bytes)."""
    settings, lines, memory = load_settings(ROOT / "config.yaml"), [], {}
    for stage in LARGE:
        one = largest(rows, stage)
        if one is None or stage not in growths:
            continue
        # Never better than in proportion: caches only get smaller beside the box.
        exponent = max(1.0, growths[stage].exponent)
        seconds = one["seconds"] * (SIDE / one["cells"]) ** (3 * exponent)
        lines.append(Line(stage, 1, seconds, 1, seconds / 3600, 0.0, True))
        if one.get("bytes"):
            memory[stage] = one["bytes"] / one["cells"] ** 3 * SIDE**3
    network = settings.networks[settings.run.networks[0]]
    tile, buffer = settings.prediction.tile, settings.prediction.buffer
    work = operations_per_voxel(network) * SIDE**3 * (tile / (tile - 2 * buffer)) ** 3
    hours = work / (1e12 * settings.jobs.gpu_tflops) / 3600
    lines.append(Line(f"prediction, {settings.run.networks[0]}", 1, 3600 * hours, 0, 0.0, hours, False))
    return lines, memory


def large_storage(rows):
    stored = stored_bytes(rows)
    return None if stored is None else {name: value * SIDE**3 for name, value in stored.items()}


def nodes_of(memory, node_bytes=256e9):
    """Nodes of 256 GB that hold so much memory."""
    return int(np.ceil(memory / node_bytes))
