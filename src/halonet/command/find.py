"""Find haloes in a predicted probability field; with its density, also move them to their Eulerian positions.

Works on a file of your own: HDF5 with the dataset `probability` (N, N, N) and the root attribute `box_size_mpc`. A
thresholds file says which finder it was calibrated for: that finder, with the file's constants, is used, unless
`--settings` names another.
"""

import argparse
from dataclasses import replace

from halonet import console
from halonet.catalogue import write_catalogue
from halonet.checks.parser import NETWORK, READS, SETTINGS, WRITES, add_override
from halonet.grid.slabs import Slabs
from halonet.halo_finding.finder import Finder, finder_of
from halonet.halo_finding.haloes import to_catalogue
from halonet.halo_finding.inputs import cosmology_of, read_centres_of, read_density_of, read_probability
from halonet.head_fields import read_heads
from halonet.mocks.moving import check_displacement, move_haloes
from halonet.network.shipped import find_network, shipped_network
from halonet.plausibility.density import check_against_spectrum
from halonet.plausibility.protohaloes import check_same_field
from halonet.plausibility.same_box import check_headers
from halonet.provenance import provenance, with_assumptions
from halonet.settings import HaloFindingSettings, SettingsError, stage_settings

EXAMPLES = """\
  halonet find --probability probability.h5 --density field.h5 --network n-body -o haloes.h5
  halonet find --probability probability.h5 --thresholds thresholds.json -o haloes.h5
  halonet find --probability probability.h5 -o haloes.h5                the paper's finder
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of command and script."""
    parser.add_argument("--probability", type=READS, required=True, help="HDF5 file with the dataset probability")
    parser.add_argument(
        "--density", type=READS, help="linear density of the same box; without it there are no Eulerian columns"
    )
    calibrated = parser.add_mutually_exclusive_group()
    calibrated.add_argument(
        "--thresholds", type=READS, help="JSON file of calibrate_thresholds.py, with the finder it was calibrated for"
    )
    calibrated.add_argument(
        "--network",
        type=NETWORK.or_name(shipped_network),
        help="folder or name of the network that predicted: its thresholds.json",
    )
    parser.add_argument(
        "--settings",
        type=SETTINGS,
        help="halo_finding settings as JSON; default: those of the thresholds, without these the paper's",
    )
    parser.add_argument(
        "--cosmology", type=SETTINGS, help="cosmology as JSON; default: the file's own, else the paper's"
    )
    add_override(parser, "the density is not what its cosmology and redshift give, or not that of the haloes")
    parser.add_argument(
        "--known-centres", type=READS, help="diagnostic: grow haloes from the centres of this catalogue instead"
    )
    parser.add_argument("-o", "--haloes", type=WRITES, required=True, help="catalogue to write (HDF5)")


def finder_for(arguments: argparse.Namespace) -> Finder:
    """Finder of a command line: that of the settings, else the one its thresholds belong to, else the paper's."""
    thresholds = arguments.thresholds
    if arguments.network:
        thresholds = find_network(arguments.network) / "thresholds.json"
        if not thresholds.is_file():
            raise SettingsError(f"{thresholds}: the network has no calibrated finder; name one with --settings")
    if arguments.settings or thresholds is None:
        return Finder(stage_settings(HaloFindingSettings, arguments.settings), thresholds)
    return Finder(finder_of(thresholds), thresholds)


def run(arguments: argparse.Namespace) -> None:
    """Find haloes and write their catalogue."""
    finder = finder_for(arguments)
    settings = finder.settings
    probability, header = read_probability(arguments.probability)
    heads = read_heads(arguments.probability) if finder.heads else None
    headers = {"probability": header}
    if arguments.density:
        density, own = read_density_of(arguments.density, probability, header)
        headers["density"] = own
    others = [path for path in (arguments.density, arguments.known_centres) if path]
    check_headers(others, arguments.probability)
    cosmology = cosmology_of(arguments.cosmology, {getattr(arguments, name): each for name, each in headers.items()})
    redshift = next((h.redshift for h in reversed(headers.values()) if h.redshift is not None), cosmology.redshift)
    if cosmology.redshift not in (0, redshift):
        raise SettingsError(f"--cosmology: redshift = {cosmology.redshift:g}, but the files have {redshift:g}")
    at_redshift = cosmology.model_copy(update={"redshift": redshift})
    if arguments.density:
        check_displacement(settings.displacement, at_redshift, len(density))
        box = (Slabs(len(density)), header.box_size_mpc, at_redshift)
        check_against_spectrum(density, *box, arguments.density, arguments.outside_validity)

    known = arguments.known_centres
    found = finder.find(probability, heads, read_centres_of(known, probability, header) if known else None)

    record = provenance("halo_finding", settings.model_dump() | {"in_force": finder.in_force}, header.seed)
    record |= {name: each.provenance for name, each in headers.items()}
    header = replace(header, redshift=redshift, cosmology=at_redshift.model_dump(), provenance=record)
    catalogue = to_catalogue(found, len(probability), header, at_redshift, settings.minimum_cells)
    if arguments.density:
        check_same_field(density, catalogue, f"haloes of {arguments.probability}", arguments.outside_validity)
        catalogue = replace(catalogue, header=replace(header, provenance=with_assumptions(record)))
        catalogue = move_haloes(catalogue, density, at_redshift, settings.displacement)
    write_catalogue(arguments.haloes, catalogue)
    console.log.info("%d haloes, %d of at least 100 cells", len(catalogue), len(catalogue.larger_than(100)))
