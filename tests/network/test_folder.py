import json
import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from halonet.dataset.normalisation import Normalisation
from halonet.network import load_network
from halonet.network.build import build_network
from halonet.network.folder import TrainedNetwork, save_network
from halonet.network.history import write_history
from halonet.network.stages import compile_for
from halonet.settings import SettingsError
from halonet.storage import StorageError

RECORD = {
    "stage": 1, "step": 1, "epoch": 0.5, "learning_rate": 0.1, "loss": 0.5, "training_dice": 0.7,
    "validation_loss": 0.4, "validation_dice": 0.8, "validation_foreground_dice": 0.5, "validation_voxel_dice": 0.7,
    "floor": 0.73, "seconds": 1.0, "samples_per_second": 2.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def saved(network_settings, tmp_path_factory):
    network = TrainedNetwork(build_network(network_settings), network_settings, Normalisation(2.0, {0: 2.0}, 1.0))
    folder = tmp_path_factory.mktemp("network")
    save_network(folder, network, {"stage": "training"}, [RECORD])
    return network, folder


@pytest.fixture
def folder(saved, tmp_path):
    shutil.copytree(saved[1], tmp_path / "network")
    return tmp_path / "network"


def test_a_network_loads_with_one_call_and_predicts_the_same(saved):
    network, folder = saved
    loaded = load_network(folder)
    density = np.random.default_rng(1).normal(size=(1, 16, 16, 16, 1)).astype("f4")
    assert np.array_equal(loaded.model.predict_on_batch(density), network.model.predict_on_batch(density))
    assert loaded.settings == network.settings
    assert loaded.normalisation == network.normalisation


def test_a_network_of_before_there_were_channels_predicts_the_same(saved, folder):
    settings = json.loads((folder / "settings.json").read_text())
    del settings["channels"]
    (folder / "settings.json").write_text(json.dumps(settings))
    density = np.random.default_rng(1).normal(size=(1, 16, 16, 16, 1)).astype("f4")
    predicted = load_network(folder).model.predict_on_batch(density)
    assert np.array_equal(predicted, saved[0].model.predict_on_batch(density))


def test_the_file_of_weights_holds_no_state_of_the_optimizer(network_settings, tmp_path):
    network = TrainedNetwork(build_network(network_settings), network_settings, Normalisation(2.0, {0: 2.0}, 1.0))
    compile_for(network.model, network_settings.stages[1], 40, network_settings.precision)
    batch = np.zeros((1, 16, 16, 16, 1), "f4"), np.zeros((1, 16, 16, 16, 1), "u1")
    network.model.test_on_batch(*batch)  # builds the measures, so that the step is traced once
    network.model.train_on_batch(*batch)
    save_network(tmp_path, network, {}, [RECORD])
    stored = []
    with h5py.File(tmp_path / "model.weights.h5") as file:
        file.visititems(lambda _, item: stored.append(item.size) if isinstance(item, h5py.Dataset) else None)
    assert sum(stored) == network.model.count_params() + 1  # and the layout


def test_the_folder_describes_itself(saved):
    names = {path.name for path in saved[1].iterdir()}
    described = {"model.weights.h5", "settings.json", "normalisation.json", "provenance.json", "digests.json"}
    assert names == described | {"history.csv", "timing.csv", "progress.png", "events"}
    assert json.loads((saved[1] / "provenance.json").read_text()) == {"stage": "training"}


def test_a_young_plot_of_the_training_stays_and_its_tables_are_written(folder):
    plot, table = folder / "progress.png", folder / "history.csv"
    plot.write_bytes(b"young")
    write_history(folder, [RECORD, RECORD | {"step": 2}], plot_every=1000)
    assert (plot.read_bytes(), len(table.read_text().splitlines())) == (b"young", 3)
    os.utime(plot, (0, 0))
    write_history(folder, [RECORD], plot_every=1000)
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_the_same_network_is_saved_to_the_same_bytes(saved, tmp_path):
    save_network(tmp_path, saved[0], {"stage": "training"}, [RECORD])
    for path in filter(Path.is_file, saved[1].rglob("*")):
        name = path.relative_to(saved[1])
        assert path.read_bytes() == (tmp_path / name).read_bytes(), name


def test_what_a_killed_writer_left_is_removed(saved, folder):
    (folder / ".weights-killed").mkdir()
    (folder / ".weights-killed" / "model.weights.h5").write_bytes(b"half")
    save_network(folder, saved[0], {}, [RECORD])
    assert not (folder / ".weights-killed").exists()
    load_network(folder)


def test_weights_of_another_architecture_are_refused_with_the_difference(folder):
    settings = json.loads((folder / "settings.json").read_text())
    (folder / "settings.json").write_text(json.dumps(settings | {"filters": 4}))
    message = r"model\.weights\.h5: weights of another architecture\. level0_in/kernel has shape \(3, 3, 3, 1, 2\) in"
    with pytest.raises(StorageError, match=message) as error:
        load_network(folder)
    assert "(3, 3, 3, 1, 4) in the network of settings.json" in str(error.value)


def test_a_weight_that_is_absent_is_named(folder):
    settings = json.loads((folder / "settings.json").read_text())
    (folder / "settings.json").write_text(json.dumps(settings | {"convolutions": 2}))
    with pytest.raises(StorageError, match=r"level1_in_convolution_2/kernel has shape none, it is absent in the file"):
        load_network(folder)


@pytest.mark.parametrize("name", ["settings.json", "normalisation.json", "model.weights.h5"])
def test_an_incomplete_folder_is_refused_by_what_it_lacks(folder, name):
    (folder / name).unlink()
    with pytest.raises(StorageError, match=f"network: no trained network, it has no {name}"):
        load_network(folder)


def test_an_unknown_folder_is_named(tmp_path):
    with pytest.raises(StorageError, match="nowhere: no trained network, there is no such folder"):
        load_network(tmp_path / "nowhere")


def test_truncated_and_foreign_weights_are_refused_by_file(folder):
    weights = folder / "model.weights.h5"
    whole = weights.read_bytes()
    (folder / "digests.json").unlink()  # as a network of an earlier version
    weights.write_bytes(whole[:2000])
    with pytest.raises(StorageError, match=r"model\.weights\.h5: no complete HDF5 file"):
        load_network(folder)
    weights.unlink()
    with h5py.File(weights, "w") as file:
        file["kernel"] = np.zeros(3)
    with pytest.raises(StorageError, match=r"model\.weights\.h5: no weights of a HaloNet network"):
        load_network(folder)


def test_a_wrong_setting_in_the_folder_is_named(folder):
    settings = json.loads((folder / "settings.json").read_text())
    (folder / "settings.json").write_text(json.dumps(settings | {"kernel": 4}))
    with pytest.raises(SettingsError, match=r"settings\.json.*kernel 4 is even"):
        load_network(folder)
