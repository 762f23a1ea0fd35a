"""Write one phase sample as a linear density of the pipeline, on the inference's grid or a finer one.

On a finer grid the modes beyond those of the inference are random, from the master seed and the sample's index. Peak
Patch, a trained network and the halo finder take the file as that of any other box.
"""

import argparse

from halonet import console
from halonet.checks.numbers import CELLS, INDEX, SEED
from halonet.checks.parser import READS, SETTINGS, WRITES, Parser
from halonet.initial_conditions.noise import derived_seed, generator
from halonet.provenance import provenance
from halonet.settings import FieldLevelSettings, stage_settings
from halonet.storage import FieldHeader, write_field


def main() -> None:
    """Parse the command line, pick the sample and write its density."""
    parser = Parser(description=__doc__)
    parser.add_argument("--inputs", type=READS, required=True, help="HDF5 file of prepare_field_level.py")
    parser.add_argument("--chains", type=READS, nargs="+", required=True, help="HDF5 files of sample_field_level.py")
    parser.add_argument("--settings", type=SETTINGS, help="settings of field-level inference as JSON")
    parser.add_argument("--seed", type=SEED, required=True, help="master seed of the run")
    parser.add_argument(
        "--sample", type=INDEX, default=0, help="index of the constrained box, which derives its own seed"
    )
    parser.add_argument("--cells", type=CELLS, help="cells along a side; default: those of the inference")
    parser.add_argument("--density", type=WRITES, required=True, help="HDF5 file to write")
    arguments = parser.parse_args()
    write(arguments, stage_settings(FieldLevelSettings, arguments.settings))


def write(arguments: argparse.Namespace, settings: FieldLevelSettings) -> None:
    """Write with validated settings."""
    import tensorflow as tf

    from halonet.field_level.constrained import constrained_density
    from halonet.field_level.data import read_data
    from halonet.field_level.results import kept_samples, read_chains

    data = read_data(arguments.inputs)
    phases, _ = kept_samples(read_chains(arguments.chains))
    pick = int(generator(arguments.seed, "field level constrained", arguments.sample).integers(len(phases)))
    sampled = data.gravity(settings).linear_density(tf.constant(phases[pick], tf.float64)).numpy()
    cells, box_size, cosmology = arguments.cells or settings.cells, data.inputs.box_size, data.cosmology
    seed = derived_seed(arguments.seed, "constrained box", arguments.sample)
    density = constrained_density(sampled, cells, box_size, seed, (data.k, data.power), cosmology)
    values = cosmology.model_dump()
    made = {"cosmology": values, "cells": cells, "field_level": settings.model_dump(), "phase_sample": pick}
    header = FieldHeader(box_size, cosmology.redshift, values, seed, provenance("constrained density", made, seed))
    write_field(arguments.density, "density", density, header)
    console.log.info("phase sample %d of %d on %d^3 cells", pick, len(phases), cells)


if __name__ == "__main__":
    console.run(main)
