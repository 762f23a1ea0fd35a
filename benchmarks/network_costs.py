"""Cost of every network preset: weights, size, operations per voxel, and operations of its whole training.

One command, ``python benchmarks/network_costs.py``, counts the networks of ``config.yaml`` and of the profiles and
rewrites the table of ``docs/networks.md``; with ``--output FILE`` it writes the table alone. Nothing is trained.
"""

import argparse
import math
import re
from pathlib import Path

import yaml

from halonet import console
from halonet.network.flops import flops_per_voxel, training_flops, unallocated_network
from halonet.settings import Settings, validate
from halonet.storage import write_text

ROOT = Path(__file__).parents[1]
PROFILES = ("quickstart", "vnet_small", "objects", "heads")
PAGE = ROOT / "docs" / "networks.md"
MARKS = ("<!-- costs: made by benchmarks/network_costs.py -->", "<!-- end of costs -->")
PAPER = "paper's 24 hours: 8e4 steps of 3 x 128^3"  # of its 5-level network; HaloNet paper, section 3.2
PAPER_STEPS = 80_000
HEADER = ("network", "training", "settings", "weights", "MB", "kFLOP/voxel", "total FLOP")


def merged(base, over):
    """Settings with others laid over them, as Snakemake does it."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    return base | {key: merged(base.get(key), value) for key, value in over.items()}


def presets():
    """File, name and all settings of every preset."""
    base = yaml.safe_load((ROOT / "config.yaml").read_text())
    yield from (("config.yaml", name, validate(Settings, base, "config.yaml")) for name in base["networks"])
    for profile in PROFILES:
        source = f"profiles/{profile}/settings.yaml"
        over = yaml.safe_load((ROOT / source).read_text())
        settings = validate(Settings, merged(base, over), source)
        yield from ((source, name, settings) for name in over["networks"])


def steps_of(stage, network, settings):
    """Steps of a stage, as a training job takes them."""
    if stage.steps:
        return stage.steps
    boxes = settings.boxes.count - settings.boxes.test - settings.boxes.validation
    rows = min(stage.boxes or boxes, boxes) * (settings.boxes.cells // settings.dataset.window) ** 3
    if settings.dataset.split_by == "subvolume":
        rows *= 1 - settings.dataset.validation_fraction
    visits = (settings.dataset.window // network.window_of(stage)) ** 3
    return math.ceil(stage.epochs * rows * visits / stage.batch_size)


def cost(source, name, settings):
    network = settings.networks[name]
    model = unallocated_network(network)
    per_voxel, weights = flops_per_voxel(model), model.count_params()
    stages = [(network.window_of(s), s.batch_size, steps_of(s, network, settings)) for s in network.stages]
    total = sum(training_flops(per_voxel, *stage) for stage in stages)
    parts = [f"{steps:,} steps of {batch} x {window}^3" for window, batch, steps in stages]
    if network.start_from:
        parts.insert(0, network.start_from)
    if network.start_from in settings.networks:
        total += cost(source, network.start_from, settings)[-1]
    training = ", then ".join(parts)
    return [name, source, weights, 4 * weights / 1e6, per_voxel / 1e3, training, total]


def rows():
    found = [cost(*preset) for preset in presets()]
    paper = next(row for row in found if row[0] == "vnet5")
    return [[*paper[:5], PAPER, training_flops(1e3 * paper[4], 128, 3, PAPER_STEPS)], *found]


def markdown(header, rows, left):
    """Table of a page, of text cells; the first ``left`` columns are text, the others numbers."""
    rule = ["---"] * left + ["---:"] * (len(header) - left)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *rows))


def rewrite(page, marks, table):
    """Put a table between its marks in a page."""
    pattern, block = re.compile(".*".join(map(re.escape, marks)), re.DOTALL), "\n\n".join((marks[0], table, marks[1]))
    if not pattern.search(page.read_text()):
        raise ValueError(f"{page}: the line {marks[0]!r} is missing; the table belongs behind it")
    write_text(page, pattern.sub(lambda _: block, page.read_text()))


def table(found):
    """Table of the costs."""
    cells = [
        (name, training, f"`{source}`", f"{weights:,}", f"{size:.1f}", f"{per_voxel:,.1f}", f"{total:.2g}")
        for name, source, weights, size, per_voxel, training, total in found
    ]
    return markdown(HEADER, cells, left=3)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, help="write the table here, not into the page")
    arguments = parser.parse_args()
    found = rows()
    if arguments.output is None:
        rewrite(PAGE, MARKS, table(found))
    else:
        write_text(arguments.output, table(found) + "\n")
    print(table(found))


if __name__ == "__main__":
    console.run(main)
