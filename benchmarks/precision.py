"""What `--precision fastest` costs in accuracy: mocks of simulated boxes by both precisions, beside the simulations.

    python benchmarks/more_boxes.py --run results/n_body --boxes 101 102 103 104
    python benchmarks/precision.py --run results/n_body --boxes 101 102 103 104

Boxes are ones that no network has seen and no constant was chosen by. Every number is one of ``comparison_numbers.py``;
differences are of pairs of the same box, so that they are known far better than the numbers. Writes
``benchmarks/results/precision.json`` and prints the table of ``docs/mocks.md``.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from comparison_numbers import SETTINGS, Truth, measure
from performance.measuring import ROOT, commit, machine

import halonet
from halonet import console
from halonet.matching import match_haloes
from halonet.mocks.by_network import NetworkMock
from halonet.mocks.request import MockRequest
from halonet.storage import read_field, write_json

RESULT = ROOT / "benchmarks" / "results" / "precision.json"
PRECISIONS = ("float32", "fastest")
SAME = "of float32's haloes above 100 cells"  # those that match, in position and radius
ROWS = {
    "Dice, both classes": "Dice coefficient, both classes",
    "AUC of galaxies": "AUC of galaxies",
    "completeness above 100": "completeness above 100 cells",
    "purity above 100": "purity above 100 cells",
    "completeness above 1000": "completeness above 1,000 cells",
    "purity above 1000": "purity above 1,000 cells",
    "haloes above 100": "haloes above 100 cells",
    "haloes above 1000": "haloes above 1,000 cells",
    "power (lagrangian, all)": "Lagrangian power to k = 0.3 per Mpc",
    "power (eulerian, all)": "Eulerian power to k = 0.3 per Mpc",
    "quadrupole (all)": "quadrupole to k = 0.2 per Mpc",
    "counts in cells, variance": "variance of counts in cells",
    "error of Eulerian positions (Mpc)": "rms error of Eulerian positions (Mpc)",
    "error of velocities (km/s)": "rms error of velocities (km/s)",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of a run whose truth is a simulation")
    parser.add_argument("--boxes", nargs="+", required=True)
    parser.add_argument("--network", default="n-body", help="a shipped network, or the folder of one")
    arguments = parser.parse_args()
    found = {precision: [] for precision in PRECISIONS}
    arithmetic = {}
    for box in console.progress(arguments.boxes, "boxes"):
        truth, first = Truth(arguments.run / "ground_truth" / box), None
        for precision in PRECISIONS:
            density = arguments.run / "ground_truth" / box / "density.h5"
            haloes, probability, arithmetic[precision] = mock(density, arguments.network, precision)
            first = first or haloes
            values = {name: value for name, value in measure(truth, probability, haloes).items() if name in ROWS}
            found[precision].append(values | {SAME: same(first, haloes)})
    names = (*ROWS, SAME)
    numbers = {precision: {name: [box[name] for box in boxes] for name in names} for precision, boxes in found.items()}
    record = {"boxes": arguments.boxes, "network": str(arguments.network), "arithmetic": arithmetic, "commit": commit()}
    write_json(RESULT, record | {"machine": machine(), "numbers": numbers})
    print(table(numbers))


def mock(density: Path, network: str, precision: str):
    """Haloes and probability of a mock on a density, and what it was computed with."""
    with TemporaryDirectory() as folder:
        kept = Path(folder) / "probability.h5"
        request = MockRequest(density=density, network=network, precision=precision, keep={"probability": kept})
        haloes = NetworkMock(request).make()
        used = haloes.header.provenance["settings"]["prediction"]["arithmetic"]
        return haloes, read_field(kept, "probability"), used


def same(first: halonet.HaloCatalogue, other: halonet.HaloCatalogue) -> float:
    """Fraction of haloes above 100 cells that match one of another catalogue."""
    first, other = (haloes.larger_than(100) for haloes in (first, other))
    return len(match_haloes(first, other, SETTINGS.radius_tolerance).true_rows) / len(first)


def table(numbers: dict) -> str:
    """Means over boxes by either precision, and the mean difference with its standard error."""
    lines = ["| | float32 | fastest | difference |", "|---|---:|---:|---:|"]
    for name, words in (ROWS | {SAME: SAME}).items():
        one, other = (np.array(numbers[precision][name]) for precision in PRECISIONS)
        digits = 1 if one.mean() > 10 else 4
        apart, error = (other - one).mean(), (other - one).std(ddof=1) / np.sqrt(len(one))
        means = f"{one.mean():.{digits}f} | {other.mean():.{digits}f}"
        lines.append(f"| {words} | {means} | {apart:+.{digits}f} ± {error:.{digits}f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    console.run(main)
