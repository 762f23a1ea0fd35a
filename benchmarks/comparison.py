"""Whose haloes are nearest to those of a simulation: those of Peak Patch, or of networks that learnt from either.

    snakemake --profile profiles/n_body
    python benchmarks/comparison.py --run results/n_body --networks n-body --shipped vnet-small-objects --output FOLDER

Every rival sees the densities of the run's test boxes. Its haloes and its mask (of Peak Patch 0 and 1, of a network the
probability) are compared with the simulation. ``--boxes`` takes others: of validation, while something is being chosen.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import halonet
from halonet import console
from halonet.catalogue import EULERIAN, VELOCITY, HaloCatalogue, read_catalogue
from halonet.cosmology import hubble_rate
from halonet.matching import completeness_and_purity, match_haloes
from halonet.owners import read_owners
from halonet.settings import CosmologySettings, StatisticsSettings
from halonet.statistics.clustering import compare_spectra, number_cuts
from halonet.statistics.overlap import measure_overlap
from halonet.statistics.redshift_space import redshift_space_multipoles
from halonet.statistics.roc import measure_roc
from halonet.storage import read_field, write_json, write_text

CUTS = (100, 300, 1000, 3000, 10000)  # cells
MATCHED = (100, 300, 1000)
LARGE, LARGER = 0.3, 0.2  # 1/Mpc: power spectra, and the quadrupole, are compared up to here
CORRELATED = 0.1  # 1/Mpc: where r(k) is read


def main():
    """Compare every rival in every box, and write numbers and table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of a run whose truth is a simulation")
    parser.add_argument("--networks", nargs="*", default=[], help="networks of the run")
    parser.add_argument("--shipped", nargs="*", default=[], help="shipped networks, which predict here")
    parser.add_argument("--boxes", nargs="+", help="default: the test boxes, with Peak Patch beside")
    parser.add_argument("--output", type=Path, required=True, help="folder for comparison.json and comparison.md")
    arguments = parser.parse_args()
    run = arguments.run
    boxes = arguments.boxes or sorted(path.name for path in (run / "peak_patch").iterdir())
    results: dict[str, list[dict]] = {}
    for box in console.progress(boxes, "boxes"):
        truth = Truth(run / "ground_truth" / box)
        for name, probability, found in rivals(run, box, truth, arguments):
            console.log.info("box %s: %s", box, name)
            results.setdefault(name, []).append(compare(truth, probability, found))
    table = {name: combine(found) for name, found in results.items()}
    arguments.output.mkdir(parents=True, exist_ok=True)
    write_json(arguments.output / "comparison.json", {"boxes": boxes, "mean": table, "each": results})
    write_text(arguments.output / "comparison.md", markdown(table))
    print(markdown(table))


class Truth:
    """The simulation of a box: haloes, mask, owners and density."""

    def __init__(self, folder: Path):
        self.haloes = read_catalogue(folder / "haloes.h5")
        self.mask, self.density = (read_field(folder / f"{name}.h5", name) for name in ("mask", "density"))
        self.owners = read_owners(folder / "owners.h5", len(self.haloes), self.haloes.header.provenance)


def rivals(run: Path, box: str, truth: Truth, arguments) -> Iterator[tuple[str, np.ndarray, HaloCatalogue]]:
    """Name, probability and catalogue of every rival in a box."""
    for name in arguments.networks:
        probability = read_field(run / "predictions" / name / f"{box}.h5", "probability")
        yield name, probability, read_catalogue(run / "haloes" / name / f"{box}.h5")
    folder = run / "peak_patch" / box
    if folder.is_dir():
        yield (
            "Peak Patch",
            read_field(folder / "mask.h5", "mask").astype(np.float32),
            read_catalogue(folder / "haloes.h5"),
        )
    for name in arguments.shipped:
        prediction = halonet.predict(truth.density, name)
        yield name, prediction.probability, halonet.find_haloes(prediction, density=truth.density)


