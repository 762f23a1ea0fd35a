"""What an engine is built of: convolutional layers, weighted sums and their activation."""

from dataclasses import dataclass

import tensorflow as tf

from halonet.neural_bias.kernels import MultipoleBasis, multipole_basis


@dataclass(frozen=True)
class Layer:
    """A convolutional layer: cells along a side of its kernels, and how many filters of each multipole."""

    kernel: int = 3
    filters: tuple[tuple[int, int], ...] = ((0, 1),)  # pairs (l, number)

    def bases(self) -> list[tuple[MultipoleBasis, int]]:
        """Kernels of each multipole with the number of filters made of them."""
        return [(multipole_basis(self.kernel, ell), count) for ell, count in self.filters]

    @property
    def outputs(self) -> int:
        """Number of filters."""
        return sum(count for _, count in self.filters)


def filters(weights: tf.Tensor, inputs: tf.Tensor | list[tf.Tensor]) -> list[tf.Tensor]:
    """Weighted sums of the inputs, one per row of ``weights`` of shape (outputs, inputs).

    Written as sums, which XLA fuses with what follows; a matrix product would go through memory.
    """
    rows = tf.unstack(inputs) if isinstance(inputs, tf.Tensor) else inputs
    return [sum(w * row for w, row in zip(tf.unstack(own), rows, strict=True)) for own in tf.unstack(weights)]


def activate(rows: list[tf.Tensor], bias: tf.Tensor) -> list[tf.Tensor]:
    """Softplus of each row with its bias."""
    return [tf.nn.softplus(row + b) for row, b in zip(rows, tf.unstack(bias), strict=True)]
