"""Predict the probability of every cell of a periodic box to belong to a halo, and what a network's heads say of it."""

import argparse

from halonet import console
from halonet.head_fields import file_with_heads
from halonet.provenance import provenance
from halonet.settings import PredictionSettings, stage_settings
from halonet.storage import FieldHeader, read_field, read_header, write_field


def main() -> None:
    """Parse the command line, predict the box and write its probabilities."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--density", required=True, help="HDF5 file with dataset density and attribute box_size_mpc")
    parser.add_argument("--network", required=True, help="folder of a trained network")
    parser.add_argument("--probability", required=True, help="HDF5 file to write")
    parser.add_argument("--settings", help="prediction settings as JSON; default: the paper's")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--gpus", type=int, default=0, help="1: predict on a GPU")
    arguments = parser.parse_args()
    settings = stage_settings(PredictionSettings, arguments.settings)
    header, density = read_header(arguments.density), read_field(arguments.density, "density")
    from halonet.network import load_network
    from halonet.network.devices import prepare_devices
    from halonet.network.prediction import predict_box

    prepare_devices(arguments.threads, arguments.gpus)
    network = load_network(arguments.network)
    cell_size = header.box_size_mpc / len(density)
    values = {"prediction": settings.model_dump(), "network": network.settings.model_dump()}
    record = provenance("prediction", values, header.seed) | {"density": header.provenance}
    written = FieldHeader(header.box_size_mpc, header.redshift, header.cosmology, header.seed, record)

    common = (network, density, cell_size, settings, lambda tiles: console.progress(tiles, "tiles"), arguments.threads)
    names = list(network.settings.heads.weights)
    if not names:
        write_field(arguments.probability, "probability", predict_box(*common), written)
        return
    with file_with_heads(arguments.probability, names, len(density), written) as (probability, heads):
        probability[...] = predict_box(*common, heads)


if __name__ == "__main__":
    console.run(main)
