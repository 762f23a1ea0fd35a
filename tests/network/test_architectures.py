from collections import Counter

import keras
import numpy as np
import pytest

from halonet.network.build import build_network, size_multiple
from halonet.network.unet import build_unet
from halonet.network.vnet import build_vnet
from halonet.settings import NetworkSettings, validate

from .conftest import made_of

TABLE_1 = [  # levels, filters, convolutions, transposed, activations, weights, weights with PReLU at 128^3
    (4, 16, 29, 4, 32, 44_157_746, 237_620_018),
    (5, 16, 36, 5, 40, 177_329_970, 371_447_602),
    (6, 10, 43, 6, 48, 277_352_032, 400_350_816),
]


def unallocated(build, settings: NetworkSettings) -> keras.Model:
    """A network whose weights have shapes but no memory: those of the 6-level network would take 1.6 GB."""
    with keras.StatelessScope(initialize_variables=False):
        return build(settings)


@pytest.mark.parametrize(("levels", "filters", "convolutions", "transposed", "activations", "weights", "_"), TABLE_1)
def test_layers_and_weights_of_table_1(levels, filters, convolutions, transposed, activations, weights, _):
    model = unallocated(build_vnet, made_of(levels, filters))
    counts = Counter(type(layer).__name__ for layer in model.layers)
    assert (counts["Conv3D"], counts["Conv3DTranspose"], counts["LeakyReLU"]) == (convolutions, transposed, activations)
    assert model.count_params() == weights


@pytest.mark.parametrize(("levels", "filters", "_", "__", "activations", "___", "weights"), TABLE_1)
def test_free_parameters_printed_in_table_1_count_a_slope_per_voxel(levels, filters, _, __, activations, ___, weights):
    model = unallocated(build_vnet, made_of(levels, filters, activation="prelu", window=128))
    assert sum(type(layer).__name__ == "PReLU" for layer in model.layers) == activations
    assert model.count_params() == weights


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_dropout_follows_the_inner_down_and_up_convolutions_only(levels):
    names = {layer.name for layer in build_vnet(made_of(levels, 2), dropout=0.5).layers if "dropout" in layer.name}
    inner = range(1, levels)
    assert names == {f"level{n + 1}_down_dropout" for n in inner} | {f"level{n}_up_dropout" for n in inner}


def test_batch_normalisation_precedes_every_activation():
    model = build_vnet(made_of(2, 2, batch_normalisation=True))
    activations = [layer for layer in model.layers if type(layer).__name__ == "LeakyReLU"]
    assert len(activations) == 16
    for layer in activations:
        assert type(layer.input._keras_history.operation).__name__ == "BatchNormalization"


def test_the_small_network_has_under_two_million_weights():
    assert unallocated(build_unet, made_of(4, 16, kernel=3, convolutions=2)).count_params() == 1_786_714


@pytest.mark.parametrize("build", [build_vnet, build_unet])
@pytest.mark.parametrize("size", [8, 12, 20])
def test_a_network_takes_any_size_that_can_be_halved(build, size):
    model = build(made_of(2, 2, kernel=3))
    predicted = model.predict_on_batch(np.random.default_rng(1).normal(size=(1, size, size, size, 1)))
    assert predicted.shape == (1, size, size, size, 2)
    np.testing.assert_allclose(predicted.sum(axis=-1), 1, rtol=1e-5)


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_probabilities_and_weights_are_float32_in_every_precision(precision):
    model = build_unet(made_of(1, 4, kernel=3, precision=precision))
    assert model.predict_on_batch(np.ones((1, 4, 4, 4, 1), "f4")).dtype == np.float32
    assert {weight.dtype for weight in model.weights} == {"float32"}


def test_the_input_broadcasts_over_the_filters_of_level_0():
    """With all weights zero the first residual block hands the density itself on in every channel."""
    model = build_vnet(made_of(1, 3, kernel=3))
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape))
    first = keras.Model(model.input, model.get_layer("level0_in_sum").output)
    density = np.random.default_rng(2).normal(size=(1, 4, 4, 4, 1)).astype("f4")
    assert np.array_equal(first.predict_on_batch(density), np.repeat(density, 3, axis=-1))


@pytest.mark.parametrize("architecture", ["vnet", "unet"])
def test_settings_build_their_network(architecture, network_values):
    values = network_values | {"architecture": architecture, "kernel": 3, "filters": 3}
    settings = validate(NetworkSettings, values, "test")
    model = build_network(settings)
    assert model.name == architecture
    assert size_multiple(settings) == 4


@pytest.mark.parametrize("architecture", ["vnet", "unet"])
def test_channels_widen_the_input_and_nothing_changes_without_them(architecture, network_values):
    values = network_values | {"architecture": architecture}
    initial, shapes = [], []
    for channels in ({}, {"channels": {}}, {"channels": {"smoothing_cells": [2, 3], "shear_cells": [2]}}):
        keras.utils.set_random_seed(5)
        model = build_network(validate(NetworkSettings, values | channels, "test"))
        initial.append([weight.tobytes() for weight in model.get_weights()])
        shapes.append(model.input_shape[-1])
    assert shapes == [1, 1, 4]
    assert initial[0] == initial[1]


@pytest.mark.parametrize("build", [build_vnet, build_unet])
def test_a_network_takes_several_input_channels(build):
    density = np.random.default_rng(3).normal(size=(2, 8, 8, 8, 3)).astype("f4")
    settings = made_of(2, 2, kernel=3, channels={"smoothing_cells": [2, 3]})
    assert build(settings).predict_on_batch(density).shape == (2, 8, 8, 8, 2)
