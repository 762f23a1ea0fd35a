"""Draw a mock halo catalogue from a fitted neural bias model: seed -> 2LPT density -> haloes of every environment.

No haloes are found: the model says how many haloes of which mass each voxel of the evolved density holds. It is the
file model.json of a run of the neural bias model, or the one that is shipped. The same command gives the same bytes.
"""

import argparse
from pathlib import Path

from halonet.checks.parser import READS
from halonet.command.mock import write
from halonet.command.mock_arguments import add_box

# halonet.neural_bias.fitted.SHIPPED, whose module loads TensorFlow; a test holds the two together
SHIPPED = Path(__file__).parents[1] / "neural_bias" / "n_body.json"
EXAMPLES = """\
  halonet draw --seed 7 --cells 64 -o draw.h5                                   a box of (384 Mpc)^3
  halonet draw --density field.h5 -o draw.h5                                    of your own linear density
  halonet draw --model results/neural_bias/neural_bias/model.json --seed 7 -o draw.h5
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument(
        "--model",
        type=READS.or_else(lambda given: SHIPPED),
        help="fitted model (JSON); default: that of haloes of a simulation",
    )
    add_box(parser)


def run(arguments: argparse.Namespace) -> None:
    """Draw the mock."""
    from halonet.mocks.by_neural_bias import NeuralBiasMock  # which loads TensorFlow

    write(arguments, lambda request: NeuralBiasMock(request, arguments.model), by_cells=False)
