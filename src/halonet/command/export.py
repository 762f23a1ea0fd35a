"""Write a halo catalogue in the format of another code; docs/exporting.md says what each one holds and loses."""

import argparse

from halonet import console
from halonet.checks.names import beside_alone
from halonet.checks.parser import READS, WRITES
from halonet.export.formats import FORMATS, Masses, export_catalogue
from halonet.export.light_cones import LIGHT_CONE_FORMATS, export_light_cone
from halonet.masses import DEFINITIONS, RELATIONS, TAKEN_AS
from halonet.settings import SettingsError
from halonet.sky.catalogue import is_light_cone

_FORMATS = "\n".join(f"  {form.name:10} *{form.suffix:17} {form.description}" for form in FORMATS.values())
_SKIES = "\n".join(f"  {name:10} *{form.suffix:17} {form.description}" for name, form in LIGHT_CONE_FORMATS.items())
_NAMES = tuple(dict.fromkeys([*FORMATS, *LIGHT_CONE_FORMATS]))
SUFFIXES = {name: form.suffix for name, form in (LIGHT_CONE_FORMATS | FORMATS).items()}
EXAMPLES = f"""\
  halonet export mock.h5 --to halotools
  halonet export mock.h5 --to fits -o mock.fits
  halonet export mock.h5 --to fits --masses 200c vir     with columns m200c, r200c, mvir, rvir, scale_radius

formats:
{_FORMATS}
{_SKIES}
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of command and script."""
    parser.add_argument("haloes", type=READS, help="HDF5 catalogue of this project, of a box or a light cone")
    parser.add_argument("--to", required=True, choices=_NAMES, help="format to write")
    parser.add_argument(
        "-o",
        "--output",
        type=WRITES.or_else(lambda given: beside_alone(given.haloes, SUFFIXES[given.to])),
        help="file to write; default: beside the catalogue, with the format's suffix",
    )
    parser.add_argument(
        "--masses",
        nargs="+",
        choices=DEFINITIONS,
        metavar="DEFINITION",
        help=f"also masses and radii by {', '.join(DEFINITIONS)}, from NFW profiles and mean concentrations",
    )
    parser.add_argument(
        "--mass-is",
        choices=TAKEN_AS,
        help="for --masses: what the mass of the catalogue is taken for; fof: friends of friends; default: 200m",
    )
    parser.add_argument(
        "--concentration",
        choices=RELATIONS,
        help=f"for --masses: relation of concentration and mass; default: {RELATIONS[0]}",
    )


def run(arguments: argparse.Namespace) -> None:
    """Read the catalogue, check that the format can take it, write it."""
    given = {"taken_as": arguments.mass_is, "relation": arguments.concentration}
    given = {name: value for name, value in given.items() if value is not None}
    if given and not arguments.masses:
        raise SettingsError("--mass-is and --concentration are for --masses, which is not given")
    if is_light_cone(arguments.haloes):
        if arguments.masses:
            raise SettingsError("--masses is for boxes; the masses of a light cone are those of its method")
        output = export_light_cone(arguments.haloes, arguments.to, arguments.output)
        description = LIGHT_CONE_FORMATS[arguments.to].description
    else:
        masses = Masses(arguments.masses, **given) if arguments.masses else None
        output = export_catalogue(arguments.haloes, arguments.to, arguments.output, masses)
        description = FORMATS[arguments.to].description
    console.log.info("%s: %s written", output, description)
