"""What computes a network's predictions on a processor: OpenVINO, which is made for it, or else Keras itself.

Both read the same model. In single precision they agree to rounding. OpenVINO leaves out what of a tile would be
trimmed away (:mod:`halonet.network.graph`). Where the settings ask for what is fastest, it computes the convolutions
for which the network has them in whole numbers of eight bits (:mod:`halonet.network.quantised`), and the others in
bfloat16 where the processor has instructions for it. docs/mocks.md says what that changes. On a GPU networks run on
Keras.
"""

import logging
from collections.abc import Callable
from functools import lru_cache

import keras
import numpy as np

from halonet.network.devices import uses_gpus
from halonet.network.processor import has_bfloat16, has_openvino
from halonet.network.quantised import Quantised
from halonet.settings import PredictionSettings, SettingsError

log = logging.getLogger("halonet")
# Maps the normalised density of a tile, float32 of shape (S, S, S), and its further channels, of that shape each and
# float16 or whole numbers, to the network's outputs for the trimmed tile, float32 of shape (S - 2 t, S - 2 t,
# S - 2 t, K).
Engine = Callable[..., np.ndarray]


def arithmetic(precision: str, quantised: bool) -> str:
    """What networks compute by in this process and with which numbers, for a precision of the settings.

    ``quantised`` says whether the network has convolutions in eight bits.
    """
    if uses_gpus():
        return "Keras, float32"
    if not has_openvino():
        _say("networks run on Keras; with openvino installed (pip install openvino), mocks take half as long")
        return "Keras, float32"
    if precision == "float32":
        return "OpenVINO, float32"
    others = "bfloat16" if has_bfloat16() else "float32"
    return f"OpenVINO, int8 and {others}" if quantised else f"OpenVINO, {others}"


def engine_of(
    model: keras.Model,
    settings: PredictionSettings,
    threads: int,
    quantised: Quantised | None = None,
    whole_channels: bool = False,
) -> Engine:
    """What computes the predictions of a network for tiles, of which ``settings.trimmed`` cells are trimmed.

    Parameters
    ----------
    quantised
        The network's convolutions in eight bits, if it has them: used where the settings ask for what is fastest.
    whole_channels
        The further channels are whole numbers, in units of ``quantised.channel_steps``.
    """
    chosen = arithmetic(settings.precision, quantised is not None)
    if chosen.startswith("OpenVINO"):
        try:
            return _by_openvino(model, settings, chosen, threads, quantised, whole_channels)
        except SettingsError as error:
            if whole_channels:  # which Keras does not know
                raise
            _say(f"networks run on Keras, not on OpenVINO: {error}")
    return _by_keras(model, settings.trimmed)


@lru_cache
def _say(message: str) -> None:
    """Tell it once."""
    log.info(message)


def _by_keras(model: keras.Model, trimmed: int) -> Engine:
    def predict(density: np.ndarray, *channels: np.ndarray) -> np.ndarray:
        outputs = model.predict_on_batch(np.stack([density, *channels], axis=-1, dtype=np.float32)[None])[0]
        return outputs[tuple(slice(trimmed, side - trimmed) for side in density.shape)]

    return predict


def _by_openvino(
    model: keras.Model,
    settings: PredictionSettings,
    chosen: str,
    threads: int,
    quantised: Quantised | None,
    whole_channels: bool,
) -> Engine:
    from openvino import Core, Type
    from openvino.properties import hint, inference_num_threads

    from halonet.network.graph import NONE, graph_of

    options = {
        inference_num_threads(): threads,
        hint.inference_precision(): Type.bf16 if chosen.endswith("bfloat16") else Type.f32,
        hint.performance_mode(): hint.PerformanceMode.LATENCY,
        hint.enable_cpu_pinning(): False,  # ranks of one machine would share a core
    }
    held = quantised if quantised is not None and "int8" in chosen else NONE
    steps = held.channel_steps if whole_channels else NONE.channel_steps
    graph = graph_of(model, settings.sides, settings.trimmed, held.convolutions, steps)
    request = Core().compile_model(graph, "CPU", options).create_infer_request()

    def predict(density: np.ndarray, *channels: np.ndarray) -> np.ndarray:
        fields = [np.ascontiguousarray(field)[None, None] for field in (density, *channels)]
        outputs = request.infer(fields, share_inputs=True)
        return np.array(outputs[0][0])

    return predict
