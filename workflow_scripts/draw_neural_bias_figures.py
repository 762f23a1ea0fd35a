"""Draw the figures of the neural bias model."""

import argparse
import os
from pathlib import Path

import h5py
import matplotlib

from halonet import console
from halonet.storage import atomic_path, open_hdf5, read_json


def main() -> None:
    """Parse the command line, draw and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", required=True, help="HDF5 file of prepare_neural_bias.py")
    parser.add_argument("--summary", required=True, help="JSON of summarise_neural_bias.py")
    parser.add_argument("--arrays", required=True, help="HDF5 of summarise_neural_bias.py")
    parser.add_argument("--draws", nargs="*", default=[], help="catalogues of draw_neural_bias_haloes.py")
    parser.add_argument("--figures", required=True, help="folder to write to")
    arguments = parser.parse_args()
    matplotlib.use("Agg")

    from halonet.neural_bias import figures
    from halonet.neural_bias.inputs import read_inputs, read_pipeline_haloes

    inputs, summary = read_inputs(arguments.inputs), read_json(arguments.summary)
    arrays = {}
    with open_hdf5(arguments.arrays) as file:
        file.visititems(lambda name, item: arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)

    def clustering(haloes):
        return figures.measure_clustering(haloes, inputs.cells, inputs.box_size)

    drawn = {
        "mass_functions": figures.mass_function_figure(arrays, inputs.minimum_mass),
        "fields": figures.field_figure(inputs, arrays),
        "kernels": figures.kernel_figure(),
        "comparison": figures.comparison_figure(summary),
        "predictive": figures.predictive_figure(
            clustering(inputs.haloes), [clustering(read_pipeline_haloes(path)) for path in arguments.draws]
        ),
        "trace": figures.trace_figure(arrays, summary),
    }
    for name, figure in drawn.items():
        with atomic_path(Path(arguments.figures) / f"neural_bias_{name}.png") as temporary:
            figure.savefig(temporary, dpi=100, format="png")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    console.run(main)
