"""Take a user's own density, and haloes or mask, as the ground truth of a box.

Every input is an HDF5 file with the root attribute ``box_size_mpc`` (comoving Mpc without h); they may be one file.
Density: dataset ``density`` (N, N, N), the linear overdensity at the output redshift. Mask: dataset ``mask`` (N, N, N),
1 where a cell ends in a halo. Haloes: group ``haloes`` with one dataset each of ``qx``, ``qy``, ``qz`` (Lagrangian
centre, Mpc) and ``radius`` (Lagrangian, Mpc), and any other column of the project's catalogues; ``mass``, ``cells``,
Eulerian positions and velocities are computed where they are missing. Without a mask, the spheres' union is the mask.
"""

import argparse
import logging
from dataclasses import replace

import numpy as np

from halonet import console
from halonet.catalogue import EULERIAN, VELOCITY, HaloCatalogue, write_catalogue
from halonet.checks.numbers import CELLS, LENGTH
from halonet.checks.parser import READS, SETTINGS, WRITES, Parser, add_override
from halonet.columns import COLUMNS
from halonet.grid.slabs import Slabs
from halonet.halo_finding.haloes import with_eulerian_columns
from halonet.halo_finding.inputs import cosmology_of
from halonet.locks import exclusive_outputs
from halonet.peak_patch.mask import halo_mask
from halonet.plausibility.density import check_against_spectrum
from halonet.plausibility.protohaloes import LEAST_CELLS, check_protohaloes
from halonet.plausibility.same_box import check_same_box
from halonet.plausibility.verdict import judge
from halonet.provenance import file_digest, provenance
from halonet.settings import CosmologySettings
from halonet.statistics.mass_function import expected_haloes
from halonet.storage import FieldHeader, field_cells, read_header, write_field
from halonet.truth_files import Box, contrast, read_own_density, read_own_haloes, read_own_mask

log = logging.getLogger("halonet")
SOURCES = ("density", "haloes", "mask")  # of which a user gives files
LEAST_CONTRAST = 0.1  # protohaloes of one standard deviation are usual; less than this is a mistake in all likelihood


def main() -> None:
    """Read the files, check them, complete what is missing and write the ground truth."""
    arguments = _arguments()
    given = {name: path for name in SOURCES if (path := getattr(arguments, f"from_{name}"))}
    headers = {path: read_header(path) for path in given.values()}
    check_same_box(headers.items())
    header = headers[arguments.from_density]
    box = _box(arguments, header)
    density = read_own_density(arguments.from_density, box)
    source, go_on = arguments.from_density, arguments.outside_validity
    check_against_spectrum(density, Slabs(box.cells), box.box_size_mpc, box.cosmology, source, go_on)
    catalogue = read_own_haloes(arguments.from_haloes, box) if arguments.from_haloes else None
    if catalogue is not None:
        expected = expected_haloes(LEAST_CELLS, box.box_size_mpc / box.cells, box.box_size_mpc, box.cosmology)
        _report_spheres(check_protohaloes(density, catalogue, arguments.from_haloes, expected, go_on))
    if arguments.from_mask:
        mask = read_own_mask(arguments.from_mask, box)
    else:
        assert catalogue is not None  # the parser asks for one of the two
        mask = halo_mask(catalogue, Slabs(box.cells))
    _report_mask(density, mask, go_on)

    values = box.cosmology.model_dump()
    record = provenance("import_ground_truth", {"cosmology": values, "files": _sources(given, headers)}, header.seed)
    record["density"] = header.provenance
    header = FieldHeader(box.box_size_mpc, box.cosmology.redshift, values, header.seed, record)
    # Of two imports at once one would leave its density beside the haloes of the other.
    with exclusive_outputs([arguments.mask, arguments.density, *filter(None, [arguments.haloes])]):
        if catalogue is not None:
            write_catalogue(arguments.haloes, _complete(catalogue, density, header, box.cosmology))
        write_field(arguments.mask, "mask", mask, header)
        write_field(arguments.density, "density", density, header, checked=True)