def compare(truth: Truth, probability: np.ndarray, found: HaloCatalogue) -> dict:
    """Numbers of one rival in one box."""
    true, settings = truth.haloes, StatisticsSettings()
    overlap = measure_overlap(truth.mask, probability)
    matches = match_haloes(true, found, settings.radius_tolerance)
    classes = measure_roc(
        truth.mask, probability, true, settings.mass_classes_msun, settings.radial_zones, truth.owners
    )
    return {
        "Dice, both classes": overlap.dice,
        "Dice of halo cells": overlap.foreground,
        "cells that agree at p > 0.5": float((truth.mask == (probability > 0.5)).mean()),
        **{f"AUC of {each['name']}": each["auc"] for each in classes if each["by"] == "mass"},
        **_objects(true, found, matches),
        **{f"haloes above {cut}": _number(found, cut) / _number(true, cut) for cut in CUTS},
        **_clustering(true, found, settings),
        **_moved(true.select(matches.true_rows), found.select(matches.found_rows)),
    }


def _number(haloes: HaloCatalogue, cut: float) -> int:
    return int((haloes["cells"] >= cut).sum())


def _objects(true: HaloCatalogue, found: HaloCatalogue, matches) -> dict:
    fractions = {cut: completeness_and_purity(true, found, matches, cut) for cut in MATCHED}
    return {
        f"{word} above {cut}": fractions[cut][index]
        for index, word in enumerate(("completeness", "purity"))
        for cut in MATCHED
    }


def _clustering(true: HaloCatalogue, found: HaloCatalogue, settings: StatisticsSettings) -> dict:
    """Power over the truth's to k = 0.3 per Mpc and r at 0.1, by number cut, and multipoles in redshift space."""
    values = {}
    for space in ("lagrangian", "eulerian"):
        for cut in compare_spectra(true, found, settings, space)["cuts"]:
            which = f"{space}, {'all' if cut['most_massive'] is None else cut['most_massive']}"
            k = 2 * np.pi / true.box_size_mpc * (1 + np.arange(len(cut["ratio"])))
            first, second = (np.array(cut[name], float)[k <= LARGE] for name in ("power_true", "power_found"))
            weights = k[k <= LARGE] ** 2  # as many modes
            values[f"power ({which})"] = float((weights * second).sum() / (weights * first).sum())
            values[f"r at 0.1 ({which})"] = float(np.interp(CORRELATED, k, np.array(cut["correlation"], float)))
    for number, *pair in number_cuts(true, found, settings):
        first, second = (_multipoles(haloes) for haloes in pair)
        near = first.k <= LARGER
        for name in ("monopole", "quadrupole"):
            sums = [(each.modes * getattr(each, name))[near].sum() for each in (first, second)]
            values[f"{name} ({'all' if number is None else number})"] = float(sums[1] / sums[0])
    return values


def _multipoles(haloes: HaloCatalogue):
    cosmology = CosmologySettings(**haloes.header.cosmology)
    redshift = haloes.header.known_redshift()
    scale = (1 + redshift) / hubble_rate(cosmology, redshift)
    bins = min(32, int(LARGER * haloes.box_size_mpc / (2 * np.pi)) + 1)
    shifts = haloes.positions(VELOCITY) * scale
    return redshift_space_multipoles(haloes.positions(EULERIAN), shifts, haloes.box_size_mpc, bins)


def _moved(true: HaloCatalogue, found: HaloCatalogue) -> dict:
    """Root mean square errors of matched haloes above 100 cells, in three dimensions."""
    large, side = true["cells"] >= CUTS[0], true.box_size_mpc
    apart = (found.positions(EULERIAN) - true.positions(EULERIAN))[large]
    apart -= side * np.round(apart / side)
    slower = (found.positions(VELOCITY) - true.positions(VELOCITY))[large]
    return {
        "error of Eulerian positions (Mpc)": float(np.sqrt((apart**2).sum(axis=1).mean())),
        "error of velocities (km/s)": float(np.sqrt((slower**2).sum(axis=1).mean())),
    }


def combine(boxes: list[dict]) -> dict:
    """Mean and standard error over boxes of every number."""
    combined = {}
    for name in boxes[0]:
        values = np.array([box[name] for box in boxes], float)
        error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
        combined[name] = {"mean": float(values.mean()), "error": error}
    return combined


def markdown(table: dict) -> str:
    """A row for every number, a column for every rival."""
    lines = [f"| | {' | '.join(table)} |", f"|---|{'---|' * len(table)}"]
    for name in next(iter(table.values())):
        cells = [_shown(table[rival][name]) for rival in table]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _shown(value: dict) -> str:
    return f"{value['mean']:.3f}" if value["error"] is None else f"{value['mean']:.3f} ± {value['error']:.3f}"


if __name__ == "__main__":
    console.run(main)
