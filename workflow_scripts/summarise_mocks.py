"""Mean and covariance of mocks, with their figure, and how many mocks a stated precision needs."""

from pathlib import Path

import numpy as np

from halonet import console
from halonet.checks.names import stem_of
from halonet.checks.parser import READS, SETTINGS, WRITES_WITH_FIGURES, Parser
from halonet.cosmology import declared, read_power_spectrum
from halonet.figures.mocks import draw_covariance
from halonet.figures.style import save
from halonet.mocks.controls import read_controls
from halonet.mocks.spectrum import camb_spectrum
from halonet.mocks.summary import summarise_mocks
from halonet.mocks.super_sample import has_super_sample, super_sample_term
from halonet.provenance import provenance
from halonet.settings import MockSettings, stage_settings
from halonet.statistics.mock import VECTORS
from halonet.storage import StorageError, read_json, write_json


def read_measurement(path: str) -> dict:
    """Read the measurement of a mock; another kind of file is refused."""
    values = read_json(path)
    if "box" not in values or not set(VECTORS) & set(values):
        raise StorageError(f"{path}: no box, or none of {', '.join(VECTORS)}; measure_mock.py writes such a file")
    return values


def spectrum_of(path: str | None, box: dict) -> tuple[np.ndarray, np.ndarray]:
    """The linear power spectrum at z = 0 of a file, or CAMB's for the cosmology of the mocks."""
    return read_power_spectrum(path) if path else camb_spectrum(declared(box["cosmology"], "mocks"))


def main() -> None:
    """Parse the command line, put the mocks together, draw and write."""
    parser = Parser(description=__doc__)
    parser.add_argument(
        "--statistics", type=READS, nargs="+", required=True, help="JSON files of measure_mock.py, two or more"
    )
    parser.add_argument(
        "--controls",
        type=READS,
        nargs="+",
        default=[],
        help="of the same seeds and of others: files of measure_controls.py, or of measure_mock.py for other mocks",
    )
    parser.add_argument(
        "--truth", type=READS, nargs="+", default=[], help="files of measure_mock.py for simulations of such boxes"
    )
    parser.add_argument(
        "--power-spectrum", type=READS, help="linear, at z = 0 (CSV), for modes beyond the box; default: CAMB's"
    )
    parser.add_argument("--settings", type=SETTINGS, help="mocks settings as JSON; precision counts here")
    parser.add_argument(
        "--summary",
        type=WRITES_WITH_FIGURES,
        required=True,
        help="JSON file to write; <name>.png and .pdf are written beside it",
    )
    arguments = parser.parse_args()
    settings = stage_settings(MockSettings, arguments.settings)
    controls = read_controls([(path, read_json(path)) for path in arguments.controls])
    mocks, truths = ([read_measurement(path) for path in paths] for paths in (arguments.statistics, arguments.truth))
    summary = summarise_mocks(mocks, settings.precision, controls, truths)
    if has_super_sample(summary):
        summary["super_sample"] = super_sample_term(summary, spectrum_of(arguments.power_spectrum, summary["box"]))
    summary["provenance"] = provenance("summarise_mocks", {"precision": settings.precision})
    path = Path(arguments.summary)
    save(draw_covariance(summary).figure, path.parent, stem_of(path))
    write_json(path, summary)
    reached = summary["precision"]
    console.log.info(
        "%d mocks: variances to %.0f%%; %d would reach %.0f%%, and %d let fits of %d parameters lose as little",
        summary["mocks"], 100 * reached["variance_error"], reached["mocks_for_variance"], 100 * reached["wanted"],
        reached["mocks_for_parameters"], reached["parameters"],
    )  # fmt: skip


if __name__ == "__main__":
    console.run(main)
