"""A network with channels of the whole box, from their files to a prediction."""

import json
import shutil

import h5py
import numpy as np
import pytest

from halonet.dataset.channel_files import channel_file, write_channels
from halonet.dataset.channels import whole_box_channels
from halonet.network.checkpoints import differences
from halonet.network.job import TrainingJob
from halonet.settings import NetworkSettings, SettingsError, validate
from halonet.storage import StorageError, read_field, read_header

CHANNELS = {"smoothing_cells": [2, 3], "shear_cells": [2]}


@pytest.fixture(scope="module")
def with_channels(network_values) -> NetworkSettings:
    stage = {"optimizer": "adamw", "learning_rate": 0.01, "loss": "dice_cross_entropy", "steps": 30, "batch_size": 2}
    values = {"channels": CHANNELS, "batch_normalisation": False, "validation_interval": 30, "stages": [stage]}
    return validate(NetworkSettings, network_values | values, "test")


@pytest.fixture(scope="module")
def folder(dataset, with_channels, tmp_path_factory):
    """Folder of the channels of the three boxes."""
    folder = tmp_path_factory.mktemp("channels")
    for box in range(3):
        path = dataset / f"{box:03d}" / "density.h5"
        channels = whole_box_channels(read_field(path, "density"), with_channels.channels)
        write_channels(channel_file(folder, box), channels, with_channels.channels, read_header(path))
    return folder


def job(dataset, settings, channels) -> TrainingJob:
    files = (dataset / "subvolumes.csv", dataset / "normalisation.json", "code")
    return TrainingJob(settings, 1, dataset, *files, channels)


def test_a_network_with_channels_is_trained_and_predicts_by_the_scripts_alone(
    dataset, with_channels, folder, tmp_path, run_script
):
    data = ("--manifest", dataset / "subvolumes.csv", "--normalisation", dataset / "normalisation.json")
    arguments = ("--ground-truth", dataset, *data, "--channels", folder, "--settings", with_channels.model_dump_json())
    run_script("train_network", *arguments, "--output", tmp_path / "network")
    density = dataset / "002" / "density.h5"
    arguments = ("--network", tmp_path / "network", "--settings", '{"tile": 48, "buffer": 8}')
    run_script("predict_mask", "--density", density, *arguments, "--probability", tmp_path / "p.h5")
    mask = read_field(dataset / "002" / "mask.h5", "mask")
    probability = read_field(tmp_path / "p.h5", "probability")
    assert probability[mask == 1].mean() > probability[mask == 0].mean() + 0.3
    with h5py.File(tmp_path / "p.h5") as file:
        record = json.loads(file.attrs["provenance"])
    assert record["settings"]["network"]["channels"] == CHANNELS


def test_a_network_is_trained_on_its_own_channels_or_not_at_all(dataset, with_channels, network_settings, folder):
    with pytest.raises(SettingsError, match=r"the network has the channels .* --channels gives no folder"):
        job(dataset, with_channels, None)
    with pytest.raises(SettingsError, match=r"'smoothing_cells': \[\].* --channels is "):
        job(dataset, network_settings, folder)
    with pytest.raises(StorageError, match=r"000\.h5: no such file"):
        job(dataset, with_channels, dataset)


def test_channels_made_anew_change_the_fingerprint(dataset, with_channels, folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "channels")
    before = job(dataset, with_channels, folder).fingerprint()
    assert not differences(before, job(dataset, with_channels, copy).fingerprint())
    with h5py.File(copy / "001.h5", "a") as file:
        record = json.loads(file.attrs["provenance"])
        file.attrs["provenance"] = json.dumps(record | {"halonet": "another version"})
    changes = differences(before, job(dataset, with_channels, copy).fingerprint())
    assert [change.split(" ")[0] for change in changes] == ["fields.1"]


def test_the_same_windows_train_with_and_without_channels(dataset, with_channels, folder):
    samples = job(dataset, with_channels, folder).training_samples(0).between(0, 2)
    without = with_channels.model_copy(update={"channels": type(with_channels.channels)()})
    plain = job(dataset, without, None).training_samples(0).between(0, 2)
    for one, other in zip(samples, plain, strict=True):
        assert one[0].shape[-1] == 4
        assert np.array_equal(one[0][..., :1], other[0])
