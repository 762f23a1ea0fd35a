"""Damaged weights, thresholds and normalisation are refused by their digests, numbers that are none by themselves."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from halonet.dataset.normalisation import Normalisation, read_normalisation
from halonet.digests import check_digest, note_digests
from halonet.halo_finding.finder import Finder, finder_of
from halonet.network import load_network
from halonet.network.build import build_network
from halonet.network.folder import TrainedNetwork, save_network
from halonet.network.prediction import check_input, predict_box
from halonet.network.shipped import find_network
from halonet.plausibility.verdict import PlausibilityError
from halonet.settings import PredictionSettings
from halonet.storage import StorageError

RECORD = {
    name: 1
    for name in (
        *("stage", "step", "epoch", "learning_rate", "loss", "training_dice", "validation_loss", "validation_dice"),
        *("validation_foreground_dice", "validation_voxel_dice", "floor", "seconds", "samples_per_second"),
    )
}
SHIPPED = Path(__file__).parents[2] / "networks"


@pytest.fixture(scope="module")
def trained(tmp_path_factory, network_settings):
    folder = tmp_path_factory.mktemp("trained") / "network"
    network = TrainedNetwork(build_network(network_settings), network_settings, Normalisation(3.35, {0: 3.35}, 1.0))
    save_network(folder, network, {"stage": "training"}, [RECORD])
    return folder


@pytest.fixture
def folder(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "network")
    return tmp_path / "network"


def damage(path, start=0.33, content=b"\xff" * 4096):
    data = bytearray(path.read_bytes())
    first = int(start * len(data))
    data[first : first + len(content)] = content
    path.write_bytes(data)


NETWORKS = ["n-body", "n-body-light", "cosmologies"]
NETWORKS += ["vnet-small", "vnet-small-channels", "vnet-small-objects"]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_shipped_network_is_what_was_shipped(name):
    noted = json.loads((SHIPPED / name / "digests.json").read_text())
    quantised = {"int8.h5"} if (SHIPPED / name / "int8.h5").exists() else set()
    assert set(noted) == {"model.weights.h5", "normalisation.json", "thresholds.json"} | quantised
    for file in noted:
        check_digest(SHIPPED / name / file)


@pytest.mark.parametrize("content", [b"\xff" * 4096, b"\0" * 64, b"\x01"], ids=["bad block", "zeros", "one byte"])
def test_damaged_weights_are_refused(folder, content):
    damage(folder / "model.weights.h5", content=content)
    with pytest.raises(StorageError, match=r"model\.weights\.h5: damaged, or changed since it was made"):
        load_network(folder)


def test_a_changed_digit_in_the_normalisation_is_refused(folder):
    path = folder / "normalisation.json"
    path.write_text(path.read_text().replace("3.35", "5.35", 1))
    with pytest.raises(StorageError, match=r"normalisation\.json: damaged, or changed"):
        read_normalisation(path)


def test_a_changed_digit_in_shipped_thresholds_is_refused_by_whatever_reads_them(tmp_path):
    for name, settings in (("vnet-small", None), ("vnet-small-objects", None)):
        folder = tmp_path / name
        shutil.copytree(SHIPPED / name, folder)
        path, settings = folder / "thresholds.json", finder_of(folder / "thresholds.json")
        path.write_text(path.read_text().replace("0.", "0.1", 1))
        for read in (lambda path=path: finder_of(path), lambda path=path, s=settings: Finder(s, path)):
            with pytest.raises(StorageError, match=r"thresholds\.json: damaged, or changed"):
                read()


def test_a_file_that_was_changed_on_purpose_is_taken_once_its_line_is_deleted(folder):
    path, noted = folder / "normalisation.json", folder / "digests.json"
    path.write_text(path.read_text().replace("3.35", "3.45"))
    digests = json.loads(noted.read_text())
    del digests["normalisation.json"]
    noted.write_text(json.dumps(digests))
    assert read_normalisation(path).mean_deviation == 3.45
    note_digests(folder, ["normalisation.json"])
    check_digest(path)


def test_a_network_without_a_file_whose_digest_is_noted_is_refused_and_no_default_is_taken(tmp_path):
    """Without its thresholds the paper's finder would be taken, which finds a quarter of the haloes."""
    folder = tmp_path / "network"
    shutil.copytree(SHIPPED / "vnet-small", folder)
    (folder / "thresholds.json").unlink()
    words = r"thresholds\.json missing, whose digest stands in .*digests\.json; copy it again"
    for take in (find_network, load_network):
        with pytest.raises(StorageError, match=words):
            take(folder)
    noted = folder / "digests.json"
    digests = json.loads(noted.read_text())
    del digests["thresholds.json"]
    noted.write_text(json.dumps(digests))
    assert find_network(folder) == folder
    assert load_network(folder).folder == folder


def test_weights_that_are_not_finite_are_refused_where_there_is_no_digest(folder, network_settings):
    model = build_network(network_settings)
    model.weights[3].assign(np.full(model.weights[3].shape, np.nan))
    network = TrainedNetwork(model, network_settings, Normalisation(3.35, {0: 3.35}, 1.0))
    save_network(folder, network, {}, [RECORD])
    (folder / "digests.json").unlink()
    with pytest.raises(StorageError, match=f"{model.weights[3].path} has values that are not finite"):
        load_network(folder)


def test_a_prediction_of_nothing_is_an_error_and_no_field(folder):
    network = load_network(folder)
    density = np.random.default_rng(1).normal(size=(16, 16, 16)).astype("f4")
    assert np.isfinite(predict_box(network, density, 1.0, PredictionSettings(tile=16, buffer=0))).all()
    last = network.model.weights[-1]
    last.assign(np.full(last.shape, np.nan))
    with pytest.raises(StorageError, match="predicts values that are not finite: its weights are damaged"):
        predict_box(network, density, 1.0, PredictionSettings(tile=16, buffer=0))


def test_a_density_unlike_those_of_the_training_is_refused(folder):
    network = load_network(folder)
    density = np.random.default_rng(1).normal(size=(32, 32, 32), scale=3.35)
    density -= density.mean()
    check_input(network, density, 1.0, "own.h5")
    check_input(network, 0.7 * density, 2.0, "own.h5")  # other cells have another deviation
    for wrong, words in ((1 + density, "mean 1"), (0.6 * density, "have 3.35"), (0 * density, "deviation 0")):
        with pytest.raises(PlausibilityError, match=f"own.h5.*{words}"):
            check_input(network, wrong, 1.0, "own.h5")
