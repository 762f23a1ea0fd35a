"""Compare predicted haloes and probability of one box with the truth; of a truth without haloes, masks alone."""

import argparse

from halonet import console
from halonet.catalogue import read_catalogue
from halonet.checks.parser import READS, SETTINGS, WRITES, Parser
from halonet.owners import read_owners
from halonet.plausibility.same_box import check_headers, check_sizes
from halonet.provenance import provenance
from halonet.settings import StatisticsSettings, stage_settings
from halonet.statistics.box import measure_box, measure_masks
from halonet.storage import read_field, read_header, write_json


def main() -> None:
    """Read the files of a box, refuse those of another one, compare and write."""
    arguments = _arguments()
    settings = stage_settings(StatisticsSettings, arguments.settings)
    mask, probability = read_field(arguments.true_mask, "mask"), read_field(arguments.probability, "probability")
    header = read_header(arguments.true_mask)
    sizes = {
        arguments.true_mask: (len(mask), header.box_size_mpc),
        arguments.probability: (len(probability), read_header(arguments.probability).box_size_mpc),
    }
    if arguments.true_haloes:
        true, found = read_catalogue(arguments.true_haloes), read_catalogue(arguments.haloes)
        sizes[arguments.true_haloes] = (true.grid_cells, true.box_size_mpc)
        sizes[arguments.haloes] = (found.grid_cells, found.box_size_mpc)
        known = read_catalogue(arguments.known_centres) if arguments.known_centres else None
        if known:
            sizes[arguments.known_centres] = (known.grid_cells, known.box_size_mpc)
        density = read_field(arguments.density, "density") if arguments.density else None
        if density is not None:
            sizes[arguments.density] = (len(density), read_header(arguments.density).box_size_mpc)
        owners = None
        if arguments.true_owners:
            owners = read_owners(arguments.true_owners, len(true), true.header.provenance)
            sizes[arguments.true_owners] = (len(owners), read_header(arguments.true_owners).box_size_mpc)
        check_sizes(sizes, arguments.true_haloes)
        check_headers(sizes, arguments.true_haloes)
        result, header = measure_box(mask, probability, true, found, settings, density, known, owners), true.header
        fractions = result["matching"]["completeness"], result["matching"]["purity"]
        shown = ("none" if fraction is None else f"{fraction:.2f}" for fraction in fractions)
        console.log.info("completeness %s, purity %s", *shown)
    else:
        check_sizes(sizes, arguments.true_mask)
        check_headers(sizes, arguments.true_mask)
        result = measure_masks(mask, probability, header)
    result["provenance"] = provenance("statistics", settings.model_dump(), header.seed)
    write_json(arguments.statistics, result)
    overlap = result["overlap"]
    console.log.info("Dice %.3f (all background %.3f)", overlap["dice"], overlap["all_background"])


def _arguments() -> argparse.Namespace:
    parser = Parser(description=__doc__)
    parser.add_argument("--true-mask", type=READS, required=True, help="HDF5 file with the dataset mask")
    parser.add_argument(
        "--true-haloes", type=READS, help="catalogue of true haloes; without it, only masks are compared"
    )
    parser.add_argument("--true-owners", type=READS, help="true halo of every cell, where protohaloes are no spheres")
    parser.add_argument("--probability", type=READS, required=True, help="HDF5 file with the dataset probability")
    parser.add_argument("--haloes", type=READS, help="catalogue of predicted haloes; needed with --true-haloes")
    parser.add_argument(
        "--known-centres", type=READS, help="catalogue that find_haloes.py --known-centres grew from true centres"
    )
    parser.add_argument("--density", type=READS, help="linear density of the box, for the shapes of its haloes")
    parser.add_argument("--settings", type=SETTINGS, help="statistics settings as JSON; default: the paper's")
    parser.add_argument("--statistics", type=WRITES, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    if bool(arguments.true_haloes) != bool(arguments.haloes):
        parser.error("--true-haloes and --haloes are compared with each other: give both or neither")
    return arguments


if __name__ == "__main__":
    console.run(main)
