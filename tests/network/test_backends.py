"""The same training on TensorFlow and on JAX: nothing in its path belongs to one of Keras' backends."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

# Each in a process of its own: Keras takes its backend when it is imported. Random weights come from the backend's own
# generator, so that equal ones must be set.
TRAIN = """
import json, os, sys
from pathlib import Path
if os.environ["KERAS_BACKEND"] != "tensorflow":
    sys.modules["tensorflow"] = None  # as if it were not installed
import keras, numpy as np
from halonet.network import training
from halonet.network.checkpoints import Checkpoints
from halonet.network.devices import prepare_devices
from halonet.network.job import TrainingJob
from halonet.settings import NetworkSettings, TrainingSettings, validate

def build_network(settings, dropout, build=training.build_network):
    model, random = build(settings, dropout), np.random.default_rng(1)
    model.set_weights([random.normal(scale=0.3, size=weight.shape) for weight in model.get_weights()])
    return model

training.build_network = build_network
values, folder, output = json.loads(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
prepare_devices(threads=1, gpus=0)
settings = validate(NetworkSettings, values, "test")
job = TrainingJob(settings, 1, folder, folder / "subvolumes.csv", folder / "normalisation.json")
trainer = training.Trainer(job, TrainingSettings(), Checkpoints(output / "checkpoints", job.fingerprint()))
weights = np.concatenate([weight.ravel() for weight in trainer.run().get_weights()])
records = [{key: record[key] for key in sys.argv[4].split(",")} for record in trainer.state.history]
output.joinpath("found.json").write_text(json.dumps({"records": records, "backend": keras.backend.backend()}))
np.save(output / "weights.npy", weights)
"""
MEASURES = ("loss", "training_dice", "validation_loss", "validation_dice", "validation_voxel_dice", "learning_rate")
STAGE = {"learning_rate": 0.01, "batch_size": 2, "steps": 1, "loss": "dice_cross_entropy", "clip_norm": 1.0}


@pytest.fixture(scope="module")
def runs(dataset, network_values, tmp_path_factory) -> dict[str, dict]:
    """Two steps, one with each optimizer and each with a record after it, on both backends."""
    stages = [STAGE | {"momentum": 0.9}, STAGE | {"optimizer": "adamw", "weight_decay": 0.01}]
    changes = {"architecture": "unet", "levels": 1, "filters": 4, "window": 8, "validation_windows": 1}
    values = network_values | changes | {"batch_normalisation": False, "stages": stages}
    found = {}
    for backend in ("tensorflow", "jax"):
        output = tmp_path_factory.mktemp(backend)
        command = [sys.executable, "-c", TRAIN, json.dumps(values), dataset, output, ",".join(MEASURES)]
        environment = os.environ | {"KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"}
        process = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment)
        assert process.returncode == 0, process.stderr
        found[backend] = json.loads((output / "found.json").read_text())
        assert found[backend]["backend"] == backend
        found[backend]["weights"] = np.load(output / "weights.npy")
    return found


@pytest.mark.slow  # half a minute, and only another backend or version of Keras can change it
def test_jax_trains_like_tensorflow_and_without_it(runs):
    """Both compute in float32 and differ by the order of their sums, some 1e-7; two updates leave no time to drift."""
    assert len(runs["jax"]["records"]) == 2
    for ours, theirs in zip(runs["jax"]["records"], runs["tensorflow"]["records"], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)
    np.testing.assert_allclose(runs["jax"]["weights"], runs["tensorflow"]["weights"], atol=1e-5)


@pytest.mark.slow
def test_the_weights_that_are_compared_have_been_trained(runs):
    first, second = runs["jax"]["records"]
    assert second["loss"] < first["loss"]
    assert second["validation_loss"] < first["validation_loss"]
