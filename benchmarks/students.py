"""Accuracy against operations: the default network and others beside simulations.

    python benchmarks/more_boxes.py --run results/n_body --boxes 113 114 115 116
    python benchmarks/students.py --run results/n_body --boxes 113 114 115 116 \\
        --networks networks/n-body networks/n-body-light

Boxes are ones that no network has seen and no constant was chosen by. Every network makes a mock of each box in
float32, and by what is fastest where it has whole numbers. Writes ``benchmarks/results/students.json`` and prints the
table of ``docs/n_body.md``.
"""

import argparse
from pathlib import Path

import numpy as np
from comparison_numbers import Truth, measure
from performance.measuring import ROOT, commit, machine
from precision import ROWS, SAME, mock, same

from halonet import console
from halonet.network.flops import flops_per_voxel
from halonet.network.folder import load_network
from halonet.network.quantised import FILE as QUANTISED
from halonet.storage import write_json

RESULT = ROOT / "benchmarks" / "results" / "students.json"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of a run whose truth is a simulation")
    parser.add_argument("--boxes", nargs="+", required=True)
    parser.add_argument(
        "--networks", nargs="+", type=Path, required=True, help="folders; the first's haloes are the measure"
    )
    arguments = parser.parse_args()
    numbers = {variant: {name: [] for name in (*ROWS, SAME)} for variant in variants(arguments.networks)}
    for box in console.progress(arguments.boxes, "boxes"):
        folder, first = arguments.run / "ground_truth" / box, None
        truth = Truth(folder)
        for (name, precision), found in numbers.items():
            (network,) = (each for each in arguments.networks if each.name == name)
            haloes, probability, _ = mock(folder / "density.h5", str(network), precision)
            first = first or haloes
            values = measure(truth, probability, haloes) | {SAME: same(first, haloes)}
            for row, list_ in found.items():
                list_.append(values[row])
    networks = {network.name: size(network) for network in arguments.networks}
    record = {"boxes": arguments.boxes, "commit": commit(), "machine": machine(), "networks": networks}
    record["numbers"] = [
        {"network": name, "precision": precision, "values": found} for (name, precision), found in numbers.items()
    ]
    write_json(RESULT, record)
    print(table(record))


def variants(networks: list[Path]) -> list[tuple[str, str]]:
    """Names and precisions, float32 first."""
    whole = [network.name for network in networks if (network / QUANTISED).exists()]
    return [(network.name, "float32") for network in networks] + [(name, "fastest") for name in whole]


def size(network: Path) -> dict:
    """Operations of a forward pass for a cell, and weights."""
    model = load_network(network).model
    return {"operations_per_cell": flops_per_voxel(model), "weights": model.count_params()}


def table(record: dict) -> str:
    """Means over boxes, a column for every network and precision."""
    found = record["numbers"]
    operations = [record["networks"][each["network"]]["operations_per_cell"] / 1e3 for each in found]
    lines = ["| | " + " | ".join(f"{each['network']}, {each['precision']}" for each in found) + " |"]
    lines += ["|---|" + "---:|" * len(found), row("operations (kFLOP a cell)", [f"{each:.0f}" for each in operations])]
    for name, words in (ROWS | {SAME: SAME.replace("float32's", "the first's")}).items():
        means = [np.mean(each["values"][name]) for each in found]
        lines.append(row(words, [f"{mean:.{1 if mean > 10 else 3}f}" for mean in means]))
    return "\n".join(lines)


def row(words: str, cells: list[str]) -> str:
    """A line of the table."""
    return f"| {words} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    console.run(main)
