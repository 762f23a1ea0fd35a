"""Compare predicted haloes and probability of one box with the truth."""

import argparse

from halonet import console
from halonet.catalogue import read_catalogue
from halonet.provenance import provenance
from halonet.settings import StatisticsSettings, stage_settings
from halonet.statistics.box import measure_box
from halonet.storage import StorageError, read_field, read_header, write_json


def main() -> None:
    """Read the files of a box, refuse those of another one, compare and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--true-mask", required=True, help="HDF5 file with the dataset mask")
    parser.add_argument("--true-haloes", required=True, help="catalogue of true haloes")
    parser.add_argument("--probability", required=True, help="HDF5 file with the dataset probability")
    parser.add_argument("--haloes", required=True, help="catalogue of predicted haloes")
    parser.add_argument("--settings", help="statistics settings as JSON; default: the paper's")
    parser.add_argument("--statistics", required=True, help="JSON file to write")
    arguments = parser.parse_args()

    settings = stage_settings(StatisticsSettings, arguments.settings)
    mask, probability = read_field(arguments.true_mask, "mask"), read_field(arguments.probability, "probability")
    true, found = read_catalogue(arguments.true_haloes), read_catalogue(arguments.haloes)
    wanted = (true.grid_cells, true.box_size_mpc)
    for path, shape in (
        (arguments.true_mask, (len(mask), read_header(arguments.true_mask).box_size_mpc)),
        (arguments.probability, (len(probability), read_header(arguments.probability).box_size_mpc)),
        (arguments.haloes, (found.grid_cells, found.box_size_mpc)),
    ):
        if shape != wanted:
            raise StorageError(
                f"{path}: {shape[0]} cells and {shape[1]} Mpc along a side, but {arguments.true_haloes} has "
                f"{wanted[0]} and {wanted[1]}; all files must be of the same box"
            )

    result = measure_box(mask, probability, true, found, settings)
    result["provenance"] = provenance("statistics", settings.model_dump(), true.header.seed)
    write_json(arguments.statistics, result)
    console.log.info(
        "Dice %.3f (all background %.3f), completeness %.2f, purity %.2f",
        result["overlap"]["dice"],
        result["overlap"]["all_background"],
        result["matching"]["completeness"],
        result["matching"]["purity"],
    )


if __name__ == "__main__":
    console.run(main)
