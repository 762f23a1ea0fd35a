"""Half-resolution U-Net: the convolutions that cost most run on half the resolution, with 3^3 kernels.

With 4 levels and 16 filters it has 1.8 million weights and takes some 20 kFLOP per voxel, against 177 million weights
of the paper's 5-level V-Net.
"""

import keras

from halonet.network.layers import Bricks, probabilities
from halonet.settings import NetworkSettings


def build_unet(settings: NetworkSettings, dropout: float = 0.0) -> keras.Model:
    """Build a U-Net that maps inputs (batch, S, S, S, channels) to probabilities (batch, S, S, S, 2).

    ``settings.filters`` is the channels of level 1, which has half the resolution; level 0 has half as many.
    ``settings.convolutions`` is how many a residual block of the down path has.

    Parameters
    ----------
    settings
        What the network is made of. S is a multiple of 2^levels; channels are the density and those of
        ``settings.channels``.
    dropout
        As in :func:`halonet.network.vnet.build_vnet`.

    Returns
    -------
    keras.Model
        Channel 0 of the output is the probability of belonging to a halo (foreground), channel 1 the rest; the
        channels of the heads follow.
    """
    levels, filters, convolutions = settings.levels, settings.filters, settings.convolutions
    bricks = Bricks(settings.kernel, settings.activation, settings.batch_normalisation, settings.precision)
    size, channels = settings.window if settings.activation == "prelu" else None, 1 + settings.channels.count
    density = keras.Input((size, size, size, channels), name="density")
    x, skips = density, []
    for level in range(1, levels + 1):
        x = bricks.down(x, filters * 2 ** (level - 1), f"level{level}_down", dropout if level > 1 else 0.0)
        x = bricks.residual(x, convolutions, f"level{level}_in")
        skips.append(x)
    for level in range(levels - 1, 0, -1):
        width = filters * 2 ** (level - 1)
        x = bricks.up(x, width, f"level{level}_up", dropout)
        x = bricks.join([skips[level - 1], x], f"level{level}_join")
        x = bricks.convolution(x, width, f"level{level}_merge")
        x = bricks.residual(x, 1, f"level{level}_out")
    width = max(filters // 2, 1)
    x = bricks.up(x, width, "level0_up")
    x = bricks.convolution(bricks.join([density, x], "level0_join"), width, "level0_out")
    probability = probabilities(bricks.convolve(x, 2, "head", kernel=1))
    return keras.Model(density, bricks.heads(x, probability, tuple(settings.heads.weights)), name="unet")