def _arguments() -> argparse.Namespace:
    parser = Parser(description=__doc__)
    parser.add_argument("--from-density", type=READS, required=True, help="HDF5 file with your density")
    parser.add_argument("--from-haloes", type=READS, help="HDF5 file with your Lagrangian spheres")
    parser.add_argument("--from-mask", type=READS, help="HDF5 file with your mask; default: the union of the spheres")
    parser.add_argument("--cells", type=CELLS, help="cells along a side; default: those of the density")
    parser.add_argument("--box-size", type=LENGTH, help="side of the box (Mpc); default: that of the density")
    parser.add_argument(
        "--cosmology", type=SETTINGS, help="cosmology as JSON or a JSON file; default: the density's, or the paper's"
    )
    add_override(parser, "density, spheres or mask are not what haloes of the cosmology give")
    parser.add_argument("--density", type=WRITES, required=True, help="HDF5 field to write")
    parser.add_argument("--haloes", type=WRITES, help="HDF5 catalogue to write; needed with --from-haloes")
    parser.add_argument("--mask", type=WRITES, required=True, help="HDF5 mask to write")
    arguments = parser.parse_args()
    if not (arguments.from_haloes or arguments.from_mask):
        parser.error("--from-haloes or --from-mask is needed: the truth is at least one of them")
    if bool(arguments.from_haloes) != bool(arguments.haloes):
        parser.error("--from-haloes and --haloes go together: a mask alone has no catalogue")
    return arguments


def _box(arguments: argparse.Namespace, header: FieldHeader) -> Box:
    cells = field_cells(arguments.from_density, "density") if arguments.cells is None else arguments.cells
    box_size = header.box_size_mpc if arguments.box_size is None else arguments.box_size
    return Box(cells, box_size, cosmology_of(arguments.cosmology, {arguments.from_density: header}))


def _sources(given: dict[str, str], headers: dict[str, FieldHeader]) -> dict:
    """Where everything came from, and what the user's files say about themselves."""
    return {
        name: {"path": path, "digest": file_digest(path), "provenance": headers[path].provenance}
        for name, path in given.items()
    }


def _report_spheres(within: float | None) -> None:
    if within is None:
        log.info("too few spheres of at least %g cells to tell whether they are where haloes collapse", LEAST_CELLS)
    else:
        log.info("within the spheres the linear overdensity is %.2f (median)", within)


def _report_mask(density: np.ndarray, mask: np.ndarray, go_on: bool) -> None:
    higher = contrast(density, mask)
    log.info("%.1f%% of the cells end in haloes; they are denser by %.2f deviations", 100 * mask.mean(), higher)
    if higher < LEAST_CONTRAST:
        judge(
            f"the mask covers {mask.mean():.1%} of the cells, which are denser than the others by {higher:.2f} "
            f"deviations only (haloes: {LEAST_CONTRAST:g} or more): it must be of the same box as the density, in "
            "Lagrangian space, in the order [x, y, z]",
            go_on,
        )


def _complete(
    catalogue: HaloCatalogue, density: np.ndarray, header: FieldHeader, cosmology: CosmologySettings
) -> HaloCatalogue:
    """Catalogue with Eulerian positions and velocities, those given kept, and a note of what is absent."""
    given = set(catalogue.columns)
    if not {*EULERIAN, *VELOCITY} <= given:
        moved = with_eulerian_columns(catalogue, density, cosmology, cosmology.redshift)
        catalogue = replace(catalogue, columns=moved.columns | catalogue.columns)
    absent = [name for name in COLUMNS if name not in catalogue.columns]
    log.info("%d haloes; columns that are absent: %s", len(catalogue), ", ".join(absent) or "none")
    return replace(catalogue, header=header, notes={"absent_columns": absent})


if __name__ == "__main__":
    console.run(main)
