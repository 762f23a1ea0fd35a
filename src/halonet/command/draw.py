"""Draw a mock halo catalogue from a fitted neural bias model: seed -> 2LPT density -> haloes of every environment.

No haloes are found: the model says how many haloes of which mass each voxel of the evolved density holds. It is the
file model.json of a run of the neural bias model. The same command gives the same bytes.
"""

import argparse

from halonet.checks.parser import READS
from halonet.command.mock import write
from halonet.command.mock_arguments import add_box
from halonet.mocks.by_neural_bias import NeuralBiasMock

EXAMPLES = """\
  halonet draw --model results/neural_bias/neural_bias/model.json --seed 7 --cells 64 -o draw.h5
  halonet draw --model model.json --density field.h5 -o draw.h5         of your own linear density
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--model", type=READS, required=True, help="fitted model, of summarise_neural_bias.py (JSON)")
    add_box(parser)


def run(arguments: argparse.Namespace) -> None:
    """Draw the mock."""
    write(arguments, lambda request: NeuralBiasMock(request, arguments.model))
