"""Responses of a field to multipole kernels: sums over shells of neighbours in place of convolutions.

A convolution compiled by XLA for a CPU takes four times as long as the shifts and sums here, and the 26 neighbours of a
3^3 kernel come from six shifted additions (``shell_sums``). Everything is differentiable with respect to the field.
"""

import numpy as np
import tensorflow as tf

from halonet.neural_bias.kernels import MultipoleBasis

BOUNDARIES = ("wrap", "valid")


def pad_periodic(field: tf.Tensor, depth: int) -> tf.Tensor:
    """Field of shape (N, N, N) with ``depth`` cells of its periodic images on every side."""
    for axis in range(3 if depth else 0):
        size = field.shape[axis]
        start, stop = [slice(None)] * 3, [slice(None)] * 3
        start[axis], stop[axis] = slice(size - depth, size), slice(0, depth)
        field = tf.concat([field[tuple(start)], field, field[tuple(stop)]], axis)
    return field


def multipole_responses(field: tf.Tensor, basis: MultipoleBasis, boundary: str = "wrap") -> list[tf.Tensor]:
    """Response of every voxel to each unit-weight kernel of a basis.

    Parameters
    ----------
    field
        Shape (N, N, N).
    boundary
        ``wrap`` for a periodic box; ``valid`` for a cut-out, whose outermost voxels have no response.

    Returns
    -------
    One tensor per kernel, shape (N, N, N), or (N - n + 1)^3 for ``valid``.

    Notes
    -----
    As in networks, kernels are correlated, not convolved: sum over o of K(o) x(i + o).
    """
    size = basis.kernels.shape[-1]
    padded = pad_periodic(field, size // 2) if boundary == "wrap" else field
    if size == 3 and basis.ell == 0:
        return shell_sums(padded)
    return [_weighted_sum(padded, kernel) for kernel in basis.kernels]


def shell_sums(padded: tf.Tensor) -> list[tf.Tensor]:
    """Centre, and sums over faces, edges and corners, of every voxel's 3^3 neighbourhood.

    The input is one cell wider on each side, shape (N + 2, N + 2, N + 2); each of the four results is (N, N, N).
    """

    def neighbours(values: tf.Tensor, axis: int) -> tf.Tensor:
        return _cut(values, axis, 0) + _cut(values, axis, 2)

    def centre(values: tf.Tensor, axis: int) -> tf.Tensor:
        return _cut(values, axis, 1)

    x0, x1 = centre(padded, 0), neighbours(padded, 0)
    x0y0, x0y1, x1y0, x1y1 = centre(x0, 1), neighbours(x0, 1), centre(x1, 1), neighbours(x1, 1)
    faces = centre(x1y0 + x0y1, 2) + neighbours(x0y0, 2)
    edges = centre(x1y1, 2) + neighbours(x1y0 + x0y1, 2)
    return [centre(x0y0, 2), faces, edges, neighbours(x1y1, 2)]


def _cut(values: tf.Tensor, axis: int, start: int) -> tf.Tensor:
    index = [slice(None)] * 3
    index[axis] = slice(start, start + values.shape[axis] - 2)
    return values[tuple(index)]


def _weighted_sum(padded: tf.Tensor, kernel: np.ndarray) -> tf.Tensor:
    size, total = kernel.shape[0], 0.0
    cells = [length - size + 1 for length in padded.shape]
    # Offsets of equal weight are added first: one product for each value of the kernel.
    for value in np.unique(kernel[kernel != 0]):
        offsets = np.argwhere(kernel == value)
        part = sum(padded[i : i + cells[0], j : j + cells[1], k : k + cells[2]] for i, j, k in offsets)
        total = total + tf.constant(value, padded.dtype) * part
    return total
