"""Write the particles of a simulation in the HDF5 layout of Gadget; docs/exporting.md says what the file holds."""

from halonet import console
from halonet.checks.parser import READS, WRITES, Parser
from halonet.export.gadget import write_gadget


def main() -> None:
    """Read a file of particles and write it."""
    parser = Parser(description=__doc__)
    parser.add_argument(
        "particles", type=READS, help="HDF5 file of simulate_n_body.py, kept by ground_truth.n_body.keep_particles"
    )
    parser.add_argument("--output", type=WRITES, required=True, help="HDF5 file to write")
    arguments = parser.parse_args()
    console.log.info("%s written", write_gadget(arguments.output, arguments.particles))


if __name__ == "__main__":
    console.run(main)
