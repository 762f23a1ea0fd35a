"""Predict the probability of every cell of a periodic box to belong to a halo, and what a network's heads say of it."""

import argparse

from halonet import console
from halonet.checks.numbers import GPUS, THREADS
from halonet.checks.parser import NETWORK, READS, SETTINGS, WRITES, add_override
from halonet.grid.slabs import Slabs
from halonet.head_fields import file_with_heads
from halonet.mocks.tiles import tiles_for
from halonet.network.shipped import DEFAULT_NETWORK, find_network, shipped_network
from halonet.provenance import provenance
from halonet.settings import PredictionSettings, stage_settings
from halonet.storage import FieldHeader, read_field, read_header, write_field

EXAMPLES = """\
  halonet predict --density field.h5 -o probability.h5
  halonet predict --density field.h5 --network vnet-small -o probability.h5 --settings '{"tile": 128, "buffer": 32}'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of command and script."""
    parser.add_argument(
        "--density", type=READS, required=True, help="HDF5 file with dataset density and attribute box_size_mpc"
    )
    parser.add_argument(
        "--network",
        type=NETWORK.or_name(shipped_network),
        default=DEFAULT_NETWORK,
        help=f"folder of a trained network, or name of a shipped one; default: {DEFAULT_NETWORK}",
    )
    parser.add_argument("-o", "--probability", type=WRITES, required=True, help="HDF5 file to write")
    parser.add_argument(
        "--settings", type=SETTINGS, help="prediction settings as JSON; default: tiles that fit the box"
    )
    add_override(parser, "the density is not like those the network was trained on")
    parser.add_argument("--threads", type=THREADS, default=2, help="CPU threads; default: 2")
    parser.add_argument("--gpus", type=GPUS, default=0, help="1: predict on a GPU; default: 0")


def run(arguments: argparse.Namespace) -> None:
    """Predict the box and write its probabilities."""
    settings = stage_settings(PredictionSettings, arguments.settings) if arguments.settings else None
    folder = find_network(arguments.network)
    header, density = read_header(arguments.density), read_field(arguments.density, "density")
    from halonet.network import load_network
    from halonet.network.build import size_multiple
    from halonet.network.devices import prepare_devices
    from halonet.network.prediction import check_input, predict_box

    prepare_devices(arguments.threads, arguments.gpus)
    network = load_network(folder)
    settings = settings or tiles_for(len(density), size_multiple(network.settings))
    cell_size = header.box_size_mpc / len(density)
    check_input(network, density, cell_size, arguments.density, arguments.outside_validity)
    values = {"prediction": settings.model_dump(), "network": network.settings.model_dump()}
    record = provenance("prediction", values, header.seed) | {"density": header.provenance}
    written = FieldHeader(header.box_size_mpc, header.redshift, header.cosmology, header.seed, record)

    slabs = Slabs(len(density), threads=arguments.threads)
    common = (network, density, cell_size, settings, lambda tiles: console.progress(tiles, "tiles"))
    names = list(network.settings.heads.weights)
    if not names:
        write_field(arguments.probability, "probability", predict_box(*common, slabs=slabs), written)
        return
    with file_with_heads(arguments.probability, names, len(density), written) as (probability, heads):
        probability[...] = predict_box(*common, heads, slabs)
