"""Losses and measures of agreement, one value per sample, on any Keras backend.

The truth ``mask`` has shape (batch, S, S, S, 1) and holds 1 in haloes; ``predicted`` has shape (batch, S, S, S, 2) with
the probabilities of foreground and background. All sums are float32, whatever the precision of the network.
"""

from keras import KerasTensor, ops

SMALLEST_PROBABILITY = 1e-7  # the logarithm of the cross-entropy needs a floor


def _channels(mask: KerasTensor, predicted: KerasTensor) -> tuple[KerasTensor, KerasTensor]:
    """Truth and prediction as float32, each (batch, voxels, 2)."""
    truth, predicted = ops.cast(mask, "float32"), ops.cast(predicted, "float32")
    truth = ops.concatenate([truth, 1 - truth], axis=-1)
    voxels = (ops.shape(predicted)[0], -1, 2)
    return ops.reshape(truth, voxels), ops.reshape(predicted, voxels)


def dice(mask: KerasTensor, predicted: KerasTensor) -> KerasTensor:
    """Dice coefficient D = 2 g.p / (|g|^2 + |p|^2) over both channels and all voxels (HaloNet paper, Eq. 2)."""
    truth, predicted = _channels(mask, predicted)
    overlap = ops.sum(truth * predicted, axis=(1, 2))
    return 2 * overlap / ops.sum(ops.square(truth) + ops.square(predicted), axis=(1, 2))


def foreground_dice(mask: KerasTensor, predicted: KerasTensor) -> KerasTensor:
    """Dice coefficient of the halo channel alone; 0 where neither truth nor prediction has a halo."""
    truth, predicted = (channels[..., 0] for channels in _channels(mask, predicted))
    overlap = ops.sum(truth * predicted, axis=1)
    squares = ops.sum(ops.square(truth) + ops.square(predicted), axis=1)
    return 2 * overlap / ops.maximum(squares, 1e-12)


def voxel_dice(mask: KerasTensor, predicted: KerasTensor) -> KerasTensor:
    """Dice coefficient of each voxel's two channels, averaged over voxels."""
    truth, predicted = _channels(mask, predicted)
    overlap = ops.sum(truth * predicted, axis=2)
    squares = ops.sum(ops.square(truth) + ops.square(predicted), axis=2)
    return ops.mean(2 * overlap / squares, axis=1)


def floor(mask: KerasTensor, predicted: KerasTensor) -> KerasTensor:
    """Dice coefficient of an all-background prediction, 1 minus the fraction of voxels in haloes; ignores the other."""
    truth, _ = _channels(mask, predicted)
    return ops.mean(truth[..., 1], axis=1)


def dice_loss(mask: KerasTensor, predicted: KerasTensor) -> KerasTensor:
    """1 - D."""
    return 1 - dice(mask, predicted)


def dice_cross_entropy_loss(mask: KerasTensor, predicted: KerasTensor) -> KerasTensor:
    """1 - D plus the cross-entropy averaged over voxels (nat)."""
    truth, probability = _channels(mask, predicted)
    logarithm = ops.log(ops.maximum(probability, SMALLEST_PROBABILITY))
    return dice_loss(mask, predicted) - ops.mean(ops.sum(truth * logarithm, axis=2), axis=1)


LOSSES = {"dice": dice_loss, "dice_cross_entropy": dice_cross_entropy_loss}
METRICS = (dice, foreground_dice, voxel_dice, floor)
