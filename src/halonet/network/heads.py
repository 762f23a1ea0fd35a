"""Heads: what a network tells of a cell's halo beside the probability that there is one, and what it learns that by.

``centre_offset`` is the vector from a cell to the centre of its halo, ``log_radius`` the logarithm of the halo's
Lagrangian radius, both in cells. The output of a network with heads has the channels of the probability first, then
those of its heads; its truth those of :func:`halonet.dataset.targets.head_truth`.

Errors are relative to the halo: a centre missed by a tenth of the radius counts the same for every halo, and so does a
radius wrong by a tenth. Only cells of haloes count, each halo with its cells.
"""

from collections.abc import Callable
from functools import wraps

from keras import KerasTensor, ops

from halonet.network.losses import LOSSES, METRICS
from halonet.settings import HeadsSettings
from halonet.settings.heads import HEADS

SOFTNESS = (
    0.15  # error from which on a loss grows like it, and no more like its square: boundaries of haloes are unsure
)
SMALLEST_RADIUS = 1e-3  # cells; divides where there is no halo


def positions(heads: HeadsSettings) -> dict[str, slice]:
    """Channels of each head in the output of a network."""
    found, first = {}, 2
    for name in heads.weights:
        found[name], first = slice(first, first + HEADS[name].channels), first + HEADS[name].channels
    return found


def training_loss(name: str, heads: HeadsSettings) -> Callable:
    """Loss ``name`` of the probability, plus weight times loss of every head; one value per sample."""
    if not heads.weights:
        return LOSSES[name]
    terms = [(weight, _errors(head, heads)) for head, weight in heads.weights.items()]
    probability = _of_probability(LOSSES[name])

    def loss(truth: KerasTensor, predicted: KerasTensor) -> KerasTensor:
        total = probability(truth, predicted)
        for weight, errors in terms:
            total = total + weight * _mean(truth, _pseudo_huber(errors(truth, predicted)))
        return total

    return loss


def measures(heads: HeadsSettings) -> tuple[Callable, ...]:
    """Measures of agreement of a network: those of its probability, and the mean error of every head.

    ``offset_error`` is the distance of the predicted from the true centre in radii, ``radius_error`` the deviation of
    ln radius in percent.
    """
    if not heads.weights:
        return METRICS
    found = [_of_probability(metric) for metric in METRICS]
    found += [_mean_error(HEADS[name].error, HEADS[name].error_unit, _errors(name, heads)) for name in heads.weights]
    return tuple(found)


def _of_probability(function: Callable) -> Callable:
    """A loss or measure of the probability, for a network with heads."""

    @wraps(function)
    def of_first_channels(truth: KerasTensor, predicted: KerasTensor) -> KerasTensor:
        return function(truth[..., :1], predicted[..., :2])

    return of_first_channels


def _mean_error(name: str, unit: float, errors: Callable) -> Callable:
    def measure(truth: KerasTensor, predicted: KerasTensor) -> KerasTensor:
        return unit * _mean(truth, ops.sqrt(errors(truth, predicted)))

    measure.__name__ = name  # under which Keras reports it
    return measure


def _errors(head: str, heads: HeadsSettings) -> Callable:
    """Squared relative error of each voxel, shape (batch, S, S, S)."""
    channels, error = positions(heads)[head], SQUARED_ERRORS[head]
    return lambda truth, predicted: error(truth, predicted, channels)


def _offset_error(truth: KerasTensor, predicted: KerasTensor, channels: slice) -> KerasTensor:
    radius = ops.maximum(truth[..., 1:2], SMALLEST_RADIUS)
    return ops.sum(ops.square((ops.cast(predicted[..., channels], "float32") - truth[..., 2:5]) / radius), axis=-1)


def _radius_error(truth: KerasTensor, predicted: KerasTensor, channels: slice) -> KerasTensor:
    expected = ops.log(ops.maximum(truth[..., 1], SMALLEST_RADIUS))
    return ops.square(ops.cast(predicted[..., channels.start], "float32") - expected)


# By the names of settings.heads.HEADS; what they compare stands in dataset.targets.head_truth.
SQUARED_ERRORS = {"centre_offset": _offset_error, "log_radius": _radius_error}


def _pseudo_huber(squared: KerasTensor) -> KerasTensor:
    """Smooth Huber loss of an error given by its square: quadratic below :data:`SOFTNESS`, then linear."""
    return ops.sqrt(squared + SOFTNESS**2) - SOFTNESS


def _mean(truth: KerasTensor, values: KerasTensor) -> KerasTensor:
    """Mean over the voxels in haloes of each sample; 0 where there is none."""
    inside = ops.cast(truth[..., 1] > 0, "float32")
    axes = (1, 2, 3)
    return ops.sum(inside * values, axis=axes) / ops.maximum(ops.sum(inside, axis=axes), 1.0)
