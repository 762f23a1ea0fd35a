"""Summarise the chains of field-level inference: fields, spectra, recovery of the truth, convergence, cost."""

from halonet import console
from halonet.checks.numbers import SEED
from halonet.checks.parser import READS, SETTINGS, WRITES, Parser
from halonet.provenance import provenance
from halonet.settings import FieldLevelSettings, stage_settings
from halonet.storage import write_json


def main() -> None:
    """Parse the command line, summarise and write."""
    parser = Parser(description=__doc__)
    parser.add_argument("--inputs", type=READS, required=True, help="HDF5 file of prepare_field_level.py")
    parser.add_argument("--chains", type=READS, nargs="+", required=True, help="HDF5 files of sample_field_level.py")
    parser.add_argument("--settings", type=SETTINGS, help="settings of field-level inference as JSON")
    parser.add_argument("--seed", type=SEED, default=0, help="master seed of the run")
    parser.add_argument("--summary", type=WRITES, required=True, help="JSON file to write")
    parser.add_argument(
        "--arrays", type=WRITES, required=True, help="HDF5 file to write: mean and deviation of fields, spectra"
    )
    arguments = parser.parse_args()
    settings = stage_settings(FieldLevelSettings, arguments.settings)

    from halonet.field_level.data import read_data
    from halonet.field_level.results import summarise
    from halonet.neural_bias.results import write_arrays

    summary, arrays = summarise(read_data(arguments.inputs), settings, arguments.chains, arguments.seed)
    record = provenance("field level", settings.model_dump(), arguments.seed)
    write_arrays(arguments.arrays, arrays, record)
    write_json(arguments.summary, summary | {"provenance": record})
    largest = summary["spectrum"]["largest_pull"]
    console.log.info("power of the phases within %.1f standard deviations of the prior's in all shells", largest)
    if not summary.get("bias_check", {"passed": True})["passed"]:
        console.log.warning("mclmc: energy errors beyond what was allowed for; the samples are biased: see bias_check")


if __name__ == "__main__":
    console.run(main)
