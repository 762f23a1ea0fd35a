"""Populate the haloes of a catalogue with galaxies (Zheng, Coil & Zehavi 2007): centrals and NFW satellites.

The same seed gives the same galaxies. Lengths are comoving Mpc, masses solar masses, velocities km/s, all without h.
"""

import argparse
import logging

from halonet.catalogue import read_catalogue
from halonet.checks.errors import StorageError
from halonet.checks.names import beside_alone
from halonet.checks.numbers import SEED
from halonet.checks.parser import READS, SETTINGS, WRITES
from halonet.export.galaxies import GALAXY_FORMATS, write_galaxies_as
from halonet.galaxies.populate import missing_fraction, populate_haloes
from halonet.settings import stage_settings
from halonet.settings.galaxies import OccupationSettings

log = logging.getLogger("halonet")
INCOMPLETE = 0.05  # of the haloes of the smallest mass that have a central
EXAMPLES = """\
  halonet galaxies mock.h5 -o galaxies.h5
  halonet galaxies mock.h5 --seed 3 --settings '{"log_minimum_mass": 13.2}' --to fits
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of command and script."""
    parser.add_argument("haloes", type=READS, help="catalogue of halonet mock, with positions and velocities")
    parser.add_argument("--seed", type=SEED, default=1, help="of the galaxies; default: 1")
    parser.add_argument(
        "--settings", type=SETTINGS, help="occupation as JSON, text or file; default: galaxies below -21"
    )
    parser.add_argument("--to", choices=GALAXY_FORMATS, default="hdf5", help="format to write; default: hdf5")
    parser.add_argument(
        "-o",
        "--galaxies",
        type=WRITES.or_else(lambda given: beside_alone(given.haloes, GALAXY_FORMATS[given.to])),
        help="file to write; default: beside the haloes",
    )


def run(arguments: argparse.Namespace) -> None:
    """Read the haloes, draw the galaxies, write them."""
    settings = stage_settings(OccupationSettings, arguments.settings)
    haloes = read_catalogue(arguments.haloes)
    try:
        galaxies = populate_haloes(haloes, settings, arguments.seed)
    except StorageError as error:
        raise StorageError(f"{arguments.haloes}: {error}") from None
    lost = missing_fraction(haloes, settings)
    if lost > INCOMPLETE:
        log.warning(
            "%s: %.0f%% of its smallest haloes have a central galaxy: those of smaller haloes are missing; raise "
            "log_minimum_mass, or give smaller haloes",
            arguments.haloes, 100 * lost,
        )  # fmt: skip
    write_galaxies_as(galaxies, arguments.to, arguments.galaxies)
    central = int(galaxies["central"].sum())
    log.info("%s: %d galaxies, %d of them central", arguments.galaxies, len(galaxies), central)
