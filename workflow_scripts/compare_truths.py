"""Compare two truths of a box on the same density: a simulation's, and that of Peak Patch."""

from halonet import console
from halonet.catalogue import read_catalogue
from halonet.checks.parser import READS, SETTINGS, WRITES, Parser
from halonet.owners import read_owners
from halonet.provenance import provenance
from halonet.settings import StatisticsSettings, stage_settings
from halonet.statistics.truths import compare_truths
from halonet.storage import StorageError, read_field, write_json


def main() -> None:
    """Read both truths, refuse those of different boxes, compare and write."""
    parser = Parser(description=__doc__)
    parser.add_argument(
        "--haloes", type=READS, nargs=2, required=True, help="catalogues: the simulation's, then Peak Patch's"
    )
    parser.add_argument("--masks", type=READS, nargs=2, required=True, help="masks in the same order")
    parser.add_argument(
        "--owners", type=READS, help="the simulation's halo of every cell, to match haloes by cells, too"
    )
    parser.add_argument("--settings", type=SETTINGS, help="statistics settings as JSON; default: the paper's")
    parser.add_argument("--statistics", type=WRITES, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    settings = stage_settings(StatisticsSettings, arguments.settings)
    true, other = map(read_catalogue, arguments.haloes)
    for path, catalogue in zip(arguments.haloes, (true, other), strict=True):
        known = (catalogue.grid_cells, catalogue.box_size_mpc, catalogue.header.seed)
        if known != (true.grid_cells, true.box_size_mpc, true.header.seed):
            raise StorageError(f"{path}: {known} (cells, Mpc, seed) are not those of {arguments.haloes[0]}")
    first, second = (read_field(path, "mask") for path in arguments.masks)
    owners = read_owners(arguments.owners, len(true), true.header.provenance) if arguments.owners else None
    result = compare_truths(first, second, true, other, settings, owners)
    result["provenance"] = provenance("truths", settings.model_dump(), true.header.seed)
    write_json(arguments.statistics, result)
    console.log.info("masks agree in %.3f of the cells", result["overlap"]["agreement"])


if __name__ == "__main__":
    console.run(main)
