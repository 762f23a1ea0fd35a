"""Draw the figures of field-level inference."""

import argparse

import h5py

from halonet import console
from halonet.checks.parser import READS, WRITES_FOLDER, Parser
from halonet.figures import field_level as figures
from halonet.figures.field_level_flow import draw_flow
from halonet.figures.names import FIELD_LEVEL
from halonet.figures.style import save_all
from halonet.storage import open_hdf5, read_header, read_json


def main() -> None:
    """Parse the command line, draw and write figures and captions."""
    parser = Parser(description=__doc__)
    parser.add_argument("--inputs", type=READS, required=True, help="HDF5 file of prepare_field_level.py")
    parser.add_argument("--summary", type=READS, required=True, help="JSON of summarise_field_level.py")
    parser.add_argument("--arrays", type=READS, required=True, help="HDF5 of summarise_field_level.py")
    parser.add_argument("--figures", type=WRITES_FOLDER, required=True, help="folder to write to")
    arguments = parser.parse_args()
    save_all(draw(arguments), arguments.figures, FIELD_LEVEL)


def draw(arguments: argparse.Namespace) -> dict:
    """Drawings by name; without a truth there is no recovery to draw."""
    summary, arrays = read_json(arguments.summary), {}
    with open_hdf5(arguments.arrays) as file:
        file.visititems(lambda name, item: arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    with open_hdf5(arguments.inputs) as file:
        minimum_mass = float(file.attrs["minimum_mass_msun"])
    drawings = {
        "maps": figures.draw_maps(arrays, read_header(arguments.inputs).box_size_mpc),
        "spectra": figures.draw_spectra(summary, arrays),
        "chains": figures.draw_chains(summary, arrays),
        "predictive": figures.draw_predictive(summary, arrays, minimum_mass),
        "flow": draw_flow(summary["sampler"]),
    }
    if "recovery" in summary:
        drawings["recovery"] = figures.draw_recovery(summary, arrays)
    return drawings


if __name__ == "__main__":
    console.run(main)
