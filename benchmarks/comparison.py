"""Whose haloes are nearest to those of a simulation: those of Peak Patch, or of networks that learnt from either.

    snakemake --profile profiles/n_body
    python benchmarks/comparison.py --run results/n_body --networks n-body --shipped vnet-small-objects --output FOLDER

Every rival sees the densities of the run's test boxes. Its haloes and its mask (of Peak Patch 0 and 1, of a network the
probability) are compared with the simulation. ``matched`` are the same haloes with masses remapped, so that all boxes
together have the mass function of the run's other simulations; ``second order`` are a network's, moved by perturbation
theory. ``--boxes`` takes others: of validation, while something is being chosen. A box that is done is kept in
``FOLDER/boxes``: a run that was killed goes on.
"""

import argparse
import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from comparison_numbers import Truth, compare_haloes, measure, rescaled, table_of_masses
from comparison_table import draw, markdown

import halonet
from halonet import console
from halonet.catalogue import HaloCatalogue, read_catalogue
from halonet.figures.style import save
from halonet.halo_finding.haloes import with_eulerian_columns
from halonet.settings import CosmologySettings
from halonet.storage import atomic_path, read_field, write_json, write_text

ONLY_MOVED = ("eulerian", "monopole", "quadrupole", "counts in cells", "error of")  # of what a move changes


def main():
    """Compare every rival in every box, and write numbers, table and figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of a run whose truth is a simulation")
    parser.add_argument("--networks", nargs="*", default=[], help="networks of the run")
    parser.add_argument("--shipped", nargs="*", default=[], help="shipped networks, which predict here")
    parser.add_argument("--boxes", nargs="+", help="default: the test boxes, with Peak Patch beside")
    parser.add_argument("--output", type=Path, required=True, help="folder for comparison.json, .md and .png")
    arguments = parser.parse_args()
    boxes = arguments.boxes or sorted(path.name for path in (arguments.run / "peak_patch").iterdir())
    results: dict[str, list[dict]] = {}
    truths, catalogues = [], {}
    for box in console.progress(boxes, "boxes"):
        true, rows = of_box(box, arguments)
        truths.append(true)
        for name, (values, haloes) in rows.items():
            results.setdefault(name, []).append(values)
            catalogues.setdefault(name, []).append(haloes)
    results |= matched(truths, catalogues, others(arguments.run, boxes))
    table = {name: combine(results[name]) for name in sorted(results, key=lambda name: order(name, list(catalogues)))}
    write_json(arguments.output / "comparison.json", {"boxes": boxes, "mean": table, "each": results})
    write_text(arguments.output / "comparison.md", markdown(table))
    save(draw(table), arguments.output, "comparison")
    print(markdown(table))


def order(name: str, rivals: list[str]) -> tuple[int, int]:
    """Variants of a rival stand beside it."""
    whose = name.split(", ")[0]
    return rivals.index(whose), 0 if name == whose else 1


def of_box(box: str, arguments) -> tuple[HaloCatalogue, dict[str, tuple[dict, HaloCatalogue | None]]]:
    """True haloes of a box, and of every rival its numbers and haloes; from a file where the box has been compared."""
    path = arguments.output / "boxes" / f"{box}.pickle"
    if not path.exists():
        truth, rows = Truth(arguments.run / "ground_truth" / box), {}
        for name, probability, found in rivals(box, truth, arguments):
            console.log.info("box %s: %s", box, name)
            rows[name] = measure(truth, probability, found), found
            if name in arguments.networks:
                rows[f"{name}, second order"] = by_second_order(truth, found), None
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            Path(temporary).write_bytes(pickle.dumps((truth.haloes, rows)))
    return pickle.loads(path.read_bytes())


def rivals(box: str, truth: Truth, arguments) -> Iterator[tuple[str, np.ndarray, HaloCatalogue]]:
    """Name, probability and catalogue of every rival in a box."""
    run = arguments.run
    for name in arguments.networks:
        probability = read_field(run / "predictions" / name / f"{box}.h5", "probability")
        yield name, probability, read_catalogue(run / "haloes" / name / f"{box}.h5")
    folder = run / "peak_patch" / box
    if folder.is_dir():
        mask = read_field(folder / "mask.h5", "mask").astype(np.float32)
        yield "Peak Patch", mask, read_catalogue(folder / "haloes.h5")
    for name in arguments.shipped:
        prediction = halonet.predict(truth.density, name)
        yield name, prediction.probability, halonet.find_haloes(prediction, density=truth.density)


def by_second_order(truth: Truth, found: HaloCatalogue) -> dict:
    """Numbers of the same haloes where perturbation theory moves them."""
    cosmology = CosmologySettings(**truth.haloes.header.known_cosmology())
    moved = with_eulerian_columns(found, truth.density, cosmology, cosmology.redshift)
    values = compare_haloes(truth.haloes, moved)
    return {name: value for name, value in values.items() if any(word in name for word in ONLY_MOVED)}


def others(run: Path, boxes: list[str]) -> list[HaloCatalogue]:
    """Haloes of the run's simulations of other boxes."""
    folders = sorted(path for path in (run / "ground_truth").iterdir() if path.name not in boxes)
    return [read_catalogue(folder / "haloes.h5") for folder in folders]


def matched(
    truths: list[HaloCatalogue], catalogues: dict[str, list[HaloCatalogue | None]], wanted: list[HaloCatalogue]
) -> dict[str, list[dict]]:
    """Numbers of every rival's haloes with masses that follow the mass function of simulations of other boxes."""
    results = {}
    for name, found in catalogues.items():
        if None in found or not wanted:
            continue
        table = table_of_masses(found, wanted)
        pairs = zip(truths, found, strict=True)
        results[f"{name}, matched"] = [compare_haloes(true, rescaled(haloes, table)) for true, haloes in pairs]
    return results


def combine(boxes: list[dict]) -> dict:
    """Mean and standard error over boxes of every number; of a curve, lists of them."""
    combined = {}
    for name in boxes[0]:
        values = np.array([box[name] for box in boxes], float)
        many = len(values) > 1
        error = (values.std(axis=0, ddof=1) / np.sqrt(len(values))).tolist() if many else None
        combined[name] = {"mean": values.mean(axis=0).tolist(), "error": error}
    return combined


if __name__ == "__main__":
    console.run(main)
