"""From settings to a network."""

import keras

from halonet.network.unet import build_unet
from halonet.network.vnet import build_vnet
from halonet.settings import NetworkSettings

ARCHITECTURES = {"vnet": build_vnet, "unet": build_unet}


def build_network(settings: NetworkSettings, dropout: float = 0.0) -> keras.Model:
    """Build the network of ``settings`` with random weights; see its architecture's module for input and output."""
    return ARCHITECTURES[settings.architecture](settings, dropout)


def size_multiple(settings: NetworkSettings) -> int:
    """Number of cells of which the side of every input is a multiple."""
    return 2**settings.levels


def weight_layout(model: keras.Model) -> list[tuple[str, list[int]]]:
    """Path and shape of every weight, which tells architectures apart."""
    return [(weight.path, list(weight.shape)) for weight in model.weights]
