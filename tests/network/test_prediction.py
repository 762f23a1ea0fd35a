import logging
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest

from halonet.dataset.channels import whole_box_channels
from halonet.dataset.normalisation import Normalisation
from halonet.dataset.symmetries import GROUPS
from halonet.grid.slabs import Slabs
from halonet.network import prediction
from halonet.network.build import build_network
from halonet.network.folder import TrainedNetwork, save_network
from halonet.network.prediction import _forget_unread, predict_box
from halonet.settings import ChannelSettings, CosmologySettings, PredictionSettings, SettingsError
from halonet.storage import FieldHeader, read_field, read_header, write_field


@pytest.fixture
def density() -> np.ndarray:
    return np.random.default_rng(8).normal(size=(16, 16, 16)).astype("f4")


@pytest.fixture(scope="module")
def network(network_settings) -> TrainedNetwork:
    keras.utils.set_random_seed(3)
    return TrainedNetwork(build_network(network_settings), network_settings, Normalisation(2.0, {0: 2.0}, 1.0))


@pytest.fixture
def echo(network) -> TrainedNetwork:
    """A network that returns its input as foreground."""
    inputs = keras.Input((None, None, None, 1))
    return replace(network, model=keras.Model(inputs, keras.layers.Concatenate()([inputs, inputs])))


@pytest.mark.parametrize(("tile", "buffer"), [(8, 0), (8, 2), (24, 4)])
def test_a_network_that_returns_its_input_gives_back_the_normalised_box(echo, density, tile, buffer):
    settings = PredictionSettings(tile=tile, buffer=buffer)
    predicted = predict_box(echo, density, 1.0, settings)
    assert predicted.dtype == np.float32
    assert np.array_equal(predicted, density / np.float32(2))


def test_individual_normalisation_uses_the_boxs_own_deviation(echo, density):
    individual = replace(echo, settings=echo.settings.model_copy(update={"normalisation": "individual"}))
    predicted = predict_box(individual, 7 * density, 1.0, PredictionSettings(tile=16, buffer=4))
    assert predicted.std(dtype=float) == pytest.approx(1, rel=1e-5)


