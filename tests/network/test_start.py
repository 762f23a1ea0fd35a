"""Training that starts from the weights of a trained network."""

import shutil

import keras
import numpy as np
import pytest

from halonet.dataset.normalisation import Normalisation
from halonet.network.build import build_network
from halonet.network.checkpoints import Checkpoints, differences
from halonet.network.folder import WEIGHTS, TrainedNetwork, load_network, save_network, take_weights
from halonet.network.job import TrainingJob
from halonet.network.training import Trainer
from halonet.settings import NetworkSettings, SettingsError, TrainingSettings, validate
from halonet.storage import StorageError

BOTH = {"centre_offset": {"weight": 0.5}, "log_radius": {"weight": 0.5}}


@pytest.fixture
def changed(network_values):
    def change(**changes) -> NetworkSettings:
        return validate(NetworkSettings, network_values | changes, "test")

    return change


@pytest.fixture
def start(network_settings, tmp_path):
    """A network of random weights."""
    keras.utils.set_random_seed(8)
    return saved(network_settings, tmp_path / "start")


def saved(settings, folder):
    save_network(folder, TrainedNetwork(build_network(settings), settings, Normalisation(1.0, {0: 1.0}, 1.0)), {}, [])
    return folder


@pytest.fixture
def trainer(dataset, tmp_path, changed):
    def make(start=None, **changes) -> Trainer:
        stage = {"learning_rate": 1e-9, "steps": 2, "batch_size": 1}
        settings = changed(stages=[stage], start_from=start and str(start), **changes)
        data = (dataset, dataset / "subvolumes.csv", dataset / "normalisation.json")
        job = TrainingJob(settings, 1, *data, "code", start=start)
        return Trainer(job, TrainingSettings(), Checkpoints(tmp_path / "checkpoints", job.fingerprint()))

    return make


def weights_of(model) -> np.ndarray:
    return np.concatenate([keras.ops.convert_to_numpy(weight).ravel() for weight in model.trainable_weights])


def test_training_goes_on_from_the_weights_of_its_start_once(trainer, start, network_settings):
    held = build_network(network_settings)
    take_weights(held, network_settings, start)
    trained = trainer(start).run()
    np.testing.assert_allclose(weights_of(trained), weights_of(held), atol=1e-6)
    again = trainer(start).run()  # from its last checkpoint, not from the start
    assert np.array_equal(weights_of(again), weights_of(trained))
    assert not np.array_equal(weights_of(again), weights_of(held))


def test_new_heads_leave_the_probability_of_the_start(start, network_settings, changed):
    plain = build_network(network_settings)
    take_weights(plain, network_settings, start)
    settings = changed(heads=BOTH)
    model = build_network(settings)
    take_weights(model, settings, start)
    density = np.random.default_rng(1).normal(size=(1, 16, 16, 16, 1)).astype("f4")
    np.testing.assert_allclose(model(density)[..., :2], plain(density), atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"filters": 4}, "start: no start for this network, its filters is 2, not 4"),
        ({"activation": "prelu"}, "its activation is leaky_relu, not prelu"),
    ],
)
def test_a_start_of_another_architecture_or_input_is_refused_by_what_differs(start, changed, changes, message):
    settings = changed(**changes)
    with pytest.raises(StorageError, match=message):
        take_weights(build_network(settings), settings, start)


@pytest.mark.parametrize("architecture", ["unet", "vnet"])
def test_channels_that_the_start_does_not_see_change_nothing_at_first(changed, tmp_path, architecture):
    """Wherever they are among the others."""
    keras.utils.set_random_seed(9)
    some = {"smoothing_cells": [3.0], "simulation": {}}
    more = {"smoothing_cells": [2.0, 3.0], "shear_cells": [3.0], "simulation": {"motion": True}}
    folder = saved(changed(architecture=architecture, channels=some), tmp_path / architecture)
    plain, settings = load_network(folder).model, changed(architecture=architecture, channels=more)
    model = build_network(settings)
    take_weights(model, settings, folder)
    fields = np.random.default_rng(1).normal(size=(1, 16, 16, 16, 10)).astype("f4")
    seen = [0, 2, 4, 5, 6]  # density, the sphere of 3 cells, and the simulation without its motion
    np.testing.assert_allclose(model(fields), plain(fields[..., seen]), atol=1e-6)


@pytest.mark.parametrize("fewer", [{"smoothing_cells": [2.0]}, {"smoothing_cells": [3.0], "simulation": {"steps": 5}}])
def test_channels_of_the_start_are_not_lost_in_silence(changed, tmp_path, fewer):
    folder = saved(changed(channels={"smoothing_cells": [3.0], "simulation": {}}), tmp_path / "more")
    settings = changed(channels=fewer)
    with pytest.raises(StorageError, match=r"of its channels .*3\.0.* are not among"):
        take_weights(build_network(settings), settings, folder)


def test_heads_of_the_start_are_not_lost_in_silence(changed, network_settings, tmp_path):
    folder = saved(changed(heads=BOTH), tmp_path / "heads")
    with pytest.raises(StorageError, match=r"centre_offset_features/kernel has shape .* it is absent in the network"):
        take_weights(build_network(network_settings), network_settings, folder)


def test_other_weights_of_the_start_are_another_training(trainer, start, network_settings, tmp_path):
    before = trainer(start).job.fingerprint()
    assert trainer(start).job.fingerprint() == before
    shutil.copy(saved(network_settings, tmp_path / "other") / WEIGHTS, start / WEIGHTS)
    after = trainer(start).job.fingerprint()
    assert [change.split(" ")[0] for change in differences(before, after)] == ["start"]


def test_settings_and_command_line_must_agree_on_the_start(trainer, start, changed, dataset):
    data = (dataset, dataset / "subvolumes.csv", dataset / "normalisation.json")
    with pytest.raises(SettingsError, match="start_from = 'mine', but --start-from gives no folder"):
        TrainingJob(changed(start_from="mine"), 1, *data)
    with pytest.raises(SettingsError, match="start_from = None, but --start-from is"):
        TrainingJob(changed(), 1, *data, start=start)
