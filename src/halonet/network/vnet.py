"""V-Net of the HaloNet paper (Berger & Stein 2018, section 3.2 and Table 1; after Milletari et al. 2016).

Level 0 has the resolution of the input, each level below half the resolution and twice the channels of the one above.
Every number of Table 1 is reproduced; its row of free parameters counts one PReLU slope per voxel and channel at 128^3
(``activation="prelu"``), although the text says LeakyReLU(0.05), the default here.
"""

import keras

from halonet.network.layers import Bricks, probabilities
from halonet.settings import NetworkSettings


def build_vnet(settings: NetworkSettings, dropout: float = 0.0) -> keras.Model:
    """Build a V-Net that maps inputs (batch, S, S, S, channels) to probabilities (batch, S, S, S, 2).

    ``settings.filters`` is the channels of level 0, ``settings.convolutions`` how many a residual block has; ``prelu``
    ties the network to the size of ``settings.window``, ``leaky_relu`` takes any size.

    Parameters
    ----------
    settings
        What the network is made of. S is a multiple of 2^levels; channels are the density and those of
        ``settings.channels``.
    dropout
        Rate after the down- and up-convolutions of the inner levels: not after 0 -> 1, nor after 1 -> 0.

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
    # The shortcut of level 0 lets a single input channel broadcast over the filters.
    shortcut = density if channels == 1 else bricks.convolve(density, filters, "level0_shortcut", kernel=1)
    x = bricks.add([bricks.convolution(density, filters, "level0_in"), shortcut], "level0_in_sum")
    skips = []
    for level in range(levels):
        skips.append(x)
        x = bricks.down(x, filters * 2 ** (level + 1), f"level{level + 1}_down", dropout if level else 0.0)
        if level + 1 < levels:
            x = bricks.residual(x, convolutions, f"level{level + 1}_in")
    for level in range(levels, 0, -1):
        beside = skips[level] if level < levels else None
        x = bricks.residual(x, convolutions, f"level{level}_out", beside)
        x = bricks.up(x, filters * 2 ** (level - 1), f"level{level - 1}_up", dropout if level > 1 else 0.0)
    joined = bricks.join([skips[0], x], "level0_join")
    wide = bricks.convolve(joined, filters, "level0_out")
    pointwise = bricks.convolve(joined, filters, "level0_out_shortcut", kernel=1)
    x = bricks.activate(bricks.add([wide, pointwise], "level0_out_sum"), "level0_out")
    probability = probabilities(bricks.convolution(x, 2, "head", kernel=1))
    return keras.Model(density, bricks.heads(x, probability, tuple(settings.heads.weights)), name="vnet")
