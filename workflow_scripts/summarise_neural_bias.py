"""Summarise the chains of the neural bias model: convergence, counts, mass functions, fields, comparison of models."""

from halonet import console
from halonet.checks.numbers import SEED
from halonet.checks.parser import READS, SETTINGS, WRITES, Parser
from halonet.provenance import provenance
from halonet.settings import CosmologySettings, NeuralBiasSettings, stage_settings
from halonet.storage import write_json


def main() -> None:
    """Parse the command line, summarise and write."""
    parser = Parser(description=__doc__)
    parser.add_argument("--inputs", type=READS, required=True, help="HDF5 file of prepare_neural_bias.py")
    parser.add_argument("--chains", type=READS, nargs="+", required=True, help="HDF5 files of sample_neural_bias.py")
    parser.add_argument("--settings", type=SETTINGS, help="settings of the neural bias model as JSON")
    parser.add_argument("--seed", type=SEED, default=0, help="master seed of the run")
    parser.add_argument("--summary", type=WRITES, required=True, help="JSON file to write")
    parser.add_argument(
        "--arrays", type=WRITES, required=True, help="HDF5 file to write: samples, mass functions, fields"
    )
    parser.add_argument("--model", type=WRITES, help="JSON file to write: the fitted model, for `halonet draw`")
    parser.add_argument("--cosmology", type=SETTINGS, help="cosmology as JSON; default: the paper's")
    arguments = parser.parse_args()
    settings = stage_settings(NeuralBiasSettings, arguments.settings)
    cosmology = stage_settings(CosmologySettings, arguments.cosmology)

    from halonet.neural_bias.inputs import read_inputs
    from halonet.neural_bias.results import summarise, write_arrays, write_model

    inputs = read_inputs(arguments.inputs)
    summary, arrays = summarise(inputs, settings, arguments.chains, arguments.seed)
    record = provenance("neural bias", settings.model_dump(), arguments.seed)
    write_arrays(arguments.arrays, arrays, record)
    if arguments.model:
        write_model(arguments.model, inputs, settings, arguments.chains, cosmology, record)
    write_json(arguments.summary, summary | {"provenance": record})
    for model in summary["models"]:
        console.log.info("%s: ln L %.1f, BIC %.1f", model["model"], model["log_likelihood"], model["bic"])


if __name__ == "__main__":
    console.run(main)
