"""Fit the halo finder's thresholds and constants on boxes of known truth, never on test boxes."""

import argparse
from collections.abc import Iterator

import numpy as np

from halonet import console
from halonet.catalogue import read_catalogue
from halonet.halo_finding.calibration import (
    CalibrationBox,
    CalibrationError,
    best_candidate,
    calibration_record,
    compare_thresholds,
    edge_probabilities,
    fit_shell_threshold,
    stack_edges,
)
from halonet.halo_finding.fit_calibration import calibrate_fit, fit_record
from halonet.halo_finding.inputs import cosmology_of, read_fields, read_probability
from halonet.halo_finding.vote_calibration import VoteBox, calibrate_votes, vote_record
from halonet.provenance import provenance
from halonet.settings import HaloFindingSettings, stage_settings
from halonet.storage import StorageError, write_json

# Of a candidate: how it was judged. The others are its constants.
MEASURED = ("completeness", "purity", "abundance_error", "large_score", "tolerance", "score", "agreement")


def read_box(probability_path: str, haloes_path: str) -> CalibrationBox:
    """Read one calibration box; files of different boxes are refused."""
    probability, header = read_probability(probability_path)
    true = read_catalogue(haloes_path)
    if true.grid_cells != len(probability) or true.box_size_mpc != header.box_size_mpc:
        raise StorageError(
            f"{haloes_path}: {true.grid_cells} cells and {true.box_size_mpc} Mpc along a side, but {probability_path} "
            f"has {len(probability)} and {header.box_size_mpc}"
        )
    return CalibrationBox(probability, true)


def main() -> None:
    """Calibrate, and write the thresholds with the evidence behind them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--probability", nargs="+", required=True, help="predicted probability of each box")
    parser.add_argument("--haloes", nargs="+", required=True, help="true haloes of each box, in the same order")
    parser.add_argument("--settings", help="halo_finding settings as JSON; default: the paper's")
    parser.add_argument("--thresholds", required=True, help="JSON file to write")
    arguments = parser.parse_args()
    if len(arguments.probability) != len(arguments.haloes):
        raise CalibrationError(
            f"--probability names {len(arguments.probability)} files and --haloes {len(arguments.haloes)}; "
            "each box needs both"
        )
    settings = stage_settings(HaloFindingSettings, arguments.settings)
    pairs = list(zip(arguments.probability, arguments.haloes, strict=True))
    calibrate = calibrate_voted if settings.finder == "votes" else calibrate_thresholds
    record = calibrate(pairs, settings, cosmology_of(None, read_catalogue(pairs[0][1]).header))
    record |= {"boxes": len(pairs), "cells": settings.calibration_cells}
    record["large_cells"] = settings.calibration_large_cells
    record["provenance"] = provenance("calibrate_thresholds", settings.model_dump())
    write_json(arguments.thresholds, record)
    report(record["chosen"], settings.calibration_cells)


def calibrate_voted(pairs, settings, cosmology) -> dict:
    """Constants of the vote finder, and the candidates they were chosen from."""

    def boxes() -> Iterator[VoteBox]:
        for probability, haloes in console.progress(pairs, "trying constants"):
            box = read_box(probability, haloes)
            yield VoteBox(read_fields(probability, box.probability), box.true)

    return vote_record(calibrate_votes(boxes, settings, cosmology))


def calibrate_thresholds(pairs, settings, cosmology) -> dict:
    """Thresholds of the search in the probability, and constants of the fit after it where there is one."""

    def boxes(what: str) -> Iterator[CalibrationBox]:
        return (read_box(*pair) for pair in console.progress(pairs, what))

    edges = [edge_probabilities(box, settings.calibration_centre) for box in boxes("stacked profiles")]
    profile = stack_edges(np.concatenate(edges))
    calibrate = calibrate_fitted if settings.finder == "fitted" else calibrate_paper
    return calibrate(boxes, profile, settings, cosmology)


def calibrate_paper(boxes, profile, settings, cosmology) -> dict:
    """Thresholds of the paper's finder, and the candidates they were chosen from."""
    shell, shifts = settings.shell_threshold, [0.0]
    if shell == "calibrated":
        shell, shifts = fit_shell_threshold(profile), settings.calibration_shifts
    compared = compare_thresholds(boxes("comparing thresholds"), shell, shifts, cosmology, settings.calibration_cells)
    chosen = best_candidate(compared, settings.calibration_tolerance)
    return calibration_record(profile, shell, compared, chosen) | {"tolerance": settings.calibration_tolerance}


def calibrate_fitted(boxes, profile, settings, cosmology) -> dict:
    """Thresholds of the search and constants of the fit, and the candidates they were chosen from."""
    shell = fit_shell_threshold(profile) if settings.shell_threshold == "calibrated" else settings.shell_threshold
    results = calibrate_fit(lambda: boxes("comparing fitted haloes"), shell, settings, cosmology)
    return fit_record(profile, shell, results, settings)


def report(chosen: dict, cells: int) -> None:
    """Say what was chosen, and whether the network is of any use."""
    constants = {name: value for name, value in chosen.items() if name not in MEASURED}
    console.log.info(
        "%s: completeness %.2f, purity %.2f above %d cells",
        ", ".join(f"{name} {value}" for name, value in constants.items()),
        chosen["completeness"],
        chosen["purity"],
        cells,
    )
    if chosen["completeness"] == 0:
        console.log.warning("nothing that was tried finds a single true halo: this network is of no use yet")


if __name__ == "__main__":
    console.run(main)
