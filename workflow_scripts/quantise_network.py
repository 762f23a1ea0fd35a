"""Find whole numbers of eight bits for the convolutions of a network, for mocks by `--precision fastest`.

    python workflow_scripts/quantise_network.py networks/NAME --density TRAINING_BOX.h5

The densities are of boxes like those that the network was trained on, never of test boxes. Writes `int8.h5` into the
folder of the network. One tile of each box is kept back: on these the predictions are compared with those in floating
point.
"""

import numpy as np

from halonet import console
from halonet.checks.numbers import THREADS
from halonet.checks.parser import NETWORK, READS, Parser
from halonet.dataset.channels import whole_box_channels
from halonet.grid.slabs import Slabs
from halonet.grid.tiles import periodic_window
from halonet.mocks.tiles import tiles_for
from halonet.network.build import size_multiple
from halonet.network.devices import prepare_devices
from halonet.network.engines import engine_of
from halonet.network.folder import TrainedNetwork, load_network
from halonet.network.prediction import check_input, divided_by
from halonet.network.quantised import Quantised, write_quantised
from halonet.network.quantising import Rounded, Tile, quantise
from halonet.network.validity import trained_cosmology
from halonet.settings import PredictionSettings
from halonet.storage import field_cells, read_field, read_header

CORNERS = ((0, 0, 0), (1, 1, 0), (0, 1, 1), (1, 0, 1))  # of the tiles of a box, in halves of it; the last is kept back


def main() -> None:
    """Read the boxes, round layer after layer, compare, write."""
    parser = Parser(description=__doc__)
    parser.add_argument("network", type=NETWORK, help="folder of a trained network")
    parser.add_argument("--density", type=READS, nargs="+", required=True, help="densities of training boxes")
    parser.add_argument("--floating", nargs="*", default=[], help="layers to be left in floating point")
    parser.add_argument("--threads", type=THREADS, default=2, help="CPU threads; default: 2")
    arguments = parser.parse_args()
    prepare_devices(arguments.threads, 0)
    network = load_network(arguments.network)
    cells = min(field_cells(path, "density") for path in arguments.density)
    settings = tiles_for(cells, size_multiple(network.settings), "fastest")
    boxes = [tiles_of(path, network, settings, arguments.threads) for path in arguments.density]
    chosen_by, kept_back = [tile for box in boxes for tile in box[:-1]], [box[-1] for box in boxes]
    quantised = quantise(network.model, chosen_by, settings.trimmed, arguments.floating, say)
    for tile in kept_back:
        console.log.info(compared(network, quantised, tile, settings, arguments.threads))
    write_quantised(arguments.network, quantised)


def tiles_of(path: str, network: TrainedNetwork, settings: PredictionSettings, threads: int) -> list[Tile]:
    """Tiles of a box as the network sees them: normalised density, and its channels."""
    density, header = read_field(path, "density"), read_header(path)
    check_input(network, density, header.box_size_mpc / len(density), path)
    wanted, slabs = network.settings.channels, Slabs(len(density), threads=threads)
    fields = [density / np.float32(divided_by(network, density, slabs))]
    if wanted.count:
        cosmology = trained_cosmology(network.normalisation)
        fields += list(np.moveaxis(whole_box_channels(density, wanted, threads, slabs, cosmology=cosmology), -1, 0))
    corners = [[half * len(density) // 2 - settings.buffer for half in corner] for corner in CORNERS]
    return [[periodic_window(field, tuple(corner), settings.tile) for field in fields] for corner in corners]


def say(rounded: Rounded) -> None:
    """Tell how far the sums of a layer are from what they were."""
    console.log.info("%s: error %.2f%% of the deviation of its sums", rounded.name, 100 * rounded.error)


def compared(
    network: TrainedNetwork,
    quantised: Quantised,
    tile: Tile,
    settings: PredictionSettings,
    threads: int,
) -> str:
    """How the probabilities of a tile differ from those in floating point, in one line."""
    exact = settings.model_copy(update={"precision": "float32"})
    pair = (engine_of(network.model, each, threads, quantised) for each in (exact, settings))
    true, found = (engine(*tile)[..., 0] for engine in pair)
    both = np.count_nonzero((true > 0.5) & (found > 0.5))
    dice = 2 * both / (np.count_nonzero(true > 0.5) + np.count_nonzero(found > 0.5))
    rms = np.sqrt(np.square(found - true).mean())
    return f"probabilities: root mean square difference {rms:.4f}, mean {(found - true).mean():.4f}; Dice {dice:.4f}"


if __name__ == "__main__":
    console.run(main)
