"""Fit the halo finder's thresholds and constants on boxes of known truth, never on test boxes."""

import math

from halonet import console
from halonet.catalogue import read_catalogue
from halonet.checks.parser import READS, SETTINGS, WRITES, Parser
from halonet.halo_finding.calibration_boxes import CalibrationError, CalibrationFiles, check_each_once
from halonet.halo_finding.calibrations import CALIBRATIONS
from halonet.halo_finding.inputs import cosmology_of
from halonet.provenance import provenance
from halonet.settings import HaloFindingSettings, stage_settings
from halonet.storage import write_json

# Of a candidate: how it was judged. The others are its constants.
MEASURED = (
    *("completeness", "purity", "large_score", "lesser", "score", "agreement"),
    *("abundance_error", "abundance_excess", "tolerance"),
)


def main() -> None:
    """Calibrate, and write the thresholds with the evidence behind them."""
    parser = Parser(description=__doc__)
    parser.add_argument("--probability", type=READS, nargs="+", required=True, help="predicted probability of each box")
    parser.add_argument(
        "--haloes", type=READS, nargs="+", required=True, help="true haloes of each box, in the same order"
    )
    parser.add_argument("--settings", type=SETTINGS, help="halo_finding settings as JSON; default: the paper's")
    parser.add_argument("--thresholds", type=WRITES, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    if len(arguments.probability) != len(arguments.haloes):
        raise CalibrationError(
            f"--probability names {len(arguments.probability)} files and --haloes {len(arguments.haloes)}; "
            "each box needs both"
        )
    check_each_once(arguments.haloes)
    settings = stage_settings(HaloFindingSettings, arguments.settings)
    pairs = list(zip(arguments.probability, arguments.haloes, strict=True))
    files = CalibrationFiles(pairs, console.progress)
    cosmology = cosmology_of(None, {pairs[0][1]: read_catalogue(pairs[0][1]).header})
    record = CALIBRATIONS[settings.finder](files, settings, cosmology)
    record |= {"boxes": len(pairs), "cells": settings.calibration_cells}
    record["large_cells"] = settings.calibration_large_cells
    record["provenance"] = provenance("calibrate_thresholds", settings.model_dump())
    write_json(arguments.thresholds, record)
    report(record["chosen"], settings.calibration_cells)


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
    if math.isnan(chosen["completeness"]):
        console.log.warning("no box has a true halo of at least %d cells: nothing was there to calibrate on", cells)
    elif chosen["completeness"] == 0:
        console.log.warning("nothing that was tried finds a single true halo: this network is of no use yet")


if __name__ == "__main__":
    console.run(main)
