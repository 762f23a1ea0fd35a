"""Find haloes in a predicted probability field; with its density, also move them to their Eulerian places.

Works on a file of your own: HDF5 with the dataset `probability` (N, N, N) and the root attribute `box_size_mpc`.
"""

import argparse
from dataclasses import replace

from halonet import console
from halonet.catalogue import write_catalogue
from halonet.halo_finding.finder import Finder
from halonet.halo_finding.haloes import to_catalogue, with_eulerian_columns
from halonet.halo_finding.inputs import cosmology_of, read_centres_of, read_density_of, read_probability
from halonet.head_fields import read_heads
from halonet.provenance import provenance
from halonet.settings import HaloFindingSettings, stage_settings


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--probability", required=True, help="HDF5 file with the dataset probability")
    parser.add_argument("--density", help="linear density of the same box; without it there are no Eulerian columns")
    parser.add_argument("--thresholds", help="JSON file of calibrate_thresholds.py, where the settings ask for it")
    parser.add_argument("--settings", help="halo_finding settings as JSON; default: the paper's")
    parser.add_argument("--cosmology", help="cosmology as JSON; default: the file's own, else the paper's")
    parser.add_argument("--known-centres", help="diagnostic: grow haloes from the centres of this catalogue instead")
    parser.add_argument("--haloes", required=True, help="catalogue to write (HDF5)")
    return parser.parse_args()


def main() -> None:
    """Find haloes and write their catalogue."""
    arguments = parse()
    settings = stage_settings(HaloFindingSettings, arguments.settings)
    finder = Finder(settings, arguments.thresholds)
    probability, header = read_probability(arguments.probability)
    heads = read_heads(arguments.probability) if finder.heads else None
    headers = [header]
    if arguments.density:
        density, own = read_density_of(arguments.density, probability, header)
        headers.append(own)
    cosmology = cosmology_of(arguments.cosmology, *headers)
    redshift = next((h.redshift for h in reversed(headers) if h.redshift is not None), cosmology.redshift)

    known = arguments.known_centres
    found = finder.find(probability, heads, read_centres_of(known, probability, header) if known else None)

    record = provenance("halo_finding", settings.model_dump() | {"in_force": finder.in_force}, header.seed)
    header = replace(header, redshift=redshift, cosmology=cosmology.model_dump(), provenance=record)
    catalogue = to_catalogue(found, len(probability), header, cosmology, settings.minimum_cells)
    if arguments.density:
        catalogue = with_eulerian_columns(catalogue, density, cosmology, redshift)
    write_catalogue(arguments.haloes, catalogue)
    console.log.info("%d haloes, %d of at least 100 cells", len(catalogue), len(catalogue.larger_than(100)))


if __name__ == "__main__":
    console.run(main)
