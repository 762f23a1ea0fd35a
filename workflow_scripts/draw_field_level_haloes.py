"""Draw a posterior-predictive halo catalogue: haloes at the phases and bias parameters of one posterior sample."""

from halonet import console
from halonet.catalogue import write_catalogue
from halonet.checks.numbers import INDEX, SEED
from halonet.checks.parser import READS, SETTINGS, WRITES, Parser
from halonet.provenance import provenance
from halonet.settings import FieldLevelSettings, stage_settings


def main() -> None:
    """Parse the command line, draw and write."""
    parser = Parser(description=__doc__)
    parser.add_argument("--inputs", type=READS, required=True, help="HDF5 file of prepare_field_level.py")
    parser.add_argument("--chains", type=READS, nargs="+", required=True, help="HDF5 files of sample_field_level.py")
    parser.add_argument("--settings", type=SETTINGS, help="settings of field-level inference as JSON")
    parser.add_argument("--seed", type=SEED, required=True, help="master seed of the run")
    parser.add_argument("--draw", type=INDEX, default=0, help="index of the draw, which derives its own seed")
    parser.add_argument("--haloes", type=WRITES, required=True, help="catalogue to write")
    arguments = parser.parse_args()
    settings = stage_settings(FieldLevelSettings, arguments.settings)

    from halonet.field_level.data import read_data
    from halonet.field_level.results import predicted, read_chains

    data, chains = read_data(arguments.inputs), read_chains(arguments.chains)
    record = provenance("field level draw", settings.model_dump(), arguments.seed)
    catalogue = predicted(data, settings, chains, arguments.draw, arguments.seed, record)
    write_catalogue(arguments.haloes, catalogue)
    console.log.info("%d haloes drawn, %d in the catalogue", len(catalogue), len(data.inputs.haloes))


if __name__ == "__main__":
    console.run(main)
