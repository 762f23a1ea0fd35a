"""Draw every figure of one network from the pipeline's own files, as PNG and PDF, with their captions."""

import argparse
from pathlib import Path

import pandas as pd

from halonet import console
from halonet.catalogue import read_catalogue
from halonet.checks.parser import NETWORK, READS, WRITES_FOLDER, Parser
from halonet.figures.abundance import draw_differential_mass_function, draw_mass_function
from halonet.figures.architecture import draw_network, read_outline
from halonet.figures.classification import draw_roc
from halonet.figures.clustering import draw_correlation, draw_power_spectrum
from halonet.figures.limit import limit_for
from halonet.figures.names import of_catalogue
from halonet.figures.objects import draw_matching, draw_profiles
from halonet.figures.shapes import draw_shapes
from halonet.figures.slices import draw_fields, draw_haloes, slice_through_largest
from halonet.figures.style import Drawing, save_all
from halonet.figures.training import draw_calibration, draw_training
from halonet.plausibility.same_box import check_headers
from halonet.storage import read_field, read_json


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = Parser(description=__doc__)
    parser.add_argument("--density", type=READS, required=True, help="density of the test box that is shown")
    parser.add_argument("--true-mask", type=READS, required=True, help="true mask of that box")
    parser.add_argument("--true-haloes", type=READS, required=True, help="true haloes of that box")
    parser.add_argument("--probability", type=READS, required=True, help="predicted probability of that box")
    parser.add_argument("--haloes", type=READS, required=True, help="predicted haloes of that box")
    parser.add_argument("--statistics", type=READS, required=True, help="statistics of that box (JSON)")
    parser.add_argument(
        "--summary", type=READS, required=True, help="summary of the statistics of all test boxes (JSON)"
    )
    parser.add_argument("--history", type=READS, required=True, help="history.csv of the network")
    parser.add_argument("--network", type=NETWORK, help="folder of the network, to draw its layers")
    parser.add_argument("--thresholds", type=READS, help="thresholds.json, where thresholds were calibrated")
    parser.add_argument("--figures", type=WRITES_FOLDER, required=True, help="folder to write to")
    return parser.parse_args()


def draw_slices(arguments: argparse.Namespace) -> dict[str, Drawing]:
    """Figures of the box that is shown; fields are read one at a time."""
    names = {"density": arguments.density, "mask": arguments.true_mask, "probability": arguments.probability}
    check_headers([arguments.haloes, *names.values()], arguments.true_haloes)
    true, found = read_catalogue(arguments.true_haloes), read_catalogue(arguments.haloes)
    box = read_json(arguments.statistics)
    where = slice_through_largest(true)
    density, mask, probability = (where.cut(read_field(path, name)) for name, path in names.items())
    return {
        "slice": draw_fields(where, density, mask, probability, box["overlap"]["dice"]),
        "haloes": draw_haloes(where, true, found, box["matching"]["radius_tolerance"]),
    }


def draw_statistics(summary: dict, thresholds: dict | None) -> dict[str, Drawing]:
    """Figures of the statistics of all test boxes; those without data are left out."""
    minimum_cells = summary["matching"]["minimum_cells"]
    drawings = {
        "mass_function": draw_mass_function(summary, minimum_cells),
        "differential_mass_function": draw_differential_mass_function(summary, minimum_cells),
        "power_spectrum": draw_power_spectrum(summary, minimum_cells),
        "correlation_function": draw_correlation(summary, minimum_cells),
        "roc": draw_roc(summary),
        "matching": draw_matching(summary),
        # Constants of a finder that does not search in the probability have no place in these profiles.
        "profiles": draw_profiles(summary, thresholds if thresholds and "edge_profile" in thresholds else None),
    }
    if summary["eulerian_power_spectrum"]:
        drawings["eulerian_power_spectrum"] = draw_power_spectrum(summary, minimum_cells, "eulerian")
    if summary["shapes"]:
        drawings["shapes"] = draw_shapes(summary)
    return drawings


def main() -> None:
    """Draw and save all figures, then their captions."""
    arguments = parse()
    summary = read_json(arguments.summary)
    thresholds = read_json(arguments.thresholds) if arguments.thresholds else None
    drawings = draw_slices(arguments) | draw_statistics(summary, thresholds)
    drawings["training"] = draw_training(pd.read_csv(arguments.history), limit_for(summary))
    if arguments.network:
        drawings["network"] = draw_network(read_outline(arguments.network), Path(arguments.network).name)
    if thresholds:
        drawings["calibration"] = draw_calibration(thresholds)
    planned = of_catalogue(calibrated=bool(thresholds))
    save_all(drawings, arguments.figures, planned, lambda items: console.progress(items, "figures"))


if __name__ == "__main__":
    console.run(main)
