"""Write the page of the mocks: means with bands, covariance, how many mocks are needed, control variates."""

from halonet import console
from halonet.checks.parser import READS, WRITES, Parser
from halonet.figures.mocks_report import mocks_page
from halonet.storage import StorageError, read_json, write_text


def main() -> None:
    """Parse the command line, build the page and write it."""
    parser = Parser(description=__doc__)
    parser.add_argument("--summary", type=READS, required=True, help="covariance.json of summarise_mocks.py")
    parser.add_argument("--report", type=WRITES, required=True, help="HTML file to write")
    arguments = parser.parse_args()
    summary = read_json(arguments.summary)
    if missing := [name for name in ("mocks", "order", "precision") if name not in summary]:
        raise StorageError(f"{arguments.summary}: {', '.join(missing)} missing; summarise_mocks.py writes such a file")
    write_text(arguments.report, mocks_page(summary))


if __name__ == "__main__":
    console.run(main)
