"""Devices a network runs on.

Here and in :mod:`halonet.network.ranks` alone TensorFlow itself may be needed, and only where it is the backend.
"""

import logging
from contextlib import AbstractContextManager, nullcontext

import keras
import numpy as np

from halonet import heap
from halonet.environment import without_notes
from halonet.settings import SettingsError, TrainingStageSettings

log = logging.getLogger("halonet")


def prepare_devices(threads: int, gpus: int, place: int = 0) -> None:
    """Set number of threads and GPUs before any computation; on the CPU, make every operation deterministic.

    Only TensorFlow needs this: the other backends take their devices from the environment. ``place`` is the number of
    this process among those of its machine; where it sees the GPUs of all of them, it takes its own.
    """
    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    with nullcontext() if gpus else without_notes():  # who asks for no GPU need not hear that there is none
        found = tf.config.list_physical_devices("GPU")
    if len(found) < gpus:
        raise SettingsError(f"training.gpus = {gpus}, but TensorFlow finds {len(found)} on this machine")
    mine = found if len(found) == gpus else found[place * gpus : (place + 1) * gpus]
    if len(mine) < gpus:
        raise SettingsError(f"training.gpus = {gpus} for each of {place + 1} or more ranks, but here are {len(found)}")
    tf.config.set_visible_devices(mine, "GPU")
    for gpu in mine:
        tf.config.experimental.set_memory_growth(gpu, True)
    if not gpus:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        # Sums of gradients in a fixed order: the same run gives the same bits, which resuming relies on.
        tf.config.experimental.enable_op_determinism()
        heap.keep()


def prepare_devices_once(threads: int, gpus: int, place: int = 0) -> None:
    """The same where a user's session may have computed with TensorFlow before: then its devices stay as they are."""
    try:
        prepare_devices(threads, gpus, place)
    except RuntimeError as error:  # what TensorFlow raises where it is at work already
        log.warning("TensorFlow keeps the threads and devices that it has begun with (%s)", error)


def uses_gpus() -> bool:
    """Whether networks of this process run on GPUs."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    with without_notes():
        return bool(tf.config.get_visible_devices("GPU"))


def prepare_gradients() -> None:
    """Leave the operations of a network as they are: gradients need what TensorFlow would fuse.

    It tries at every start of a training, fails and prints an error. Predictions gain by it.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.optimizer.set_experimental_options({"remapping": False})


def check_stages(stages: list[TrainingStageSettings], gpus: int) -> None:
    """Refuse stages whose result would depend on the number of GPUs."""
    for index, stage in enumerate(stages):
        if gpus > 1 and stage.batch_size % gpus:
            raise SettingsError(f"stages.{index}.batch_size = {stage.batch_size} cannot be shared among {gpus} GPUs")
        if gpus > 1 and stage.clip_norm:
            # Keras clips the gradient of each GPU's share, which is not the gradient of the batch.
            raise SettingsError(f"stages.{index}.clip_norm = {stage.clip_norm} works on one GPU only, not on {gpus}")


def distribution(gpus: int) -> AbstractContextManager:
    """Scope in which a model is built that trains on ``gpus`` GPUs of this machine, the batch shared among them."""
    if gpus < 2:
        return nullcontext()
    if keras.backend.backend() != "tensorflow":
        raise SettingsError(f"training.gpus = {gpus} needs the TensorFlow backend of Keras")
    import tensorflow as tf

    return tf.distribute.MirroredStrategy().scope()


def shared_out(batch: tuple[np.ndarray, ...], model: keras.Model) -> tuple:
    """A batch with its samples shared out among the devices ``model`` trains on; the batch itself on one device."""
    strategy = getattr(model, "distribute_strategy", None)
    if strategy is None or strategy.num_replicas_in_sync == 1:
        return batch
    parts = [np.split(array, strategy.num_replicas_in_sync) for array in batch]
    return tuple(
        strategy.experimental_distribute_values_from_function(
            lambda context, part=part: part[context.replica_id_in_sync_group]
        )
        for part in parts
    )
