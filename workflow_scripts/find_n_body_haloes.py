"""Find the friends-of-friends haloes of a simulation's particles: catalogue, mask, and the halo of every cell.

A cell of the initial density is in the mask if the particle that started there ends in a halo. Owners are the row of
that halo in the catalogue, -1 outside of all. Runs on one process, or on several under mpiexec; the files have the same
bytes for any number of ranks.
"""

import logging
from contextlib import nullcontext

import numpy as np

from halonet import console, heap
from halonet.catalogue import write_catalogue
from halonet.checks.numbers import COUNT
from halonet.checks.parser import READS, SETTINGS, WRITES, Parser
from halonet.friends_of_friends.haloes import find_haloes
from halonet.grid.slabs import Slabs
from halonet.locks import exclusive_outputs
from halonet.mpi import world
from halonet.owners import write_owners
from halonet.particles import particle_cells, read_particles
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
    parser.add_argument("--ranks", type=COUNT, help="number of MPI ranks; checked against the world that was launched")
    arguments = parser.parse_args()
    heap.map_arrays()
    settings = stage_settings(NBodySettings, arguments.settings)
    slabs = Slabs(particle_cells(arguments.particles), world(arguments.ranks))
    if slabs.rank:
        log.setLevel(logging.WARNING)
    particles = read_particles(arguments.particles, slabs.start, slabs.stop)
    source = particles.header
    cosmology = validate(CosmologySettings, source.cosmology, arguments.particles)
    made = provenance("friends_of_friends", settings.model_dump(include=DECIDING), source.seed)
    made["particles"] = source.provenance
    header = FieldHeader(source.box_size_mpc, source.redshift, source.cosmology, source.seed, made)
    haloes, owners = find_haloes(
        particles, cosmology, settings, header, finished=lambda phase: log.info("%s done", phase), slabs=slabs
    )  # fmt: skip
    first, outputs = slabs.rank == 0, [arguments.owners, arguments.mask, arguments.haloes]
    # Of two searches at once one would leave its mask beside the haloes of the other.
    with exclusive_outputs(outputs) if first else nullcontext():
        write_owners(arguments.owners, owners, header, slabs)
        write_field(arguments.mask, "mask", (owners >= 0).astype(np.uint8), header, slabs)
        if first:
            write_catalogue(arguments.haloes, haloes)
    log.info("%d haloes, %.1f%% of the mass", len(haloes), 100 * float(haloes["cells"].sum()) / slabs.cells**3)


if __name__ == "__main__":
    console.run(main)
