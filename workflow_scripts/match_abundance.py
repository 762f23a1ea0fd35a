"""Remap the masses of mocks so that all of them together follow the mass function of Tinker et al. 2008.

One table serves all catalogues, so that each keeps its own scatter about the mean.
"""

import argparse

from halonet import console
from halonet.catalogue import read_catalogue, write_catalogue
from halonet.cosmology import compute_power_spectrum, read_power_spectrum
from halonet.halo_finding.inputs import cosmology_of
from halonet.mocks.abundance_matching import MatchingError, mass_table, with_matched_masses
from halonet.statistics.mass_function import tinker_abundance


def main() -> None:
    """Parse the command line, make the table from all catalogues and write each with its masses."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--haloes", nargs="+", required=True, help="catalogues of make_mock.py")
    parser.add_argument("--matched", nargs="+", required=True, help="catalogues to write, in the same order")
    parser.add_argument("--power-spectrum", help="linear power spectrum at z = 0 (CSV); default: computed by CAMB")
    arguments = parser.parse_args()
    if len(arguments.haloes) != len(arguments.matched):
        raise MatchingError(
            f"--haloes names {len(arguments.haloes)} files and --matched {len(arguments.matched)}; each needs its own"
        )
    catalogues = [read_catalogue(path) for path in arguments.haloes]
    for path, haloes in zip(arguments.haloes, catalogues, strict=True):
        if haloes.header.cosmology != catalogues[0].header.cosmology:
            raise MatchingError(f"{path}: another cosmology than {arguments.haloes[0]}; one table cannot serve both")
        if "abundance_matching" in haloes.notes:
            raise MatchingError(f"{path}: its masses are matched already; give the catalogue as found")
    cosmology = cosmology_of(None, catalogues[0].header)
    given = arguments.power_spectrum
    spectrum = read_power_spectrum(given) if given else compute_power_spectrum(cosmology)
    table = mass_table(catalogues, *tinker_abundance(cosmology, cosmology.redshift, *spectrum))
    for path, haloes in zip(arguments.matched, catalogues, strict=True):
        write_catalogue(path, with_matched_masses(haloes, table, "tinker_2008"))


if __name__ == "__main__":
    console.run(main)
