"""Observe a box of galaxies or haloes as a survey does: angular mask, n(z), observed redshifts, randoms; as FITS.

The whole box is at one redshift. Angles are degrees; positions and distances comoving Mpc without h.
"""

import argparse
import logging
from pathlib import Path

import h5py

from halonet.catalogue import HaloCatalogue, read_catalogue
from halonet.checks.errors import StorageError
from halonet.checks.names import beside_alone
from halonet.checks.numbers import SEED
from halonet.checks.parser import READS, SETTINGS, WRITES
from halonet.checks.paths import Given, check_paths
from halonet.export.surveys import write_survey_table
from halonet.galaxy_catalogue import GalaxyCatalogue, read_galaxies
from halonet.locks import exclusive_outputs
from halonet.settings import stage_settings
from halonet.settings.survey import SurveySettings
from halonet.storage import open_hdf5
from halonet.surveys.observe import SURVEY_COLUMNS, observe_box

log = logging.getLogger("halonet")
EXAMPLES = """\
  halonet survey galaxies.h5 --settings '{"largest_redshift": 0.05}'
  halonet survey galaxies.h5 --settings survey.json -o survey.fits --randoms randoms.fits
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of command and script."""
    parser.add_argument("catalogue", type=READS, help="of halonet galaxies or halonet mock")
    parser.add_argument(
        "--settings", type=SETTINGS, required=True, help="the survey as JSON, text or file; largest_redshift is needed"
    )
    parser.add_argument("--seed", type=SEED, default=1, help="of thinning and randoms; default: 1")
    parser.add_argument(
        "-o",
        "--survey",
        type=WRITES.or_else(lambda given: beside_alone(given.catalogue, ".survey.fits")),
        help="FITS file to write; default: beside the catalogue",
    )
    parser.add_argument(
        "--randoms",
        type=WRITES.or_else(lambda given: beside_alone(given.catalogue, ".randoms.fits")),
        help="FITS file of the randoms; default: beside the catalogue",
    )


def run(arguments: argparse.Namespace) -> None:
    """Read the catalogue, observe it, write data and randoms."""
    settings = stage_settings(SurveySettings, arguments.settings)
    if settings.density:
        outputs = [Given("--survey", Path(arguments.survey)), Given("--randoms", Path(arguments.randoms))]
        check_paths([Given("density of --settings", Path(settings.density))], outputs)
    points = read_points(arguments.catalogue)
    try:
        survey = observe_box(points, settings, arguments.seed)
    except StorageError as error:
        raise StorageError(f"{arguments.catalogue}: {error}") from None
    # Of two surveys at once one would leave its data beside the randoms of the other.
    with exclusive_outputs([arguments.survey, arguments.randoms]):
        for path, columns in ((arguments.survey, survey.data), (arguments.randoms, survey.randoms)):
            write_survey_table(path, SURVEY_COLUMNS, columns, survey.header, survey.notes)
    log.info("%s: %d observed, %d lost to collisions; %s: %d randoms", arguments.survey, survey.notes["observed"],
             survey.notes["collided"], arguments.randoms, survey.notes["randoms"])  # fmt: skip


def read_points(path: str | Path) -> HaloCatalogue | GalaxyCatalogue:
    """The galaxies or, where a file has none, the haloes of a catalogue file."""
    with open_hdf5(path) as file:
        galaxies = isinstance(file.get("galaxies"), h5py.Group)
    return read_galaxies(path) if galaxies else read_catalogue(path)
