"""Make a mock halo catalogue with a trained network: seed -> density -> probability -> haloes -> Eulerian positions.

    python workflow_scripts/make_mock.py --seed 7 --cells 256 --output mock.h5

This is `halonet mock --method network`. Lengths are comoving Mpc, masses solar masses, velocities km/s, all without h.
The same command gives the same bytes, with any number of MPI ranks (mpiexec -n 4 python workflow_scripts/make_mock.py
...): every rank has some planes of all fields, predicts some of the tiles, and finds and moves haloes of its planes.
"""

import argparse
from copy import copy
from pathlib import Path

from halonet import console
from halonet.checks.numbers import SEED
from halonet.checks.parser import Parser
from halonet.code_digests import code_digest
from halonet.command.mock import write
from halonet.command.mock_arguments import add_box, add_network, request_of
from halonet.mocks.ahead import FOLDER, Ahead, key_of
from halonet.mocks.by_network import NetworkMock
from halonet.provenance import file_digest

OUTPUTS = (
    "keep_density",
    "keep_phases",
    "keep_probability",
    "output",
)  # a mock is there when its catalogue is, which comes last


def main() -> None:
    """Parse the command line and make the mock, and others ahead."""
    parser = Parser(description=__doc__)
    add_box(parser)
    add_network(parser)
    parser.add_argument(
        "--last-ahead",
        type=SEED,
        default=0,
        help="go on with the following seeds to this one, for later calls with the same options to take; the output is "
        "then SEED/haloes.h5, and theirs are looked for beside it",
    )
    arguments = parser.parse_args()
    if arguments.seed is not None and arguments.last_ahead and arguments.ranks == 1:
        _make_with_others(arguments)
    else:
        write(arguments, NetworkMock)


def _make_with_others(arguments: argparse.Namespace) -> None:
    mocks = Path(arguments.output).parent.parent
    mock = NetworkMock(request_of(arguments))
    spectrum = file_digest(arguments.power_spectrum) if arguments.power_spectrum else ""
    ahead = Ahead(mocks / FOLDER, key_of(mock.made_of, code_digest(__file__), spectrum))

    def make(seed: int, outputs: list[Path]) -> None:
        own = copy(arguments)
        own.seed = seed
        for name, path in zip(wanted, outputs, strict=True):
            setattr(own, name, path)
        write(own, NetworkMock)

    wanted = [name for name in OUTPUTS if getattr(arguments, name)]
    files = [Path(getattr(arguments, name)) for name in wanted]
    if ahead.take_or_make(arguments.seed, files, make):
        others = range(arguments.seed + 1, arguments.last_ahead + 1)
        ahead.make_others({seed: [mocks / str(seed) / file.name for file in files] for seed in others}, make)


if __name__ == "__main__":
    console.run(main)
