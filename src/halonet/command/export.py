"""Write a halo catalogue in the format of another code; docs/exporting.md says what each one holds and loses."""

import argparse

from halonet import console
from halonet.checks.parser import READS, WRITES
from halonet.export.formats import FORMATS, export_catalogue

_FORMATS = "\n".join(f"  {form.name:10} *{form.suffix:17} {form.description}" for form in FORMATS.values())
EXAMPLES = f"""\
  halonet export mock.h5 --to halotools
  halonet export mock.h5 --to fits -o mock.fits

formats:
{_FORMATS}
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of command and script."""
    parser.add_argument("haloes", type=READS, help="HDF5 catalogue of this project")
    parser.add_argument("--to", required=True, choices=FORMATS, help="format to write")
    parser.add_argument(
        "-o", "--output", type=WRITES, help="file to write; default: beside the catalogue, with the format's suffix"
    )


def run(arguments: argparse.Namespace) -> None:
    """Read the catalogue, check that the format can take it, write it."""
    output = export_catalogue(arguments.haloes, arguments.to, arguments.output)
    console.log.info("%s: %s written", output, FORMATS[arguments.to].description)
