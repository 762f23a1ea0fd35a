"""Operations of a network from its settings alone: a workflow that plans knows no Keras."""

from halonet.settings import NetworkSettings
from halonet.settings.heads import HEADS


def operations_per_voxel(network: NetworkSettings) -> float:
    """Operations of a forward pass for a voxel, from the widths alone; a workflow that plans knows no Keras.

    :mod:`halonet.network.flops` counts them from the layers; a test compares the two.
    """
    return (_vnet if network.architecture == "vnet" else _unet)(network)


def _vnet(network: NetworkSettings) -> float:
    kernel, blocks, levels = network.kernel**3, network.convolutions, network.levels
    width = [network.filters * 2**level for level in range(levels + 1)]
    total = 2 * width[0] * (kernel * (1 + network.channels.count) + 2 * width[0] * (kernel + 1) + 2)
    total += _heads(network, width[0])
    for level in range(1, levels + 1):
        # Down and up; then the residual blocks on either side, the upper one fed with twice the channels.
        between = 2 * 8 * 2 * width[level - 1]
        inside = 2 * kernel * (2 * blocks + 1 if level < levels else blocks) * width[level]
        total += (between + inside) * width[level] / 8**level
    return total


def _unet(network: NetworkSettings) -> float:
    kernel, blocks, levels = network.kernel**3, network.convolutions, network.levels
    inputs = 1 + network.channels.count
    width = [max(network.filters // 2, 1), *(network.filters * 2 ** (level - 1) for level in range(1, levels + 1))]
    total = 2 * width[0] * (kernel * (inputs + width[0]) + 2) + _heads(network, width[0])
    for level in range(1, levels + 1):
        above = inputs if level == 1 else width[level - 1]
        between = 2 * 8 * (above + width[level - 1])
        inside = 2 * kernel * (blocks + (3 if level < levels else 0)) * width[level]
        total += (between + inside) * width[level] / 8**level
    return total


def _heads(network: NetworkSettings, width: int) -> float:
    """A convolution of the last features and a linear one for every head."""
    return sum(2 * width * (network.kernel**3 * width + HEADS[name].channels) for name in network.heads.weights)
