"""Draw how Peak Patch compares with a simulation on the same densities."""

from halonet import console
from halonet.checks.parser import READS, WRITES_FOLDER, Parser
from halonet.figures.names import TRUTHS
from halonet.figures.style import save_all
from halonet.figures.truths import draw_truths
from halonet.storage import read_json


def main() -> None:
    """Parse the command line, draw and write the figure and its caption."""
    parser = Parser(description=__doc__)
    parser.add_argument(
        "--statistics", type=READS, nargs="+", required=True, help="JSON of compare_truths.py, one for each box"
    )
    parser.add_argument("--figures", type=WRITES_FOLDER, required=True, help="folder to write to")
    arguments = parser.parse_args()
    drawing = draw_truths([read_json(path) for path in arguments.statistics])
    save_all({"truths": drawing}, arguments.figures, TRUTHS)


if __name__ == "__main__":
    console.run(main)
