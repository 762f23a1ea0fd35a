"""Prepare the data of field-level inference: haloes on the grid of the phases, and the linear power spectrum.

The haloes are a catalogue of this project (--haloes) or a user's table with declared units (--table, CSV or HDF5, with
--box-size). A linear density (--truth) is what the inference is compared with; it constrains nothing.
"""

import argparse

from halonet import console
from halonet.catalogue import read_catalogue
from halonet.checks.numbers import LENGTH, SEED
from halonet.checks.parser import READS, SETTINGS, WRITES, Parser, add_override
from halonet.cosmology import cosmology_of
from halonet.plausibility.protohaloes import check_same_field
from halonet.plausibility.same_box import check_headers
from halonet.plausibility.spectrum import read_checked_spectrum
from halonet.provenance import provenance
from halonet.settings import CosmologySettings, FieldLevelSettings, stage_settings
from halonet.storage import StorageError, read_field, read_header


def main() -> None:
    """Parse the command line, check the haloes and write what the chains need."""
    parser = Parser(description=__doc__)
    haloes = parser.add_mutually_exclusive_group(required=True)
    haloes.add_argument("--haloes", type=READS, help="catalogue of this project, with Eulerian positions")
    haloes.add_argument("--table", type=READS, help="CSV or HDF5 with columns x, y, z, mass")
    parser.add_argument("--length-unit", help="of the table: Mpc or Mpc/h")
    parser.add_argument("--mass-unit", help="of the table: Msun or Msun/h")
    parser.add_argument("--box-size", type=LENGTH, help="side of the table's box (Mpc)")
    parser.add_argument(
        "--completeness", type=READS, help="HDF5 file whose dataset probability is the completeness of every voxel"
    )
    parser.add_argument("--drop", action="store_true", help="leave out haloes outside the range of masses")
    parser.add_argument("--truth", type=READS, help="true linear density of the box, to compare with")
    parser.add_argument(
        "--power-spectrum", type=READS, required=True, help="CSV with k_per_mpc and power_mpc3 at z = 0"
    )
    add_override(parser, "the spectrum is not that of cosmology or haloes, or the truth has not collapsed there")
    parser.add_argument("--cosmology", type=SETTINGS, help="cosmology as JSON; default: the haloes', or the paper's")
    parser.add_argument("--settings", type=SETTINGS, help="settings of field-level inference as JSON")
    parser.add_argument("--seed", type=SEED, required=True, help="master seed of the run")
    parser.add_argument("--inputs", type=WRITES, required=True, help="HDF5 file to write")
    arguments = parser.parse_args()
    settings = stage_settings(FieldLevelSettings, arguments.settings)
    prepare(arguments, settings, cosmology_for(arguments))


def cosmology_for(arguments: argparse.Namespace) -> CosmologySettings:
    """The cosmology that is given, else that of the haloes, at their redshift; of a table the paper's."""
    if not arguments.haloes:
        return stage_settings(CosmologySettings, arguments.cosmology)
    return cosmology_of(read_header(arguments.haloes), arguments.cosmology, arguments.haloes)


def prepare(arguments: argparse.Namespace, settings: FieldLevelSettings, cosmology: CosmologySettings) -> None:
    """Prepare the data with validated settings."""
    from halonet.field_level.data import make_data, write_data
    from halonet.mocks.spectrum import check_spectrum_of
    from halonet.neural_bias.inputs import check_haloes, evolve

    haloes, box_size = read_haloes(arguments, cosmology)
    source, lowest = arguments.table or arguments.haloes, settings.minimum_mass_msun
    kept = check_haloes(haloes, box_size, lowest, settings.maximum_mass_msun, source, arguments.drop)
    console.log.info("%d haloes of %d from %.3g solar masses", len(kept), len(haloes), lowest)
    truth = {}
    if arguments.truth:
        if arguments.haloes:
            check_headers([arguments.truth], arguments.haloes)
            linear, catalogue = read_field(arguments.truth, "density"), read_catalogue(arguments.haloes)
            check_same_field(linear, catalogue, arguments.haloes, arguments.outside_validity)
        fields = evolve(arguments.truth, settings.engine_settings(), cosmology)
        if fields["box_size"] != box_size:
            raise StorageError(
                f"{arguments.truth}: a box of {fields['box_size']} Mpc, but the haloes' is {box_size} Mpc"
            )
        truth = {"linear": fields["linear"], "density": fields["density"]}
    spectrum = read_checked_spectrum(arguments.power_spectrum, cosmology, arguments.outside_validity)
    if arguments.haloes:
        go_on = arguments.outside_validity
        check_spectrum_of(read_header(arguments.haloes), arguments.haloes, arguments.power_spectrum, cosmology, go_on)
    completeness = read_field(arguments.completeness, "probability") if arguments.completeness else None
    data = make_data(kept, box_size, spectrum, cosmology, settings, arguments.seed, truth, completeness)
    write_data(arguments.inputs, data, provenance("field level inputs", settings.model_dump(), arguments.seed))


def read_haloes(arguments: argparse.Namespace, cosmology: CosmologySettings) -> tuple:
    """Haloes, and the side of their box (Mpc)."""
    from halonet.neural_bias.inputs import read_pipeline_haloes, read_table

    if not arguments.table:
        return read_pipeline_haloes(arguments.haloes), read_header(arguments.haloes).box_size_mpc
    if not (arguments.length_unit and arguments.mass_unit and arguments.box_size):
        raise StorageError(f"{arguments.table}: declare its --length-unit, --mass-unit and --box-size")
    return read_table(arguments.table, arguments.length_unit, arguments.mass_unit, cosmology.h), arguments.box_size


if __name__ == "__main__":
    console.run(main)
