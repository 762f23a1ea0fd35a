"""Write the report: one self-contained HTML file with figures, key numbers, settings and provenance."""

import json
from pathlib import Path

from halonet import console
from halonet.checks.parser import READS, READS_EITHER, READS_FOLDER, WRITES, Parser
from halonet.figures.report import ReportedBias, ReportedNetwork, build_report
from halonet.settings import SettingsError
from halonet.storage import read_json, write_text


def read_settings(argument: str) -> dict:
    """Configuration of the run, given as JSON text or as a JSON file."""
    if not argument.lstrip().startswith("{"):
        return read_json(argument)
    try:
        return json.loads(argument)
    except json.JSONDecodeError as error:
        raise SettingsError(f"--settings: no valid JSON ({error})") from None


def main() -> None:
    """Read what the report shows and write it."""
    parser = Parser(description=__doc__)
    parser.add_argument("--networks", nargs="+", required=True, help="names of the networks, the main one first")
    parser.add_argument("--summaries", type=READS, nargs="+", required=True, help="statistics summary of each network")
    parser.add_argument(
        "--figures", type=READS_FOLDER, nargs="+", required=True, help="folder of draw_figures.py of each network"
    )
    parser.add_argument("--provenance", type=READS, nargs="+", default=[], help="provenance.json of each network")
    parser.add_argument(
        "--neural-bias",
        type=READS_EITHER,
        nargs=2,
        metavar=("SUMMARY", "FIGURES"),
        help="of the neural bias model: JSON of summarise_neural_bias.py, folder of draw_neural_bias_figures.py",
    )
    parser.add_argument("--truths", type=READS_FOLDER, help="folder of draw_truths.py, where the truth is a simulation")
    parser.add_argument("--settings", default="{}", help="configuration of the run as JSON, to be shown")
    parser.add_argument("--title", default="HaloNet: predicted halo catalogues against the truth")
    parser.add_argument("--report", type=WRITES, required=True, help="HTML file to write")
    arguments = parser.parse_args()

    count = len(arguments.networks)
    for name in ("summaries", "figures", "provenance"):
        given = len(getattr(arguments, name))
        if given != count and not (name == "provenance" and given == 0):
            raise SettingsError(f"--{name} names {given} for {count} networks; give one for each network")
    records: list[dict | None] = [read_json(path) for path in arguments.provenance] or [None] * count
    networks = [
        ReportedNetwork(name, read_json(summary), Path(figures), record)
        for name, summary, figures, record in zip(
            arguments.networks, arguments.summaries, arguments.figures, records, strict=True
        )
    ]
    bias = None
    if arguments.neural_bias:
        summary, figures = arguments.neural_bias
        bias = ReportedBias(read_json(summary), Path(figures))
    truths = Path(arguments.truths) if arguments.truths else None
    page = build_report(arguments.title, networks, read_settings(arguments.settings), bias, truths)
    write_text(arguments.report, page)
    console.log.info("%s", arguments.report)


if __name__ == "__main__":
    console.run(main)
