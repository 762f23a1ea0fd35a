"""Draw a Poisson halo catalogue from one posterior sample of the neural bias model."""

from halonet import console
from halonet.catalogue import write_catalogue
from halonet.checks.numbers import INDEX, SEED
from halonet.checks.parser import READS, SETTINGS, WRITES, Parser
from halonet.initial_conditions.noise import generator
from halonet.provenance import provenance
from halonet.settings import CosmologySettings, NeuralBiasSettings, stage_settings


def main() -> None:
    """Parse the command line, draw and write."""
    parser = Parser(description=__doc__)
    parser.add_argument("--inputs", type=READS, required=True, help="HDF5 file of prepare_neural_bias.py")
    parser.add_argument("--chains", type=READS, nargs="+", required=True, help="HDF5 files of sample_neural_bias.py")
    parser.add_argument("--settings", type=SETTINGS, help="settings of the neural bias model as JSON")
    parser.add_argument("--cosmology", type=SETTINGS, help="cosmology as JSON; default: the paper's")
    parser.add_argument("--seed", type=SEED, required=True, help="master seed of the run")
    parser.add_argument("--draw", type=INDEX, default=0, help="index of the draw, which derives its own seed")
    parser.add_argument("--haloes", type=WRITES, required=True, help="catalogue to write")
    arguments = parser.parse_args()
    settings = stage_settings(NeuralBiasSettings, arguments.settings)
    cosmology = stage_settings(CosmologySettings, arguments.cosmology)

    from halonet.neural_bias.fit import make_problem
    from halonet.neural_bias.inputs import read_inputs
    from halonet.neural_bias.results import draw_catalogue, read_samples

    inputs = read_inputs(arguments.inputs)
    samples = read_samples(arguments.chains)[1].reshape(-1, make_problem(inputs, settings).model.parameters)
    rng = generator(arguments.seed, "neural bias draw", arguments.draw)
    theta = samples[rng.integers(len(samples))]
    record = provenance("neural bias draw", settings.model_dump(), arguments.seed)
    catalogue = draw_catalogue(make_problem(inputs, settings), inputs, theta, cosmology, rng, record)
    write_catalogue(arguments.haloes, catalogue)
    console.log.info("%d haloes drawn, %d in the catalogue", len(catalogue), len(inputs.haloes))


if __name__ == "__main__":
    console.run(main)
