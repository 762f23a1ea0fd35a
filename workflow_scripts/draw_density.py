"""Draw the linear density of a periodic box from a seed or given phases; the same bytes for any number of MPI ranks."""

from halonet import console
from halonet.checks.numbers import CELLS, COUNT, INDEX, LENGTH, SEED, THREADS
from halonet.checks.parser import PHASES, READS, SETTINGS, WRITES, Parser, add_override
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.density import linear_density, linear_density_of
from halonet.initial_conditions.noise import derived_seed
from halonet.initial_conditions.phases import open_phases
from halonet.mpi import world
from halonet.plausibility.spectrum import read_checked_spectrum
from halonet.provenance import provenance
from halonet.settings import CosmologySettings, stage_settings
from halonet.storage import FieldHeader, write_field


def main() -> None:
    """Parse the command line, draw the density and write it."""
    parser = Parser(description=__doc__)
    parser.add_argument(
        "--power-spectrum", type=READS, required=True, help="CSV with k_per_mpc and power_mpc3 at z = 0"
    )
    parser.add_argument("--cosmology", type=SETTINGS, help="cosmology as JSON; default: the paper's")
    add_override(parser, "the spectrum has another sigma8 than the cosmology, or phases are not white")
    parser.add_argument("--cells", type=CELLS, required=True, help="cells along a side")
    parser.add_argument("--box-size", type=LENGTH, required=True, help="side of the box (Mpc)")
    origin = parser.add_mutually_exclusive_group(required=True)
    origin.add_argument("--seed", type=SEED, help="master seed of the run")
    origin.add_argument(
        "--phases",
        type=PHASES,
        metavar="FILE[:DATASET]",
        help="white noise of another generator instead: numpy, HDF5, GRAFIC or MUSIC",
    )
    parser.add_argument("--box", type=INDEX, default=0, help="index of the box, which derives its own seed")
    parser.add_argument("--ranks", type=COUNT, help="refuse to run with another number of MPI ranks")
    parser.add_argument("--threads", type=THREADS, default=1, help="threads of each rank")
    parser.add_argument("--density", type=WRITES, required=True, help="HDF5 file to write")
    arguments = parser.parse_args()

    slabs = Slabs(arguments.cells, world(arguments.ranks), arguments.threads)
    cosmology = stage_settings(CosmologySettings, arguments.cosmology)
    k, power = read_checked_spectrum(arguments.power_spectrum, cosmology, arguments.outside_validity)
    values, seed = cosmology.model_dump(), None
    settings = {"cosmology": values, "cells": arguments.cells}
    if arguments.phases is None:
        seed = derived_seed(arguments.seed, "box", arguments.box)
        density = linear_density(slabs, seed, arguments.box_size, k, power, cosmology)
    else:
        phases = open_phases(arguments.phases)
        settings["phases"] = phases.digest()
        noise, given = phases.planes_of(slabs), (arguments.box_size, k, power, cosmology)
        density = linear_density_of(slabs, noise, *given, phases.source, arguments.outside_validity)
    record = provenance("density", settings, seed)
    header = FieldHeader(arguments.box_size, cosmology.redshift, values, seed, record)
    write_field(arguments.density, "density", density, header, slabs)


if __name__ == "__main__":
    console.run(main)
