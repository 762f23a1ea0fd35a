"""Make a mock halo catalogue with a trained network: seed -> density -> probability -> haloes -> Eulerian positions.

    python workflow_scripts/make_mock.py --seed 7 --cells 256 --output mock.h5

This is `halonet mock --method network`. Lengths are comoving Mpc, masses solar masses, velocities km/s, all without h.
The same command gives the same bytes, with any number of MPI ranks (mpiexec -n 4 python workflow_scripts/make_mock.py
...): the density is drawn in slabs, tiles are dealt out, and one rank finds the haloes and moves them.
"""

from halonet import console
from halonet.checks.parser import Parser
from halonet.command.mock import write
from halonet.command.mock_arguments import add_box, add_network
from halonet.mocks.by_network import NetworkMock


def main() -> None:
    """Parse the command line and make the mock."""
    parser = Parser(description=__doc__)
    add_box(parser)
    add_network(parser)
    write(parser.parse_args(), NetworkMock)


if __name__ == "__main__":
    console.run(main)
