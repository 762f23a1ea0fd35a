"""Draw the linear density of a periodic box from a seed; the same bytes for any number of MPI ranks."""

import argparse

from halonet import console
from halonet.cosmology import read_power_spectrum
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.density import linear_density
from halonet.initial_conditions.noise import derived_seed
from halonet.mpi import world
from halonet.provenance import provenance
from halonet.settings import CosmologySettings, stage_settings
from halonet.storage import FieldHeader, write_field


def main() -> None:
    """Parse the command line, draw the density and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--power-spectrum", required=True, help="CSV with k_per_mpc and power_mpc3 at z = 0")
    parser.add_argument("--cosmology", help="cosmology as JSON; default: the paper's")
    parser.add_argument("--cells", type=int, required=True, help="cells along a side")
    parser.add_argument("--box-size", type=float, required=True, help="side of the box (Mpc)")
    parser.add_argument("--seed", type=int, required=True, help="master seed of the run")
    parser.add_argument("--box", type=int, default=0, help="index of the box, which derives its own seed")
    parser.add_argument("--ranks", type=int, help="refuse to run with another number of MPI ranks")
    parser.add_argument("--threads", type=int, default=1, help="threads of each rank")
    parser.add_argument("--density", required=True, help="HDF5 file to write")
    arguments = parser.parse_args()

    slabs = Slabs(arguments.cells, world(arguments.ranks), arguments.threads)
    cosmology = stage_settings(CosmologySettings, arguments.cosmology)
    k, power = read_power_spectrum(arguments.power_spectrum)
    seed = derived_seed(arguments.seed, "box", arguments.box)
    density = linear_density(slabs, seed, arguments.box_size, k, power, cosmology)
    values = cosmology.model_dump()
    record = provenance("density", {"cosmology": values, "cells": arguments.cells}, seed)
    header = FieldHeader(arguments.box_size, cosmology.redshift, values, seed, record)
    write_field(arguments.density, "density", density, header, slabs)


if __name__ == "__main__":
    console.run(main)
