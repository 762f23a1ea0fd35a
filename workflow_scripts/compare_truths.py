"""Compare two truths of a box on the same density: a simulation's, and that of Peak Patch."""

from halonet import console
from halonet.catalogue import read_catalogue
from halonet.checks.parser import READS, SETTINGS, WRITES, Parser
from halonet.owners import read_owners
from halonet.plausibility.same_box import check_headers, check_sizes
from halonet.provenance import provenance
from halonet.settings import StatisticsSettings, stage_settings
from halonet.statistics.truths import compare_truths
from halonet.storage import read_field, read_header, write_json


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
    first, second = (read_field(path, "mask") for path in arguments.masks)
    owners = read_owners(arguments.owners, len(true), true.header.provenance) if arguments.owners else None
    fields = {arguments.masks[0]: first, arguments.masks[1]: second}
    fields |= {} if owners is None else {arguments.owners: owners}
    sizes = {path: (len(field), read_header(path).box_size_mpc) for path, field in fields.items()}
    for path, catalogue in zip(arguments.haloes, (true, other), strict=True):
        sizes[path] = (catalogue.grid_cells, catalogue.box_size_mpc)
    check_sizes(sizes, arguments.haloes[0])
    check_headers(sizes, arguments.haloes[0])
    result = compare_truths(first, second, true, other, settings, owners)
    result["provenance"] = provenance("truths", settings.model_dump(), true.header.seed)
    write_json(arguments.statistics, result)
    console.log.info("masks agree in %.3f of the cells", result["overlap"]["agreement"])


if __name__ == "__main__":
    console.run(main)
