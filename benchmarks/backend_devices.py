"""What a Keras backend computes on, whichever it is: devices, their memory, its version.

Keras is imported by the functions: what TensorFlow reads has to be set before.
"""

import importlib
import resource


def gpus_found():
    import keras

    if keras.backend.backend() != "tensorflow":
        return 0  # the other backends choose for themselves
    import tensorflow as tf

    return min(len(tf.config.list_physical_devices("GPU")), 1)


def device_names():
    """Number of GPUs the backend uses, and what it computes on."""
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.get_visible_devices("GPU")
        names = [tf.config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in gpus]
    elif keras.backend.backend() == "jax":
        import jax

        names = [device.device_kind for device in jax.devices() if device.platform != "cpu"]
    else:
        import torch

        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return len(names), names[0] if names else "CPU"


def peak_memory():
    """Bytes: the most the device's allocator held on a GPU, else the most this process held."""
    import keras

    backend = keras.backend.backend()
    if not device_names()[0]:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.config.experimental.get_memory_info("GPU:0")["peak"]
    if backend == "jax":
        import jax

        return jax.local_devices()[0].memory_stats()["peak_bytes_in_use"]
    import torch

    return torch.cuda.max_memory_allocated()


def backend_version():
    import keras

    module = importlib.import_module(keras.backend.backend())
    return f"{module.__name__} {module.__version__}"
