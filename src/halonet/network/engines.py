"""What computes a network's predictions on a processor: OpenVINO, which is made for it, or else Keras itself.

Both read the same model. In single precision they agree to rounding. OpenVINO leaves out what of a tile would be
trimmed away (:mod:`halonet.network.graph`), and computes in bfloat16 where the processor has instructions for it and
the settings ask for what is fastest: three times as fast, with probabilities that differ by less than 0.001 on average
(docs/performance.md). On a GPU networks run on Keras.
"""

import logging
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec

import keras
import numpy as np

from halonet.network.devices import uses_gpus
from halonet.settings import PredictionSettings, SettingsError

log = logging.getLogger("halonet")
# Maps the normalised density of a tile, float32 of shape (S, S, S), and its further channels, float16 of that shape
# each, to the network's outputs for the trimmed tile, float32 of shape (S - 2 t, S - 2 t, S - 2 t, K).
Engine = Callable[..., np.ndarray]


def arithmetic(precision: str) -> str:
    """What networks compute by in this process and with which numbers, for a precision of the settings."""
    if uses_gpus():
        return "Keras, float32"
    if find_spec("openvino") is None:
        _say("networks run on Keras; with openvino installed (pip install openvino), mocks take half as long")
        return "Keras, float32"
    from openvino import Core

    capable = "BF16" in Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "OpenVINO, bfloat16" if precision == "fastest" and capable else "OpenVINO, float32"


def engine_of(model: keras.Model, settings: PredictionSettings, threads: int) -> Engine:
    """What computes the predictions of a network for tiles, of which ``settings.trimmed`` cells are trimmed."""
    chosen = arithmetic(settings.precision)
    if chosen.startswith("OpenVINO"):
        try:
            return _by_openvino(model, settings, chosen.endswith("bfloat16"), threads)
        except SettingsError as error:
            _say(f"networks run on Keras, not on OpenVINO: {error}")
    return _by_keras(model, settings.trimmed)


@lru_cache
def _say(message: str) -> None:
    """Tell it once."""
    log.info(message)


def _by_keras(model: keras.Model, trimmed: int) -> Engine:
    def predict(density: np.ndarray, *channels: np.ndarray) -> np.ndarray:
        outputs = model.predict_on_batch(np.stack([density, *channels], axis=-1, dtype=np.float32)[None])[0]
        kept = slice(trimmed, len(density) - trimmed)
        return outputs[kept, kept, kept]

    return predict


def _by_openvino(model: keras.Model, settings: PredictionSettings, bfloat16: bool, threads: int) -> Engine:
    from openvino import Core, Type
    from openvino.properties import hint, inference_num_threads

    from halonet.network.graph import graph_of

    options = {
        inference_num_threads(): threads,
        hint.inference_precision(): Type.bf16 if bfloat16 else Type.f32,
        hint.performance_mode(): hint.PerformanceMode.LATENCY,
        hint.enable_cpu_pinning(): False,  # ranks of one machine would share a core
    }
    graph = graph_of(model, settings.tile, settings.trimmed)
    request = Core().compile_model(graph, "CPU", options).create_infer_request()

    def predict(density: np.ndarray, *channels: np.ndarray) -> np.ndarray:
        fields = [np.ascontiguousarray(field)[None, None] for field in (density, *channels)]
        outputs = request.infer(fields, share_inputs=True)
        return np.array(outputs[0][0])

    return predict
