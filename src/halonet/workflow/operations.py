"""Operations and memory of a network from its settings alone: a workflow that plans knows no Keras."""

from halonet.settings import ChannelSettings, EngineSettings, NetworkSettings
from halonet.settings.heads import HEADS

# How often weights are in memory: with gradients and moments in training; with what kernels make of them in prediction.
TRAINED_WEIGHTS, PREDICTING_WEIGHTS = 4, 1.5
FIELDS, PREDICTED_FIELDS = 30, 4  # of the finest level at a time, float32, with gradients in training


def operations_per_voxel(network: NetworkSettings) -> float:
    """Operations of a forward pass for a voxel, from the widths alone; a workflow that plans knows no Keras.

    :mod:`halonet.network.flops` counts them from the layers; a test compares the two.
    """
    return (_vnet if network.architecture == "vnet" else _unet)(network, 8)


def weights_mb(network: NetworkSettings) -> float:
    """Size of a network's weights (MB), float32 and without its biases: one for two operations, at any level."""
    return 4 * (_vnet if network.architecture == "vnet" else _unet)(network, 1) / 2 / 1e6


def training_mb(network: NetworkSettings, ranks: int = 1) -> float:
    """Memory of a training beyond the process (MB): activations of a batch, which ranks share, and their weights."""
    voxels = max(stage.batch_size * network.window_of(stage) ** 3 for stage in network.stages)
    return ranks * TRAINED_WEIGHTS * weights_mb(network) + voxels * 4 * FIELDS * network.filters / 1e6


def prediction_mb(network: NetworkSettings, cells: int) -> float:
    """Memory of a prediction beyond the process (MB): weights, and activations of a tile of so many cells."""
    return PREDICTING_WEIGHTS * weights_mb(network) + cells * 4 * PREDICTED_FIELDS * network.filters / 1e6


def channel_bytes(channels: ChannelSettings) -> float:
    """Memory for a cell of channels of the whole box: two bytes each, and 33 while they are computed.

    A simulation, before them, takes 41 beside the density.
    """
    at_first = 41 if channels.simulation else 33
    return at_first + 2 * channels.count if channels.count else 0


def _vnet(network: NetworkSettings, fewer: int) -> float:
    """Operations where a level has ``fewer`` times fewer voxels than the one above."""
    kernel, blocks, levels = network.kernel**3, network.convolutions, network.levels
    width = [network.filters * 2**level for level in range(levels + 1)]
    total = 2 * width[0] * (kernel * (1 + network.channels.count) + 2 * width[0] * (kernel + 1) + 2)
    total += _heads(network, width[0])
    for level in range(1, levels + 1):
        # Down and up; then the residual blocks on either side, the upper one fed with twice the channels.
        between = 2 * 8 * 2 * width[level - 1]
        inside = 2 * kernel * (2 * blocks + 1 if level < levels else blocks) * width[level]
        total += (between + inside) * width[level] / fewer**level
    return total


def _unet(network: NetworkSettings, fewer: int) -> float:
    """Operations where a level has ``fewer`` times fewer voxels than the one above."""
    kernel, blocks, levels = network.kernel**3, network.convolutions, network.levels
    inputs = 1 + network.channels.count
    width = [max(network.filters // 2, 1), *(network.filters * 2 ** (level - 1) for level in range(1, levels + 1))]
    total = 2 * width[0] * (kernel * (inputs + width[0]) + 2) + _heads(network, width[0])
    for level in range(1, levels + 1):
        above = inputs if level == 1 else width[level - 1]
        between = 2 * 8 * (above + width[level - 1])
        inside = 2 * kernel * (blocks + (3 if level < levels else 0)) * width[level]
        total += (between + inside) * width[level] / fewer**level
    return total


def _heads(network: NetworkSettings, width: int) -> float:
    """A convolution of the last features and a linear one for every head."""
    return sum(2 * width * (network.kernel**3 * width + HEADS[name].channels) for name in network.heads.weights)


def relative_gradient(engine: EngineSettings) -> float:
    """Time of a gradient of the neural bias model beside that of the paper's; measured in one run, 64^3 voxels."""
    return 1 + (1.8 if engine.counts == "exclusion" else 0) + (1.5 if engine.carried_mpc else 0)
