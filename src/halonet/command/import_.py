"""Read a catalogue of another code into one of this project; docs/exporting.md says what each format holds."""

import argparse

from halonet import console
from halonet.catalogue import write_catalogue
from halonet.checks.numbers import CELLS, LENGTH
from halonet.checks.parser import READS, SETTINGS, WRITES
from halonet.cosmology import default_cosmology
from halonet.export.reading import READERS, ForeignBox, import_catalogue
from halonet.settings import CosmologySettings, stage_settings

EXAMPLES = """\
  halonet import halos.pksc --from pksc --box-size 512 --cells 512 -o haloes.h5
  halonet import pinocchio.0.0000.run.catalog.out --from pinocchio --box-size 714.286 --cells 256 \\
      --cosmology '{"h": 0.7, "omega_b": 0.045, "omega_cdm": 0.205}' -o haloes.h5
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("file", type=READS, help="catalogue of the other code")
    parser.add_argument("--from", dest="form", required=True, choices=READERS, help="its format")
    parser.add_argument("--box-size", type=LENGTH, required=True, help="side of its box (Mpc, without h)")
    parser.add_argument("--cells", type=CELLS, required=True, help="cells along a side of the grid it was made on")
    parser.add_argument(
        "--cosmology",
        type=SETTINGS,
        help="its cosmology, JSON or a JSON file; the file says the redshift; default: the paper's",
    )
    parser.add_argument("-o", "--output", type=WRITES, required=True, help="HDF5 catalogue to write")


def run(arguments: argparse.Namespace) -> None:
    """Read, convert, check against the box, and write."""
    if arguments.cosmology:
        cosmology = stage_settings(CosmologySettings, arguments.cosmology)
    else:
        cosmology = default_cosmology(arguments.file)
    box = ForeignBox(arguments.box_size, arguments.cells, cosmology)
    haloes = import_catalogue(arguments.file, arguments.form, box)
    write_catalogue(arguments.output, haloes)
    console.log.info("%s: %s", arguments.output, haloes)
