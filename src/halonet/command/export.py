"""Write a halo catalogue in the format of another code; docs/exporting.md says what each one holds and loses."""

import argparse

from halonet import console
from halonet.checks.parser import READS, WRITES
from halonet.export.formats import FORMATS, LIGHT_CONE_FORMATS, export_catalogue
from halonet.sky.catalogue import is_light_cone

_FORMATS = "\n".join(f"  {form.name:10} *{form.suffix:17} {form.description}" for form in FORMATS.values())
_SKIES = "\n".join(f"  {name:10} *{form.suffix:17} {form.description}" for name, form in LIGHT_CONE_FORMATS.items())
_NAMES = tuple(dict.fromkeys([*FORMATS, *LIGHT_CONE_FORMATS]))
EXAMPLES = f"""\
  halonet export mock.h5 --to halotools
  halonet export mock.h5 --to fits -o mock.fits

formats:
{_FORMATS}
{_SKIES}
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of command and script."""
    parser.add_argument("haloes", type=READS, help="HDF5 catalogue of this project, of a box or a light cone")
    parser.add_argument("--to", required=True, choices=_NAMES, help="format to write")
    parser.add_argument(
        "-o", "--output", type=WRITES, help="file to write; default: beside the catalogue, with the format's suffix"
    )


def run(arguments: argparse.Namespace) -> None:
    """Read the catalogue, check that the format can take it, write it."""
    output = export_catalogue(arguments.haloes, arguments.to, arguments.output)
    sky = is_light_cone(arguments.haloes)
    description = LIGHT_CONE_FORMATS[arguments.to].description if sky else FORMATS[arguments.to].description
    console.log.info("%s: %s written", output, description)
