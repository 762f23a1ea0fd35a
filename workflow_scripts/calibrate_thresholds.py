"""Fit thresholds, reach of spheres or constants of the vote finder on boxes of known truth, never on test boxes."""

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
    compare_reaches,
    compare_thresholds,
    edge_probabilities,
    fit_shell_threshold,
    shifted,
    stack_edges,
)
from halonet.halo_finding.inputs import cosmology_of, read_fields, read_probability
from halonet.halo_finding.vote_calibration import VoteBox, best_trial, try_constants, vote_record
from halonet.provenance import provenance
from halonet.settings import HaloFindingSettings, VoteSettings, stage_settings
from halonet.storage import StorageError, write_json


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


def calibrate_votes(pairs: list[tuple[str, str]], settings: HaloFindingSettings) -> dict:
    """Constants of the vote finder and the evidence behind them, as a thresholds file holds them."""

    def boxes() -> Iterator[VoteBox]:
        for probability, haloes in console.progress(pairs, "trying constants"):
            box = read_box(probability, haloes)
            yield VoteBox(read_fields(probability, box.probability), box.true)

    cosmology = cosmology_of(None, read_catalogue(pairs[0][1]).header)
    trials = try_constants(boxes(), VoteSettings(), cosmology, settings.calibration_cells)
    chosen = best_trial(trials)
    console.log.info(
        "votes: completeness %.3f, purity %.3f above %d cells with %s",
        chosen.completeness, chosen.purity, settings.calibration_cells, chosen.settings,
    )  # fmt: skip
    return vote_record(trials, chosen)


def calibrate_thresholds(pairs: list[tuple[str, str]], settings: HaloFindingSettings) -> dict:
    """Thresholds, and the reach of fitted spheres, and the evidence behind them, as a thresholds file holds them."""
    centre = settings.calibration_centre
    edges = [edge_probabilities(read_box(*pair), centre) for pair in console.progress(pairs, "stacked profiles")]
    profile = stack_edges(np.concatenate(edges))
    shell, shifts = settings.shell_threshold, [0.0]
    if shell == "calibrated":
        shell, shifts = fit_shell_threshold(profile), settings.calibration_shifts
    boxes = (read_box(*pair) for pair in console.progress(pairs, "comparing thresholds"))
    cosmology = cosmology_of(None, read_catalogue(pairs[0][1]).header)
    candidates = compare_thresholds(boxes, shell, shifts, cosmology, settings.calibration_cells)
    chosen = best_candidate(candidates, settings.calibration_tolerance)
    record = calibration_record(profile, shell, candidates, chosen)
    if settings.needs_reach:
        peak = chosen.peak_thresholds if settings.peak_thresholds == "calibrated" else settings.peak_thresholds
        boxes = (read_box(*pair) for pair in console.progress(pairs, "comparing reaches"))
        reaches = compare_reaches(
            boxes, (peak, shifted(shell, chosen.shift)), settings.sphere_fit.rounds, cosmology,
            settings.calibration_cells, settings.minimum_cells,
        )  # fmt: skip
        record |= {"sphere_fit_reach": min(reaches, key=lambda pair: pair[1])[0], "reaches": reaches}
    console.log.info(
        "peak thresholds %s: completeness %.2f, purity %.2f above %d cells",
        ", ".join(f"{threshold:g}" for threshold in chosen.peak_thresholds),
        chosen.completeness,
        chosen.purity,
        settings.calibration_cells,
    )
    return record


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

    record = (calibrate_votes if settings.finder == "votes" else calibrate_thresholds)(pairs, settings)
    tolerance = settings.calibration_tolerance
    record |= {"boxes": len(pairs), "cells": settings.calibration_cells, "tolerance": tolerance}
    record["provenance"] = provenance("calibrate_thresholds", settings.model_dump())
    write_json(arguments.thresholds, record)
    if record["chosen"]["score"] == 0:
        console.log.warning("nothing that was tried finds a single true halo: this network is of no use yet")


if __name__ == "__main__":
    console.run(main)
