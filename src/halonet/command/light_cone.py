"""Make the halo catalogue of a light cone: what an observer of a periodically repeated box sees of its haloes.

Each halo is seen when its light has left it: it has collapsed by then, and stands where it stood then. Lengths are
comoving Mpc, masses solar masses, velocities km/s, all without h. The same command gives the same bytes, with any
number of MPI ranks (mpiexec -n 4 halonet lightcone ...).
"""

import argparse
import logging
from pathlib import Path
from typing import Any

from halonet import console
from halonet.checks.names import stem_of
from halonet.checks.numbers import COORDINATE, REDSHIFT
from halonet.checks.parser import SETTINGS, WRITES_WITH_FIGURES
from halonet.command.mock_arguments import add_network, add_peak_patch, add_source, request_of
from halonet.figures.light_cone import draw_light_cone
from halonet.figures.style import save
from halonet.light_cones.angular_power import measure_angular_power
from halonet.light_cones.methods import DEFAULT_METHOD, METHODS, light_cone_by
from halonet.light_cones.request import LightConeRequest
from halonet.light_cones.shells import measure_shells
from halonet.mpi import world
from halonet.settings import LightConeSettings, stage_settings, validate
from halonet.sky.catalogue import write_light_cone
from halonet.sky.region import POSITIVE_AXES
from halonet.storage import write_json

EXAMPLES = """\
  halonet lightcone --seed 7 --cells 256 --box-size 512 --redshifts 0 0.5 -o sky.h5     an octant
  halonet lightcone --seed 7 --cells 256 --box-size 512 --opening full_sky --redshifts 0.2 0.3 \\
      --observer 256 256 256 --figure shell.json -o shell.h5                            a shell around the middle
  halonet lightcone --seed 7 --cells 256 --box-size 512 --redshifts 0 1 -o pencil.h5 \\
      --light-cone '{"opening": {"right_ascension": 30, "declination": 20, "radius": 5}}'
  halonet export sky.h5 --to websky                                                     for other codes
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of command and script."""
    methods = "; ".join(f"{name}: {method.description}" for name, method in METHODS.items())
    parser.add_argument(
        "--method", choices=METHODS, default=DEFAULT_METHOD, help=f"default: {DEFAULT_METHOD}. {methods}"
    )
    group = parser.add_argument_group("light cone")
    group.add_argument(
        "--redshifts", type=REDSHIFT, nargs=2, help="cosmological, the first in, the second out; default: 0 0.5"
    )
    group.add_argument("--opening", choices=POSITIVE_AXES, help="on the sky; default: octant")
    group.add_argument(
        "--observer", type=COORDINATE, nargs=3, help="position from the corner of the box (Mpc); default: 0 0 0"
    )
    group.add_argument("--light-cone", type=SETTINGS, help="all settings as JSON, text or file; circles, too")
    group.add_argument(
        "--figure",
        type=WRITES_WITH_FIGURES,
        help="JSON file to write with numbers in shells of redshift and the angular power spectrum; <name>.png and "
        ".pdf are written beside it",
    )
    add_source(parser)
    add_peak_patch(parser)
    add_network(parser)


def settings_of(arguments: argparse.Namespace) -> LightConeSettings:
    """Settings of the light cone: those given as JSON, over them what has an option of its own."""
    values: dict[str, Any] = stage_settings(LightConeSettings, arguments.light_cone).model_dump(mode="json")
    options = {"redshift_range": arguments.redshifts, "opening": arguments.opening, "observer": arguments.observer}
    values |= {name: value for name, value in options.items() if value is not None}
    return validate(LightConeSettings, values, "light_cone")


def run(arguments: argparse.Namespace) -> None:
    """Make the light cone, write it, and draw it where that is asked for."""
    communicator = world(arguments.ranks)
    if communicator is not None and communicator.rank > 0:
        console.log.setLevel(logging.WARNING)
    made = light_cone_by(arguments.method, LightConeRequest(request_of(arguments), settings_of(arguments)))
    catalogue = made.make(communicator)
    if catalogue is None:
        return
    write_light_cone(arguments.output, catalogue)
    if arguments.figure:
        shells = measure_shells(catalogue, made.box.power_spectrum)
        shells["angular_power"] = measure_angular_power(catalogue, made.box.power_spectrum, shells["masses"][0])
        drawing = draw_light_cone(catalogue, shells)
        save(drawing.figure, Path(arguments.figure).parent, stem_of(arguments.figure))
        write_json(arguments.figure, shells | {"caption": drawing.caption})
    console.log.info("%s: %d haloes", arguments.output, len(catalogue))
