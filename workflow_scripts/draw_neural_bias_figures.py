"""Draw the figures of the neural bias model."""

import argparse

import h5py
import numpy as np

from halonet import console
from halonet.checks.parser import READS, WRITES_FOLDER, Parser
from halonet.storage import open_hdf5, read_json

LARGEST_ELL = 3  # of the drawn kernels, the multipole at which those of 3 cells are complete


def main() -> None:
    """Parse the command line, draw and write figures and captions."""
    parser = Parser(description=__doc__)
    parser.add_argument("--inputs", type=READS, required=True, help="HDF5 file of prepare_neural_bias.py")
    parser.add_argument("--summary", type=READS, required=True, help="JSON of summarise_neural_bias.py")
    parser.add_argument("--arrays", type=READS, required=True, help="HDF5 of summarise_neural_bias.py")
    parser.add_argument("--figures", type=WRITES_FOLDER, required=True, help="folder to write to")
    arguments = parser.parse_args()

    from halonet.figures.names import NEURAL_BIAS
    from halonet.figures.style import save_all

    save_all(draw(arguments), arguments.figures, NEURAL_BIAS)


def draw(arguments: argparse.Namespace) -> dict:
    """Drawings by name."""
    from halonet.figures import neural_bias as figures
    from halonet.neural_bias.evolution import voxel_of
    from halonet.neural_bias.inputs import read_inputs
    from halonet.neural_bias.kernels import multipole_basis

    inputs, summary = read_inputs(arguments.inputs), read_json(arguments.summary)
    arrays = {}
    with open_hdf5(arguments.arrays) as file:
        file.visititems(lambda name, item: arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    bases = {ell: multipole_basis(3, ell) for ell in range(LARGEST_ELL + 1)}
    shape, voxels = inputs.density.shape, voxel_of(inputs.haloes.positions, inputs.cells, inputs.box_size)
    haloes = np.bincount(voxels, minlength=inputs.density.size).reshape(shape)
    return {
        "mass_functions": figures.draw_mass_functions(summary, arrays, inputs.minimum_mass),
        "rivals": figures.draw_rivals(summary),
        "fields": figures.draw_engine_fields(inputs.linear, inputs.density, arrays["summary"], haloes, inputs.box_size),
        "predictive": figures.draw_predictive(arrays),
        "chains": figures.draw_chains(summary, arrays),
        "kernels": figures.draw_kernels(
            {ell: basis.kernels[basis.orders == 0] for ell, basis in bases.items()},
            {ell: len(basis) for ell, basis in bases.items()},
        ),
    }


if __name__ == "__main__":
    console.run(main)
