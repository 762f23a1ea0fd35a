"""Join the tiles of a universe: the catalogues of all of them make the one that it has as a single tile.

Each halo belongs to the tile in which its Lagrangian centre lies, so that none is missing and none there twice.
"""

import argparse

from halonet import console
from halonet.catalogue import read_catalogue, write_catalogue
from halonet.checks.parser import READS, WRITES
from halonet.tiles_of_universes import join_tiles

EXAMPLES = """\
  halonet join tile_*.h5 -o universe.h5
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("tiles", type=READS, nargs="+", help="catalogues of halonet mock --universe, all of one cut")
    parser.add_argument("-o", "--output", type=WRITES, required=True, help="catalogue to write (HDF5)")


def run(arguments: argparse.Namespace) -> None:
    """Read the tiles, join them and write the catalogue."""
    haloes = join_tiles([read_catalogue(path) for path in arguments.tiles], arguments.tiles)
    write_catalogue(arguments.output, haloes)
    console.log.info("%s: %d haloes of %d tiles", arguments.output, len(haloes), len(arguments.tiles))
