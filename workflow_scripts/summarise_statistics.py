"""Summarise the statistics of several test boxes, beside analytic mass functions."""

from halonet import console
from halonet.checks.parser import READS, SETTINGS, WRITES, Parser, add_override
from halonet.kept_spectra import kept_power_spectrum
from halonet.plausibility.spectrum import read_checked_spectrum
from halonet.provenance import provenance
from halonet.settings import CosmologySettings, stage_settings, validate
from halonet.statistics.box import MASK_ALONE
from halonet.statistics.summary import summarise, summarise_masks
from halonet.storage import StorageError, read_json, write_json

MASK_PARTS = ("box", "overlap")
PARTS = (
    *MASK_PARTS, "roc", "mass_function", "power_spectrum", "eulerian_power_spectrum", "correlation_function",
    "matching", "shapes", "profiles",
)  # fmt: skip


def read_statistics(path: str) -> dict:
    """Read the statistics of a box; another kind of file is refused."""
    values = read_json(path)
    parts = MASK_PARTS if values.get("truth") == MASK_ALONE else PARTS
    if missing := [part for part in parts if part not in values]:
        raise StorageError(f"{path}: {', '.join(missing)} missing; measure_statistics.py writes such a file")
    return values


def main() -> None:
    """Read the statistics of every box and write their summary."""
    parser = Parser(description=__doc__)
    parser.add_argument(
        "--statistics", type=READS, nargs="+", required=True, help="JSON files of measure_statistics.py"
    )
    parser.add_argument(
        "--cosmology", type=SETTINGS, help="cosmology as JSON; default: that of the boxes, else the paper's"
    )
    parser.add_argument(
        "--power-spectrum", type=READS, help="linear power spectrum at z = 0 (CSV); default: computed by CAMB"
    )
    add_override(parser, "the spectrum has another sigma8 than the cosmology")
    parser.add_argument("--summary", type=WRITES, required=True, help="JSON file to write")
    arguments = parser.parse_args()

    boxes = [read_statistics(path) for path in arguments.statistics]
    known = boxes[0]["box"]["cosmology"]
    if arguments.cosmology is None and known is not None:
        cosmology = validate(CosmologySettings, known, f"{arguments.statistics[0]}: cosmology")
    else:
        cosmology = stage_settings(CosmologySettings, arguments.cosmology)
    masks_alone = [box.get("truth") == MASK_ALONE for box in boxes]
    if all(masks_alone):
        summary = summarise_masks(boxes)
    elif any(masks_alone):
        path = arguments.statistics[masks_alone.index(True)]
        raise StorageError(f"{path}: its truth is a mask alone, that of other boxes is not; summarise them apart")
    else:
        given, go_on = arguments.power_spectrum, arguments.outside_validity
        k, power = read_checked_spectrum(given, cosmology, go_on) if given else kept_power_spectrum(cosmology)
        summary = summarise(boxes, cosmology, k, power)
    summary["provenance"] = provenance("summarise_statistics", {"cosmology": cosmology.model_dump()})
    write_json(arguments.summary, summary)


if __name__ == "__main__":
    console.run(main)