def test_a_network_no_wider_than_the_buffer_predicts_a_periodic_box(network, density):
    """A convolution that reaches 2 cells: tiles agree with one large tile, a shifted box with the shifted result."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((None, None, None, 1))
    outputs = keras.layers.Softmax()(keras.layers.Conv3D(2, 5, padding="same")(inputs))
    local = replace(network, model=keras.Model(inputs, outputs))
    tiled = predict_box(local, density, 1.0, PredictionSettings(tile=8, buffer=2))
    whole = predict_box(local, density, 1.0, PredictionSettings(tile=20, buffer=2))
    np.testing.assert_allclose(tiled, whole, atol=1e-6)
    shift = (5, -3, 1)
    shifted = predict_box(local, np.roll(density, shift, (0, 1, 2)), 1.0, PredictionSettings(tile=8, buffer=2))
    np.testing.assert_allclose(shifted, np.roll(tiled, shift, (0, 1, 2)), atol=1e-6)


def test_a_network_with_channels_predicts_a_periodic_box_from_those_of_the_whole_box(network, density):
    """Tiles agree with one large tile, which they could not with channels of a tile; a shift and training agree too."""
    channels = ChannelSettings(smoothing_cells=[2.0, 6.0], shear_cells=[3.0])
    settings = network.settings.model_copy(update={"channels": channels})
    keras.utils.set_random_seed(1)
    inputs = keras.Input((None, None, None, 4))
    outputs = keras.layers.Softmax()(keras.layers.Conv3D(2, 5, padding="same")(inputs))
    local = replace(network, model=keras.Model(inputs, outputs), settings=settings)
    tiled = predict_box(local, density, 1.0, PredictionSettings(tile=8, buffer=2))
    whole = predict_box(local, density, 1.0, PredictionSettings(tile=20, buffer=2))
    np.testing.assert_allclose(tiled, whole, atol=1e-6)
    shift = (5, -3, 1)
    shifted = predict_box(local, np.roll(density, shift, (0, 1, 2)), 1.0, PredictionSettings(tile=8, buffer=2))
    np.testing.assert_allclose(shifted, np.roll(tiled, shift, (0, 1, 2)), atol=1e-3)


def test_prediction_feeds_the_channels_that_training_reads(network, density):
    channels = ChannelSettings(smoothing_cells=[2.0], shear_cells=[3.0])
    settings = network.settings.model_copy(update={"channels": channels})
    inputs = keras.Input((None, None, None, 3))
    expected = (density / np.float32(2), *np.moveaxis(whole_box_channels(density, channels), -1, 0))
    for index, field in enumerate(expected):
        echo = replace(network, model=keras.Model(inputs, inputs[..., index : index + 1]), settings=settings)
        predicted = predict_box(
            echo, density, 1.0, PredictionSettings(tile=12, buffer=2), slabs=Slabs(len(density), threads=2)
        )
        assert np.array_equal(predicted, field.astype(np.float32))


def test_the_threads_of_the_slabs_are_those_of_the_network(network, density, monkeypatch):
    asked, engine = [], prediction.engine_of
    monkeypatch.setattr(prediction, "engine_of", lambda *given: asked.append(given[2]) or engine(*given))
    for slabs in (None, Slabs(len(density), threads=3)):
        predict_box(network, density, 1.0, PredictionSettings(tile=24, buffer=4), slabs=slabs)
    assert asked == [1, 3]


def test_prediction_simulates_a_box_in_the_cosmology_of_the_network(network, density):
    """The redshift decides how much gathers: a network of another one sees other channels."""
    channels, weak = ChannelSettings(simulation={}), np.float32(0.3) * density
    settings = network.settings.model_copy(update={"channels": channels})
    inputs = keras.Input((None, None, None, 4))
    echo = replace(network, model=keras.Model(inputs, inputs[..., 1:2]), settings=settings)
    tiles, found = PredictionSettings(tile=12, buffer=2), []
    for redshift in (0.0, 1.0):
        cosmology = CosmologySettings(redshift=redshift)
        known = replace(network.normalisation, cosmology=cosmology.model_dump())
        found.append(predict_box(replace(echo, normalisation=known), weak, 1.0, tiles))
        expected = whole_box_channels(weak, channels, cosmology=cosmology)[..., 0]
        assert np.array_equal(found[-1], expected.astype(np.float32))
    assert np.abs(found[0] - found[1]).max() > 1e-3
    with pytest.raises(SettingsError, match="the normalisation of the network, names none"):
        predict_box(echo, weak, 1.0, tiles)


def test_another_cell_size_is_warned_of(network, density, caplog):
    settings = PredictionSettings(tile=16, buffer=0)
    with caplog.at_level(logging.WARNING):
        predict_box(network, density, 1.005, settings)
        assert not caplog.text
        predict_box(network, density, 2.0, settings)
    assert "cells are 2 Mpc wide but the network was trained on cells of 1 Mpc" in caplog.text


def test_a_tile_the_network_cannot_halve_is_refused(network, density):
    with pytest.raises(SettingsError, match="tile = 10; this network of 2 levels needs a multiple of 4"):
        predict_box(network, density, 1.0, PredictionSettings(tile=10, buffer=1))


def test_a_prelu_network_refuses_another_size(network, density):
    settings = network.settings.model_copy(update={"activation": "prelu"})
    with pytest.raises(SettingsError, match=r"tile = 32; a network with PReLU takes .* 16"):
        predict_box(replace(network, settings=settings), density, 1.0, PredictionSettings(tile=32, buffer=8))


def test_a_users_own_field_needs_no_more_than_density_and_box_size(network, density, tmp_path, run_script):
    save_network(tmp_path / "network", network, {}, [])
    density = density * np.float32(network.normalisation.mean_deviation / density.std())
    write_field(tmp_path / "density.h5", "density", density, FieldHeader(16.0))
    arguments = ("--density", tmp_path / "density.h5", "--network", tmp_path / "network")
    settings = ("--settings", '{"tile": 24, "buffer": 4}')
    run_script("predict_mask", *arguments, "--probability", tmp_path / "p.h5", *settings)
    probability = read_field(tmp_path / "p.h5", "probability")
    np.testing.assert_allclose(
        probability, predict_box(network, density, 1.0, PredictionSettings(tile=24, buffer=4)), atol=1e-5
    )
    assert read_header(tmp_path / "p.h5").box_size_mpc == 16.0


def test_an_unknown_network_is_one_clear_line_and_writes_nothing(density, tmp_path, run_script):
    write_field(tmp_path / "density.h5", "density", density, FieldHeader(16.0))
    arguments = ("--density", tmp_path / "density.h5", "--network", tmp_path / "vnett")
    process = run_script("predict_mask", *arguments, "--probability", tmp_path / "p.h5", check=False)
    assert process.returncode == 2
    assert f"error: {tmp_path / 'vnett'}: no trained network" in process.stderr
    assert "Traceback" not in process.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"density.h5"}


@pytest.mark.parametrize("average", ["reflections", "cube"])
def test_the_mean_over_symmetries_does_not_change_when_the_box_is_turned(network, density, average):
    settings = PredictionSettings(tile=24, buffer=4, average=average)
    predicted = predict_box(network, density, 1.0, settings)
    turn = GROUPS[average][-1]
    turned = predict_box(network, np.ascontiguousarray(turn(density)), 1.0, settings)
    np.testing.assert_allclose(turned, turn(predicted), atol=1e-6)
    plain = predict_box(network, density, 1.0, PredictionSettings(tile=24, buffer=4))
    assert np.abs(predicted - plain).max() > 1e-4


def test_every_symmetry_is_undone_by_its_inverse(density):
    for symmetry in GROUPS["cube"]:
        assert np.array_equal(symmetry.inverse()(symmetry(density)), density)


def test_a_blend_wider_than_the_buffer_is_refused_with_its_numbers():
    with pytest.raises(ValueError, match="blend 3 exceeds the buffer, 2"):
        PredictionSettings(tile=16, buffer=2, blend=3)


@pytest.mark.skipif(sys.platform != "linux", reason="asks the system for its pages back")
def test_planes_that_no_rank_reads_any_more_are_given_back_and_no_others():
    unread = np.array([True, False, False, True, True, True, False, True])
    fields = [np.ones((len(unread), 64, 64), np.float32) for _ in range(2)]
    _forget_unread(tuple(fields), unread)
    for field in fields:
        assert field[~unread].all()
        assert np.count_nonzero(field[unread]) < field[unread].size / 2  # pages that lie across borders stay
