"""Make a mock halo catalogue: seed -> density -> haloes -> Eulerian positions and velocities.

Lengths are comoving Mpc, masses solar masses, velocities km/s, all without h. The same command gives the same bytes,
with any number of MPI ranks (mpiexec -n 4 halonet mock ...). The same seed is the same density, whatever the method.
"""

import argparse
import logging
from collections.abc import Callable

from halonet import console
from halonet.catalogue import write_catalogue
from halonet.command.mock_arguments import (
    add_box,
    add_n_body,
    add_network,
    add_peak_patch,
    add_universe,
    request_of,
)
from halonet.locks import exclusive_outputs
from halonet.mocks.matched import made
from halonet.mocks.methods import DEFAULT_METHOD, METHODS, Mock, mock_by
from halonet.mocks.request import MockRequest
from halonet.mpi import world

EXAMPLES = """\
  halonet mock --seed 7 --cells 256 -o mock.h5                          Peak Patch, a box of (256 Mpc)^3
  halonet mock --seed 7 --cells 256 --method network -o mock.h5         the same box by the shipped network
  halonet mock --seed 7 --cells 256 --method n_body -o mock.h5          the same box by simulation
  halonet mock --seed 7 --cosmology '{"sigma8": 0.84, "redshift": 1}' \\
      --peak-patch '{"collapse_table": "fine"}' -o mock.h5              another cosmology and redshift
  halonet mock --density field.h5 -o mock.h5                            of your own density
  halonet mock --phases noise.npy --box-size 256 -o mock.h5             of another generator's white noise
  halonet mock --universe 7 --cells 1024 --tile 0,1,1 --of 8 -o t.h5    one of the eight tiles of a universe
  mpiexec -n 4 halonet mock --seed 7 --cells 1024 -o mock.h5            on four MPI ranks
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    methods = "; ".join(f"{name}: {method.description}" for name, method in METHODS.items())
    parser.add_argument(
        "--method", choices=METHODS, default=DEFAULT_METHOD, help=f"default: {DEFAULT_METHOD}. {methods}"
    )
    add_universe(parser, add_box(parser))
    add_peak_patch(parser)
    add_network(parser)
    add_n_body(parser)


def run(arguments: argparse.Namespace) -> None:
    """Make the mock by the method that is asked for."""
    write(arguments, lambda request: mock_by(arguments.method, request))


def write(arguments: argparse.Namespace, method: Callable[[MockRequest], Mock], by_cells: bool = True) -> None:
    """Make a mock and write it; ``method`` takes the request and returns what makes the catalogue.

    ``by_cells`` also says how many haloes have a hundred cells, where cells are smaller than haloes.
    """
    communicator = world(arguments.ranks)
    if communicator is not None and communicator.rank > 0:
        console.log.setLevel(logging.WARNING)
    request = request_of(arguments)
    # Two mocks at once that keep fields under one name would leave those of one beside the haloes of the other.
    first = communicator is None or communicator.rank == 0
    with exclusive_outputs([arguments.output, *request.keep.values()] if request.keep and first else []):
        catalogue = made(method(request), arguments.output, communicator)
        if catalogue is None:
            return
        write_catalogue(arguments.output, catalogue)
    large = f", {len(catalogue.larger_than(100))} of at least 100 cells" if by_cells else ""
    console.log.info("%s: %d haloes%s", arguments.output, len(catalogue), large)
