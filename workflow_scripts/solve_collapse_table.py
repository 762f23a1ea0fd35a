"""Solve the ellipsoidal collapse table of a cosmology, or take it from the user's cache if it was solved before."""

from halonet import console
from halonet.checks.parser import SETTINGS, WRITES, Parser
from halonet.mpi import world
from halonet.peak_patch.collapse import write_collapse_table
from halonet.peak_patch.kept_tables import kept_collapse_table
from halonet.provenance import provenance
from halonet.settings import CosmologySettings, PeakPatchSettings, stage_settings


def main() -> None:
    """Parse the command line, solve the table and write it."""
    parser = Parser(description=__doc__)
    parser.add_argument("--cosmology", type=SETTINGS, help="cosmology as JSON or a JSON file; default: the paper's")
    parser.add_argument(
        "--settings", type=SETTINGS, help="Peak Patch settings as JSON or a JSON file; default: the paper's"
    )
    parser.add_argument("--output", type=WRITES, required=True, help="HDF5 file to write")
    arguments = parser.parse_args()

    cosmology = stage_settings(CosmologySettings, arguments.cosmology)
    kind = stage_settings(PeakPatchSettings, arguments.settings).collapse_table
    communicator = world()
    table = kept_collapse_table(cosmology, kind, communicator)
    if communicator is None or communicator.rank == 0:
        record = provenance("collapse_table", {"cosmology": cosmology.model_dump(), "collapse_table": kind})
        write_collapse_table(arguments.output, table, record)


if __name__ == "__main__":
    console.run(main)
