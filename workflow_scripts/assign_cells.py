"""Find the halo every cell of a box belongs to: what a network with heads learns from."""

from halonet import console
from halonet.catalogue import read_catalogue
from halonet.checks.parser import READS, WRITES, Parser
from halonet.dataset.targets import find_membership, membership_of_owners, write_membership
from halonet.owners import NO_HALO, read_owners


def main() -> None:
    """Parse the command line, find the haloes of the cells and write them."""
    parser = Parser(description=__doc__)
    parser.add_argument("--haloes", type=READS, required=True, help="catalogue of the true haloes of the box")
    parser.add_argument("--owners", type=READS, help="halo of every cell of the same box; default: by spheres")
    parser.add_argument("--targets", type=WRITES, required=True, help="HDF5 file to write")
    arguments = parser.parse_args()
    haloes = read_catalogue(arguments.haloes)
    if arguments.owners:
        owners = read_owners(arguments.owners, len(haloes), haloes.header.provenance)
        membership = membership_of_owners(haloes, owners)
    else:
        membership = find_membership(haloes)
    write_membership(arguments.targets, membership, haloes)
    console.log.info("%.1f%% of the cells in %d haloes", 100 * (membership.rows != NO_HALO).mean(), len(haloes))


if __name__ == "__main__":
    console.run(main)
