"""Training shared among MPI ranks: each computes the gradient of its share of a batch, all of them apply the average.

The ranks hold the same variables, take the same steps and read different samples. What one process does with the whole
batch they do to rounding: the loss is a mean over samples and the shares are equal, and the gradient's norm is clipped
after averaging. Rank 0 alone reads and writes checkpoints and decides what all start from.
"""

from typing import Any, TypeVar

import keras
import numpy as np
from keras import ops

from halonet.dataset.prefetch import Items
from halonet.dataset.samples import TrainingSamples
from halonet.mpi import Communicator
from halonet.network.heads import measures
from halonet.settings import HeadsSettings, NetworkSettings, SettingsError, TrainingSettings

T = TypeVar("T")

SEED_STEP = 7919  # between the dropout seeds of two ranks


class Ranks:
    """The ranks that share a training; without a communicator, one process that shares with nobody.

    Parameters
    ----------
    communicator
        MPI communicator of all ranks, or None.
    """

    def __init__(self, communicator: Communicator | None = None) -> None:
        self.communicator = communicator
        self.rank: int = communicator.rank if communicator else 0
        self.size: int = communicator.size if communicator else 1

    def check(self, settings: NetworkSettings, training: TrainingSettings) -> None:
        """Refuse what ranks cannot share."""
        if self.size == 1:
            return
        backend = keras.backend.backend()
        if backend != "tensorflow":
            raise SettingsError(
                f"training on {self.size} MPI ranks needs Keras' TensorFlow backend, this is {backend}; set "
                "KERAS_BACKEND=tensorflow or launch one process"
            )
        if training.gpus > 1:
            raise SettingsError(
                f"training.gpus = {training.gpus} on {self.size} MPI ranks; launch one rank for each GPU"
            )
        if settings.batch_normalisation:
            # Each rank would normalise by its own share.
            raise SettingsError(f"batch_normalisation = true needs one process, not {self.size} MPI ranks")
        for index, stage in enumerate(settings.stages):
            if stage.batch_size % self.size:
                raise SettingsError(
                    f"stages.{index}.batch_size = {stage.batch_size} cannot be shared among {self.size} MPI ranks; "
                    "their number must divide it"
                )

    def from_first(self, value: T) -> T:
        """Rank 0's value, on all ranks."""
        return self.communicator.bcast(value) if self.communicator else value

    def largest(self, value: int) -> int:
        """Largest value of any rank, on all ranks."""
        return max(self.communicator.allgather(value)) if self.communicator else value

    def share(self, samples: TrainingSamples, start: int, stop: int) -> Items:
        """This rank's shares of the batches of steps ``start`` to ``stop``."""
        whole = samples.between(start, stop)
        return whole if self.size == 1 else _Shares(whole, self.rank, self.size)

    def every(self, items: Items) -> Items:
        """This rank's part of ``items``: every so-many-th of them."""
        return items if self.size == 1 else _Every(items, self.rank, self.size)

    def together(self, mine: list) -> list:
        """All items of which each rank made those of :meth:`every`, in their order, on all ranks."""
        if self.communicator is None:
            return mine
        parts = self.communicator.allgather(mine)
        return [part[index] for index in range(len(parts[0])) for part in parts if index < len(part)]

    def synchronise(self, variables: list) -> None:
        """Give all ranks rank 0's variables; the seeds of dropout differ, since every rank drops other units."""
        if self.communicator is None:
            return
        for variable in variables:
            values = np.array(ops.convert_to_numpy(variable))
            self.communicator.Bcast(values)
            if variable.path.endswith("seed_generator_state"):
                values[0] += values.dtype.type(SEED_STEP * self.rank)
            variable.assign(values)

    def step(self, model: keras.Model, heads: HeadsSettings) -> "SharedStep | None":
        """The training step of ``model`` with ``heads`` that ranks share; None for one process, which needs none."""
        return SharedStep(model, heads, self.communicator) if self.communicator else None


class _Shares:
    """One rank's shares of batches."""

    def __init__(self, samples: TrainingSamples, rank: int, size: int) -> None:
        self.samples, self.count = samples, samples.batch_size // size
        self.offset = rank * self.count

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        first = (self.samples.start + index) * self.samples.batch_size + self.offset
        return self.samples.batch(range(first, first + self.count))


class _Every:
    """Every ``size``-th item, from number ``rank`` on; without making the others."""

    def __init__(self, items: Items, rank: int, size: int) -> None:
        self.items, self.numbers = items, range(rank, len(items), size)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> Any:
        return self.items[self.numbers[index]]


class SharedStep:
    """One update of a compiled model by the gradient averaged over ranks; the same on all of them.

    Keras would average inside its own step only where one library both computes and communicates: here gradients are
    computed, averaged by one Allreduce, and applied, which clips them.
    """

    def __init__(self, model: keras.Model, heads: HeadsSettings, communicator: Communicator) -> None:
        import tensorflow as tf

        self.model, self.measures, self.communicator = model, measures(heads), communicator
        self.sizes = [int(np.prod(variable.shape)) for variable in model.trainable_variables]
        self._measure, self._update = tf.function(self._measure_share), tf.function(self._apply)

    def __call__(self, inputs: np.ndarray, truths: np.ndarray) -> dict[str, float]:
        """Train on this rank's share of a batch; returns loss and measures of the whole batch."""
        mine = np.ascontiguousarray(self._measure(inputs, truths).numpy())
        average = np.empty_like(mine)
        self.communicator.Allreduce(mine, average)
        average /= self.communicator.size
        gradients, measured = np.split(average, [sum(self.sizes)])
        self._update(gradients)
        names = ["loss", *(measure.__name__ for measure in self.measures)]
        return dict(zip(names, measured.tolist(), strict=True))

    def _measure_share(self, inputs: keras.KerasTensor, truths: keras.KerasTensor) -> keras.KerasTensor:
        """Gradients of the share, one after the other, then its loss and measures."""
        import tensorflow as tf

        with tf.GradientTape() as tape:
            predicted = self.model(inputs, training=True)
            loss = self.model.compute_loss(x=inputs, y=truths, y_pred=predicted, training=True)
            scaled = self.model.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, self.model.trainable_variables)
        measured = [loss, *(ops.mean(measure(truths, predicted)) for measure in self.measures)]
        return ops.concatenate([ops.reshape(ops.cast(part, "float32"), (-1,)) for part in [*gradients, *measured]])

    def _apply(self, average: keras.KerasTensor) -> None:
        variables = self.model.trainable_variables
        parts = ops.split(average, np.cumsum(self.sizes)[:-1].tolist())
        gradients = [ops.reshape(part, variable.shape) for part, variable in zip(parts, variables, strict=True)]
        self.model.optimizer.apply(gradients, variables)
