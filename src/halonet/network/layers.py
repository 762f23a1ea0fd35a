"""Layers the networks are made of: convolution, optional batch normalisation, activation and dropout."""

from dataclasses import dataclass

import keras
from keras import KerasTensor

from halonet.settings.heads import HEADS

SLOPE = 0.05  # of LeakyReLU (HaloNet paper, section 3.2)


@dataclass(frozen=True)
class Bricks:
    """How the convolutions of a network are made; sizes are in cells, tensors (batch, x, y, z, channels).

    Attributes
    ----------
    kernel
        Side of the convolutions that keep the resolution.
    activation
        ``leaky_relu``, or ``prelu`` with one learned slope per voxel and channel.
    batch_normalisation
        Normalise the input of every activation.
    precision
        Keras policy of the layers' dtypes.
    """

    kernel: int
    activation: str = "leaky_relu"
    batch_normalisation: bool = False
    precision: str = "float32"

    def convolve(
        self, x: KerasTensor, filters: int, name: str, kernel: int | None = None, stride: int = 1
    ) -> KerasTensor:
        """Convolution with zero padding and He initialisation, without an activation."""
        layer = keras.layers.Conv3D(
            filters,
            kernel or self.kernel,
            strides=stride,
            padding="same",
            kernel_initializer="he_normal",
            dtype=self.precision,
            name=name,
        )
        return layer(x)

    def activate(self, x: KerasTensor, name: str) -> KerasTensor:
        """Activation, after batch normalisation where that is asked for."""
        if self.batch_normalisation:
            x = keras.layers.BatchNormalization(dtype=self.precision, name=f"{name}_normalisation")(x)
        if self.activation == "prelu":
            return keras.layers.PReLU(dtype=self.precision, name=f"{name}_activation")(x)
        return keras.layers.LeakyReLU(SLOPE, dtype=self.precision, name=f"{name}_activation")(x)

    def convolution(self, x: KerasTensor, filters: int, name: str, kernel: int | None = None) -> KerasTensor:
        """Convolution and activation."""
        return self.activate(self.convolve(x, filters, name, kernel), name)

    def down(self, x: KerasTensor, filters: int, name: str, dropout: float = 0.0) -> KerasTensor:
        """Halve the resolution by a 2^3 convolution of stride 2, with activation and dropout."""
        x = self.activate(self.convolve(x, filters, name, kernel=2, stride=2), name)
        return self._drop(x, dropout, name)

    def up(self, x: KerasTensor, filters: int, name: str, dropout: float = 0.0) -> KerasTensor:
        """Double the resolution by a transposed 2^3 convolution of stride 2, with activation and dropout."""
        layer = keras.layers.Conv3DTranspose(
            filters, 2, strides=2, padding="same", kernel_initializer="he_normal", dtype=self.precision, name=name
        )
        return self._drop(self.activate(layer(x), name), dropout, name)

    def add(self, tensors: list[KerasTensor], name: str) -> KerasTensor:
        """Sum, over which a single channel broadcasts."""
        return keras.layers.Add(dtype=self.precision, name=name)(tensors)

    def join(self, tensors: list[KerasTensor], name: str) -> KerasTensor:
        """Concatenation of channels."""
        return keras.layers.Concatenate(dtype=self.precision, name=name)(tensors)

    def residual(self, x: KerasTensor, convolutions: int, name: str, beside: KerasTensor | None = None) -> KerasTensor:
        """Residual block: so many convolutions with an identity shortcut around them.

        Where there is a tensor ``beside``, it is concatenated with ``x`` as input of the first convolution, which maps
        both back to the channels of ``x``; the shortcut is ``x`` alone.
        """
        shortcut, filters = x, x.shape[-1]
        if beside is not None:
            x = self.join([beside, x], f"{name}_join")
        for index in range(1, convolutions + 1):
            x = self.convolution(x, filters, f"{name}_convolution_{index}")
        return self.add([x, shortcut], f"{name}_sum")

    def heads(self, x: KerasTensor, probability: KerasTensor, heads: tuple[str, ...]) -> KerasTensor:
        """Outputs of a network: ``probability``, and behind its channels those of each head; float32.

        A head is a convolution of the last features ``x`` of its own, and a linear one of a single cell.
        """
        outputs = [probability]
        for name in heads:
            features = self.convolution(x, x.shape[-1], f"{name}_features")
            first = keras.initializers.Constant(HEADS[name].first_value)
            layer = keras.layers.Conv3D(HEADS[name].channels, 1, bias_initializer=first, dtype="float32", name=name)
            outputs.append(layer(features))
        return keras.layers.Concatenate(dtype="float32", name="outputs")(outputs) if heads else probability

    def _drop(self, x: KerasTensor, rate: float, name: str) -> KerasTensor:
        return keras.layers.Dropout(rate, dtype=self.precision, name=f"{name}_dropout")(x) if rate else x


def probabilities(x: KerasTensor) -> KerasTensor:
    """Softmax over the channels (foreground, background), in float32 whatever the precision of the layers."""
    return keras.layers.Softmax(dtype="float32", name="probabilities")(x)
