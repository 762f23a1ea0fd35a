import json
import subprocess
import sys

import numpy as np
import pytest

from halonet.network.devices import check_stages
from halonet.settings import SettingsError, TrainingStageSettings

# In a process of its own: TensorFlow's devices are set once, before its first computation.
TWO_STEPS = """
import json, sys
import keras, numpy as np, tensorflow as tf
from contextlib import nullcontext
from halonet.network.devices import shared_out
from halonet.network.stages import compile_for
from halonet.network.unet import build_unet
from halonet.settings import NetworkSettings, TrainingStageSettings

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
found = {}
for devices in ([], ["CPU:0", "CPU:1"]):
    keras.utils.set_random_seed(1)
    with tf.distribute.MirroredStrategy(devices).scope() if devices else nullcontext():
        stage = TrainingStageSettings(learning_rate=0.1, momentum=0.9, steps=2, batch_size=4)
        model = build_unet(NetworkSettings(levels=1, filters=4, kernel=3, convolutions=1, stages=[stage]))
        compile_for(model, stage, 2, "float32")
    random = np.random.default_rng(0)
    batches = [random.normal(size=(4, 8, 8, 8, 1)).astype("f4") for _ in range(2)]
    model.test_on_batch(batches[0][:1], batches[0][:1] > 0)
    for density in batches:
        model.reset_metrics()
        logs = model.train_on_batch(*shared_out((density, (density > 0.5).astype("u1")), model), return_dict=True)
    weights = np.concatenate([weight.ravel() for weight in model.get_weights()])
    found[len(devices)] = [logs["loss"], logs["dice"], *weights.tolist()]
json.dump(found, open(sys.argv[1], "w"))
"""


def test_two_devices_train_like_one_with_the_same_global_batch(tmp_path):
    subprocess.run([sys.executable, "-c", TWO_STEPS, tmp_path / "found.json"], check=True, capture_output=True)
    found = json.loads((tmp_path / "found.json").read_text())
    np.testing.assert_allclose(found["2"], found["0"], rtol=1e-4, atol=1e-6)


def test_more_gpus_than_there_are_is_refused(dataset, network_values, tmp_path, run_script):
    files = ("--manifest", dataset / "subvolumes.csv", "--normalisation", dataset / "normalisation.json")
    arguments = (
        *files,
        "--ground-truth",
        dataset,
        "--settings",
        json.dumps(network_values),
        "--output",
        tmp_path / "n",
    )
    process = run_script("train_network", *arguments, "--training", '{"gpus": 99}', check=False)
    assert process.returncode == 2
    assert "error: training.gpus = 99, but TensorFlow finds" in process.stderr
    assert not (tmp_path / "n").exists()


@pytest.mark.parametrize("change", [{"batch_size": 3}, {"batch_size": 4, "clip_norm": 1.0}])
def test_a_stage_whose_result_would_depend_on_the_number_of_gpus_is_refused(change):
    stage = TrainingStageSettings(learning_rate=0.1, steps=1, **change)
    check_stages([stage], gpus=1)
    with pytest.raises(SettingsError, match=rf"stages\.0\.{list(change)[-1]} = "):
        check_stages([stage], gpus=2)
