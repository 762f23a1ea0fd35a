"""Remap the masses of mocks so that all of them together follow the mass function of Tinker et al. 2008.

One table serves all catalogues, so that each keeps its own scatter about the mean.
"""

import argparse

from halonet.catalogue import read_catalogue, write_catalogue
from halonet.checks.parser import READS, WRITES, add_override
from halonet.cosmology import read_power_spectrum
from halonet.mocks.abundance_matching import MatchingError
from halonet.mocks.matched import match_abundance

EXAMPLES = """\
  halonet match-abundance --haloes 1.h5 2.h5 --matched matched_1.h5 matched_2.h5
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of command and script."""
    parser.add_argument(
        "--haloes", type=READS, nargs="+", required=True, help="catalogues of halonet mock, of one cosmology"
    )
    parser.add_argument(
        "--matched", type=WRITES, nargs="+", required=True, help="catalogues to write, in the same order"
    )
    add_override(parser, "the spectrum has another sigma8 than the cosmology")
    parser.add_argument(
        "--power-spectrum", type=READS, help="linear power spectrum at z = 0 (CSV); default: computed by CAMB"
    )


def run(arguments: argparse.Namespace) -> None:
    """Make the table from all catalogues and write each with its masses."""
    if len(arguments.haloes) != len(arguments.matched):
        raise MatchingError(
            f"--haloes names {len(arguments.haloes)} files and --matched {len(arguments.matched)}; each needs its own"
        )
    catalogues = [read_catalogue(path) for path in arguments.haloes]
    spectrum = read_power_spectrum(arguments.power_spectrum) if arguments.power_spectrum else None
    matched = match_abundance(catalogues, arguments.haloes, spectrum, arguments.outside_validity)
    for path, haloes in zip(arguments.matched, matched, strict=True):
        write_catalogue(path, haloes)
