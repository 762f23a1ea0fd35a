"""Measure the statistics of a mock, for the mean and covariance of many."""

from halonet import console
from halonet.catalogue import read_catalogue
from halonet.checks.parser import READS, SETTINGS, WRITES, Parser
from halonet.provenance import provenance
from halonet.settings import MockSettings, stage_settings
from halonet.statistics.mock import measure_mock
from halonet.statistics.wide_bins import MockError
from halonet.storage import write_json

USED = ("minimum_cells", "largest_k_per_mpc", "statistics")


def main() -> None:
    """Parse the command line, measure and write."""
    parser = Parser(description=__doc__)
    parser.add_argument("--haloes", type=READS, required=True, help="catalogue of make_mock.py")
    parser.add_argument("--settings", type=SETTINGS, help=f"mocks settings as JSON; {', '.join(USED)} count here")
    parser.add_argument("--statistics", type=WRITES, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    settings, haloes = stage_settings(MockSettings, arguments.settings), read_catalogue(arguments.haloes)
    try:
        result = measure_mock(haloes, settings.minimum_cells, settings.largest_k_per_mpc, settings.statistics)
    except MockError as error:
        raise MockError(f"{arguments.haloes}: {error}") from None
    record = provenance("measure_mock", {name: getattr(settings, name) for name in USED}, haloes.header.seed)
    write_json(arguments.statistics, result | {"provenance": record | {"haloes": haloes.header.provenance}})


if __name__ == "__main__":
    console.run(main)
