"""Draw a mock: slices before and after its haloes have moved, and its mass function beside Tinker et al. 2008."""

import argparse

from halonet import console
from halonet.catalogue import EULERIAN, read_catalogue
from halonet.checks.names import beside_alone
from halonet.checks.parser import READS_PATH, WRITES_FIGURE
from halonet.figures.mocks import draw_mock
from halonet.figures.style import save
from halonet.halo_finding.inputs import cosmology_of
from halonet.kept_spectra import kept_power_spectrum
from halonet.statistics.mass_function import tinker_abundance
from halonet.storage import StorageError
from halonet.tiles_of_universes import check_whole

EXAMPLES = """\
  halonet show mock.h5                            writes mock.png and mock.pdf
  halonet show mock.h5 --figure pictures/mine     writes pictures/mine.png and .pdf
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of command and script."""
    parser.add_argument("haloes", type=READS_PATH, help="catalogue of halonet mock")
    parser.add_argument(
        "-o",
        "--figure",
        type=WRITES_FIGURE.or_else(lambda given: beside_alone(given.haloes, "")),
        help="name without ending; default: that of the catalogue",
    )


def run(arguments: argparse.Namespace) -> None:
    """Read the catalogue, draw and save."""
    haloes = read_catalogue(arguments.haloes)
    check_whole(haloes, arguments.haloes)
    if missing := set(EULERIAN) - set(haloes.columns):
        raise StorageError(
            f"{arguments.haloes}: columns {', '.join(sorted(missing))} are missing, the haloes' positions"
        )
    cosmology = cosmology_of(None, {arguments.haloes: haloes.header})
    spectrum = kept_power_spectrum(cosmology)
    drawing = draw_mock(haloes, *tinker_abundance(cosmology, cosmology.redshift, *spectrum))
    save(drawing.figure, arguments.figure.parent, arguments.figure.name)
    console.log.info("%s.png: %s", arguments.figure, drawing.caption)
