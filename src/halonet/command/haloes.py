"""Find the Peak Patch haloes of a periodic density field and write their catalogue and mask.

The field is any HDF5 file with a cubic dataset ``density`` (linear overdensity at its redshift) and the root attribute
``box_size_mpc``; its attributes ``redshift`` and ``cosmology`` are used where present. Runs with or without
``mpiexec``; the files are the same for any number of ranks.
"""

import argparse
import logging

from halonet import console
from halonet.catalogue import write_catalogue
from halonet.checks.numbers import COUNT, THREADS
from halonet.checks.parser import READS, SETTINGS, WRITES, add_override
from halonet.cosmology import cosmology_of
from halonet.grid.slabs import Slabs
from halonet.locks import exclusive_outputs
from halonet.mocks.by_peak_patch import fitting_settings
from halonet.mocks.expected_number import checked_patches
from halonet.mpi import world
from halonet.peak_patch.collapse import read_collapse_table
from halonet.peak_patch.finder import find_haloes
from halonet.peak_patch.kept_tables import kept_collapse_table
from halonet.peak_patch.mask import halo_mask
from halonet.peak_patch.steps import SILENT, Progress
from halonet.plausibility.density import check_against_spectrum
from halonet.provenance import provenance
from halonet.settings import PeakPatchSettings, stage_settings
from halonet.storage import FieldHeader, field_cells, read_field, read_header, write_field

log = logging.getLogger("halonet")
EXAMPLES = """\
  halonet haloes --density field.h5 -o haloes.h5
  halonet haloes --density field.h5 -o haloes.h5 --mask mask.h5 --settings '{"collapse_table": "fine"}'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of command and script."""
    parser.add_argument("--density", type=READS, required=True, help="HDF5 file with the density field")
    parser.add_argument("-o", "--haloes", type=WRITES, required=True, help="HDF5 catalogue to write")
    parser.add_argument("--mask", type=WRITES, help="HDF5 mask to write, 1 where a cell is in a halo; default: none")
    parser.add_argument(
        "--settings",
        type=SETTINGS,
        help="Peak Patch settings as JSON or a JSON file; default: the paper's, with filters that fit the box",
    )
    parser.add_argument(
        "--cosmology", type=SETTINGS, help="cosmology as JSON or a JSON file; default: the field's, or the paper's"
    )
    add_override(parser, "density or number of haloes are not what cosmology and redshift give")
    parser.add_argument("--collapse-table", type=READS, help="table of solve_collapse_table.py; default: solved once")
    parser.add_argument("--ranks", type=COUNT, help="refuse to run with another number of MPI ranks")
    parser.add_argument(
        "--threads", type=THREADS, default=1, help="threads of each rank's Fourier transforms; default: 1"
    )


def run(arguments: argparse.Namespace) -> None:
    """Find the haloes and write them."""
    header = read_header(arguments.density)
    settings = fitting_settings(header.box_size_mpc, stage_settings(PeakPatchSettings, arguments.settings))
    cosmology = cosmology_of(header, arguments.cosmology, arguments.density)
    slabs = Slabs(field_cells(arguments.density, "density"), world(arguments.ranks), arguments.threads)
    density = read_field(arguments.density, "density", slabs.start, slabs.stop)
    check_against_spectrum(
        density, slabs, header.box_size_mpc, cosmology, arguments.density, arguments.outside_validity
    )
    if arguments.collapse_table:
        table = read_collapse_table(arguments.collapse_table, cosmology, settings.collapse_table)
    else:
        table = kept_collapse_table(cosmology, settings.collapse_table, slabs.communicator)
    record = provenance("peak_patch", settings.model_dump(), header.seed) | {"density": header.provenance}
    header = FieldHeader(header.box_size_mpc, cosmology.redshift, cosmology.model_dump(), header.seed, record)
    told = Progress(lambda filters: console.progress(filters, "filters"), lambda phase: log.info("%s done", phase))
    cell_size, progress = header.box_size_mpc / slabs.cells, SILENT if slabs.rank else told
    haloes = find_haloes(density, slabs, cell_size, cosmology, settings, table, header, progress)
    if slabs.rank == 0:  # which writes
        haloes = checked_patches(haloes, settings, cosmology, str(arguments.density), arguments.outside_validity)
        header = haloes.header
    # Of two searches at once one would leave its mask beside the haloes of the other.
    with exclusive_outputs([arguments.haloes, arguments.mask] if arguments.mask and slabs.rank == 0 else []):
        if arguments.mask:
            write_field(arguments.mask, "mask", halo_mask(haloes, slabs), header, slabs)
        if slabs.rank == 0:
            write_catalogue(arguments.haloes, haloes)
    if slabs.rank == 0:
        log.info("%d haloes of at least %g cells", len(haloes), settings.minimum_cells)
