"""Prepare the data of the neural bias model: density evolved on the engine's grid, and haloes.

The density is a linear one of the pipeline (--density) or a user's own evolved one (--evolved-density); the haloes
are a catalogue of this project (--haloes) or a user's table with declared units (--table, CSV or HDF5).
"""

import argparse

from halonet import console
from halonet.catalogue import read_catalogue
from halonet.checks.parser import READS, SETTINGS, WRITES, Parser, add_override
from halonet.cosmology import cosmology_of
from halonet.plausibility.protohaloes import check_same_field
from halonet.plausibility.same_box import check_headers
from halonet.provenance import provenance
from halonet.settings import CosmologySettings, NeuralBiasSettings, stage_settings
from halonet.storage import StorageError, read_field, read_header


def main() -> None:
    """Parse the command line, evolve the density, check the haloes and write both."""
    parser = Parser(description=__doc__)
    density = parser.add_mutually_exclusive_group(required=True)
    density.add_argument("--density", type=READS, help="linear density of a box, evolved here")
    density.add_argument("--evolved-density", type=READS, help="evolved density contrast on the engine's grid")
    haloes = parser.add_mutually_exclusive_group(required=True)
    haloes.add_argument("--haloes", type=READS, help="catalogue of this project, with Eulerian positions")
    haloes.add_argument("--table", type=READS, help="CSV or HDF5 with columns x, y, z, mass")
    parser.add_argument("--length-unit", help="of the table: Mpc or Mpc/h")
    parser.add_argument("--mass-unit", help="of the table: Msun or Msun/h")
    parser.add_argument(
        "--completeness", type=READS, help="HDF5 file whose dataset probability is the completeness of every voxel"
    )
    add_override(parser, "the haloes do not lie where the linear density has collapsed")
    parser.add_argument("--drop", action="store_true", help="leave out haloes outside the range of masses")
    parser.add_argument("--cosmology", type=SETTINGS, help="cosmology as JSON; default: the density's, or the paper's")
    parser.add_argument("--settings", type=SETTINGS, help="settings of the neural bias model as JSON")
    parser.add_argument("--inputs", type=WRITES, required=True, help="HDF5 file to write")
    arguments = parser.parse_args()
    settings = stage_settings(NeuralBiasSettings, arguments.settings)
    prepare(arguments, settings, cosmology_for(arguments))


def cosmology_for(arguments: argparse.Namespace) -> CosmologySettings:
    """The cosmology that is given, else that of the linear density, at its redshift, or the paper's."""
    if not arguments.density:
        return stage_settings(CosmologySettings, arguments.cosmology)
    return cosmology_of(read_header(arguments.density), arguments.cosmology, arguments.density)


def prepare(arguments: argparse.Namespace, settings: NeuralBiasSettings, cosmology: CosmologySettings) -> None:
    """Prepare the data with validated settings."""
    import halonet.neural_bias.inputs as data

    if arguments.table:
        if not (arguments.length_unit and arguments.mass_unit):
            raise StorageError(f"{arguments.table}: declare its units with --length-unit and --mass-unit")
        haloes = data.read_table(arguments.table, arguments.length_unit, arguments.mass_unit, cosmology.h)
    else:
        haloes, density = data.read_pipeline_haloes(arguments.haloes), arguments.density or arguments.evolved_density
        wanted, found = (read_header(path).box_size_mpc for path in (density, arguments.haloes))
        check_headers([arguments.haloes], density)
        if wanted != found:
            raise StorageError(f"{arguments.haloes}: a box of {found} Mpc, but the density's is {wanted} Mpc")
    if arguments.density and arguments.haloes:
        linear, catalogue = read_field(arguments.density, "density"), read_catalogue(arguments.haloes)
        check_same_field(linear, catalogue, arguments.haloes, arguments.outside_validity)
    if arguments.density:
        fields = data.evolve(arguments.density, settings, cosmology)
    else:
        fields = data.read_evolved(arguments.evolved_density, settings)
    lowest, highest = settings.minimum_mass_msun, settings.maximum_mass_msun
    source = arguments.table or arguments.haloes
    kept = data.check_haloes(haloes, fields["box_size"], lowest, highest, source, arguments.drop)
    console.log.info("%d haloes of %d from %.3g solar masses", len(kept), len(haloes), lowest)
    completeness = read_field(arguments.completeness, "probability") if arguments.completeness else None
    inputs = data.Inputs(haloes=kept, minimum_mass=lowest, maximum_mass=highest, completeness=completeness, **fields)
    data.write_inputs(arguments.inputs, inputs, provenance("neural bias inputs", settings.model_dump()))


if __name__ == "__main__":
    console.run(main)
