"""Find the friends-of-friends haloes of a simulation's particles: catalogue, mask, and the halo of every cell.

A cell of the initial density is in the mask if the particle that started there ends in a halo. Owners are the row of
that halo in the catalogue, -1 outside of all.
"""

import logging

import numpy as np

from halonet import console
from halonet.catalogue import write_catalogue
from halonet.checks.parser import READS, SETTINGS, WRITES, Parser
from halonet.friends_of_friends.haloes import find_haloes
from halonet.locks import exclusive_outputs
from halonet.owners import write_owners
from halonet.particles import read_particles
from halonet.provenance import provenance
from halonet.settings import CosmologySettings, NBodySettings, stage_settings, validate
from halonet.storage import FieldHeader, write_field

log = logging.getLogger("halonet")
DECIDING = {"linking_length", "minimum_cells"}  # settings that decide the haloes


def main() -> None:
    """Parse the command line, find the haloes and write them."""
    parser = Parser(description=__doc__)
    parser.add_argument("--particles", type=READS, required=True, help="HDF5 file of simulate_n_body.py")
    parser.add_argument("--settings", type=SETTINGS, help="N-body settings as JSON or a JSON file")
    parser.add_argument("--haloes", type=WRITES, required=True, help="HDF5 catalogue to write")
    parser.add_argument("--mask", type=WRITES, required=True, help="HDF5 mask to write")
    parser.add_argument("--owners", type=WRITES, required=True, help="HDF5 file of the halo of every cell to write")
    arguments = parser.parse_args()
    settings = stage_settings(NBodySettings, arguments.settings)
    particles = read_particles(arguments.particles)
    source = particles.header
    cosmology = validate(CosmologySettings, source.cosmology, arguments.particles)
    made = provenance("friends_of_friends", settings.model_dump(include=DECIDING), source.seed)
    made["particles"] = source.provenance
    header = FieldHeader(source.box_size_mpc, source.redshift, source.cosmology, source.seed, made)
    haloes, owners = find_haloes(
        particles, cosmology, settings, header, finished=lambda phase: log.info("%s done", phase)
    )  # fmt: skip
    # Of two searches at once one would leave its mask beside the haloes of the other.
    with exclusive_outputs([arguments.owners, arguments.mask, arguments.haloes]):
        write_owners(arguments.owners, owners, header)
        write_field(arguments.mask, "mask", (owners >= 0).astype(np.uint8), header)
        write_catalogue(arguments.haloes, haloes)
    log.info("%d haloes, %.1f%% of the mass", len(haloes), 100 * float((owners >= 0).mean()))


if __name__ == "__main__":
    console.run(main)
