"""Predictions by OpenVINO and by Keras: one network, the same probabilities."""

import logging

import keras
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from halonet.network import engines
from halonet.network.build import build_network
from halonet.network.engines import arithmetic, engine_of
from halonet.network.folder import load_network
from halonet.network.shipped import find_network
from halonet.settings import PredictionSettings

pytest.importorskip("openvino")
UNET = {"architecture": "unet", "levels": 3, "filters": 4, "convolutions": 2, "batch_normalisation": False}
CHANNELS = {"smoothing_cells": [2.0], "shear_cells": [3.0]}
HEADS = {"centre_offset": {"weight": 1.0}, "log_radius": {"weight": 1.0}}


def randomised(settings) -> keras.Model:
    """A network all of whose weights matter: biases and moments of batch normalisation too."""
    model, random = build_network(settings), np.random.default_rng(1)
    for weight in model.weights:
        scale = (2 / max(np.prod(weight.shape[:-1]), 1)) ** 0.5 if len(weight.shape) > 1 else 0.3
        values = random.normal(scale=scale, size=weight.shape)
        weight.assign(1 + np.abs(values) if weight.path.endswith(("variance", "gamma")) else values)
    return model


def by_keras(model: keras.Model, fields: list[np.ndarray], trimmed: int) -> np.ndarray:
    kept = slice(trimmed, len(fields[0]) - trimmed)
    return model.predict_on_batch(np.stack(fields, -1).astype(np.float32)[None])[0][kept, kept, kept]


def tile(side: int, channels: int = 0) -> list[np.ndarray]:
    """Density of a tile, and its channels."""
    random = np.random.default_rng(2)
    density, *beside = (random.normal(size=(side,) * 3) for _ in range(1 + channels))
    return [density.astype(np.float32), *(field.astype(np.float16) for field in beside)]


@pytest.mark.parametrize("buffer", [0, 8, 10, 12])
@pytest.mark.parametrize("values", [{}, UNET, UNET | {"channels": CHANNELS, "heads": HEADS}, {"channels": CHANNELS}])
def test_openvino_predicts_what_keras_does_though_it_cuts_what_the_core_cannot_see(network_settings, values, buffer):
    settings = type(network_settings).model_validate(network_settings.model_dump() | values)
    model, inputs = randomised(settings), tile(48, settings.channels.count)
    wanted = by_keras(model, inputs, buffer)
    engine = engine_of(model, PredictionSettings(tile=48, buffer=buffer), threads=2)
    assert wanted[..., 0].std() > 0.01
    np.testing.assert_allclose(engine(*inputs), wanted, rtol=1e-4, atol=1e-5)


def test_what_is_fastest_differs_by_less_than_a_thousandth_on_average():
    network = load_network(find_network("vnet-small"))
    density = gaussian_filter(tile(48)[0], 2)
    density /= density.std()
    exact, fastest = (
        engine_of(network.model, PredictionSettings(tile=48, buffer=8, precision=precision), 2)(density)[..., 0]
        for precision in ("float32", "fastest")
    )
    assert exact.std() > 0.1
    assert np.abs(fastest - exact).mean() < 1e-3
    assert np.abs(fastest - exact).max() < 0.05


def test_neither_threads_nor_repetition_change_a_bit(network_settings):
    model = randomised(type(network_settings).model_validate(network_settings.model_dump() | UNET))
    (density,) = tile(32)
    for precision in ("float32", "fastest"):
        settings = PredictionSettings(tile=32, buffer=8, precision=precision)
        first, *others = (engine_of(model, settings, threads)(density) for threads in (1, 1, 2))
        assert all(np.array_equal(first, other) for other in others)


def test_a_layer_that_openvino_is_not_taught_runs_on_keras_and_that_is_said(caplog):
    inputs = keras.Input((8, 8, 8, 1))
    outputs = keras.layers.Concatenate()([keras.layers.ReLU()(inputs), inputs])
    engines._say.cache_clear()
    with caplog.at_level(logging.INFO, "halonet"):
        engine = engine_of(keras.Model(inputs, outputs), PredictionSettings(tile=8, buffer=2), 1)
    assert "run on Keras, not on OpenVINO: layer re_lu" in caplog.text
    (density,) = tile(8)
    assert np.array_equal(engine(density)[..., 0], np.maximum(density, 0)[2:-2, 2:-2, 2:-2])


def test_without_openvino_networks_run_on_keras_and_that_is_said(monkeypatch, caplog):
    monkeypatch.setattr(engines, "has_openvino", lambda: False)
    engines._say.cache_clear()
    with caplog.at_level(logging.INFO, "halonet"):
        assert arithmetic("fastest", quantised=True) == "Keras, float32"
    assert "pip install openvino" in caplog.text


@pytest.mark.parametrize("held_back", ["AVX2", "avx512_core"])
def test_a_processor_that_is_held_back_from_bfloat16_computes_what_is_left_in_float32(monkeypatch, held_back):
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", held_back)
    assert arithmetic("fastest", quantised=False) == "OpenVINO, float32"
    assert arithmetic("fastest", quantised=True) == "OpenVINO, int8 and float32"
