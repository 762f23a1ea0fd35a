"""Table of the short trainings of ``profiles/ablation``: what each choice costs and what it gains.

    snakemake --profile profiles/ablation training
    python benchmarks/ablation.py

reads the networks below ``results/ablation/networks`` and rewrites the table of ``docs/networks.md``.
"""

import argparse
from pathlib import Path

import pandas as pd
from network_costs import PAGE, markdown, rewrite

from halonet import console
from halonet.network.flops import flops_per_voxel, training_flops, unallocated_network
from halonet.settings import NetworkSettings, validate
from halonet.storage import read_json

MARKS = ("<!-- ablation: made by benchmarks/ablation.py -->", "<!-- end of ablation -->")
HEADER = ("network", "differs in", "weights", "total FLOP", "seconds", "validation Dice", "against base")
BASE = "base"


def flat(settings, prefix=""):
    """Settings as {dotted key: value}; the stages are those of one stage."""
    found = {}
    for key, value in settings.items():
        value = value[0] if key == "stages" else value
        found |= flat(value, f"{key}.") if isinstance(value, dict) else {prefix + key: value}
    return found


def read(folder):
    """Settings, training curve and time of a trained network."""
    network = validate(NetworkSettings, read_json(folder / "settings.json"), str(folder / "settings.json"))
    curve, timing = (pd.read_csv(folder / name).iloc[-1] for name in ("history.csv", "timing.csv"))
    return network, curve, timing


def row(name, folder, base):
    network, curve, timing = read(folder)
    mine, theirs = flat(network.model_dump()), flat(base[0].model_dump())
    changes = ", ".join(f"{key.split('.')[-1]} {value}" for key, value in mine.items() if value != theirs[key])
    model = unallocated_network(network)
    flops = training_flops(flops_per_voxel(model), network.window, network.stages[0].batch_size, int(curve["step"]))
    gain = curve["validation_dice"] - base[1]["validation_dice"]
    numbers = (f"{model.count_params():,}", f"{flops:.1e}", f"{timing['seconds']:.0f}")
    return [name, changes or "", *numbers, f"{curve['validation_dice']:.4f}", f"{gain:+.4f}" if name != BASE else ""]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=Path, default=Path("results/ablation/networks"), help="folder of them")
    folder = parser.parse_args().networks
    base = read(folder / BASE)
    names = sorted((path.parent.name for path in folder.glob("*/model.weights.h5")), key=lambda name: name != BASE)
    table = markdown(HEADER, [row(name, folder / name, base) for name in names], left=2)
    rewrite(PAGE, MARKS, table)
    print(table)


if __name__ == "__main__":
    console.run(main)
