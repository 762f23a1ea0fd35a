"""Real Fourier transforms with gradients, and the grid's wavenumbers.

Notes
-----
TensorFlow registers no gradient for its real transforms of three dimensions. In numpy's convention, with N cells along
a side and w = 1 on the planes k_z = 0 and N/2, 2 on the others (of which only half is stored),

    y = rfft3(x):   x' = N^3 irfft3(y' / w);        y = irfft3(z):   z' = (w / N^3) rfft3(y'),

x' the gradient of a real number by x, where TensorFlow takes that by a complex z as dV/d(Re z) + i dV/d(Im z).
"""

import numpy as np
import tensorflow as tf


def mode_weights(cells: int) -> np.ndarray:
    """How many modes of the whole cube each stored plane of k_z stands for, shape (N / 2 + 1,)."""
    if cells % 2:
        raise ValueError(f"a grid of {cells} cells along a side: an even number is needed")
    weights = np.full(cells // 2 + 1, 2.0)
    weights[[0, -1]] = 1.0
    return weights


@tf.custom_gradient
def rfft3(field: tf.Tensor) -> tuple:
    """Modes, shape (..., N, N, N / 2 + 1), of a real field of shape (..., N, N, N); numpy's convention."""
    cells = field.shape[-1]
    weights = mode_weights(cells)

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        return tf.signal.irfft3d(upstream * tf.constant(cells**3 / weights, upstream.dtype))

    return tf.signal.rfft3d(field), gradient


@tf.custom_gradient
def irfft3(modes: tf.Tensor) -> tuple:
    """Real field of shape (..., N, N, N) from its modes; divides by N^3. Imaginary parts of real modes are ignored."""
    cells = modes.shape[-2]
    weights = mode_weights(cells)

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        return tf.signal.rfft3d(upstream) * tf.constant(weights / cells**3, modes.dtype)

    return tf.signal.irfft3d(modes), gradient


def mode_numbers(cells: int) -> list[np.ndarray]:
    """Signed numbers of the modes along every axis, of shapes that broadcast to (N, N, N / 2 + 1)."""
    numbers, half = np.fft.fftfreq(cells, 1 / cells), np.arange(cells // 2 + 1.0)
    return [numbers[:, None, None], numbers[None, :, None], half[None, None, :]]


def wavenumber(cells: int, box_size: float) -> np.ndarray:
    """|k| (1/Mpc), shape (N, N, N / 2 + 1)."""
    return 2 * np.pi / box_size * np.sqrt(sum(number**2 for number in mode_numbers(cells)))
