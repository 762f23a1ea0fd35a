"""Write the particles of a simulation in the HDF5 layout of Gadget; docs/exporting.md says what the file holds."""

import argparse

from halonet import console
from halonet.export.gadget import write_gadget


def main() -> None:
    """Read a file of particles and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("particles", help="HDF5 file of simulate_n_body.py, kept by ground_truth.n_body.keep_particles")
    parser.add_argument("--output", required=True, help="HDF5 file to write")
    arguments = parser.parse_args()
    console.log.info("%s written", write_gadget(arguments.output, arguments.particles))


if __name__ == "__main__":
    console.run(main)
