"""What libraries are told before they are imported: the kernels that run, and what reaches the terminal."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from halonet.storage import FieldHeader, write_field

ROOT = Path(__file__).parents[1]
NETWORK = ROOT / "networks/vnet-small"
OWN = ("TF_ENABLE_ONEDNN_OPTS", "TF_CPP_MIN_LOG_LEVEL")


def run(*command, **variables):
    """A process that inherits none of the variables this one has set for TensorFlow."""
    environment = {name: value for name, value in os.environ.items() if name not in OWN} | variables
    process = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return process


@pytest.fixture(scope="module")
def predicted(tmp_path_factory):
    """A box predicted by the script, in a process that prints every kernel of oneDNN that runs."""
    folder = tmp_path_factory.mktemp("predict")
    density = np.random.default_rng(1).normal(scale=3.351, size=(32,) * 3).astype(np.float32)
    density -= density.mean()  # as of a whole box
    write_field(folder / "density.h5", "density", density, FieldHeader(32.0))
    script = ROOT / "workflow_scripts/predict_mask.py"
    files = ("--density", folder / "density.h5", "--network", NETWORK, "--probability", folder / "p.h5")
    settings = json.dumps({"tile": 32, "buffer": 8})
    # Without OpenVINO, which has kernels of its own and cannot run where oneDNN tells of them, TensorFlow predicts.
    (folder / "sitecustomize.py").write_text("import sys\n\nsys.modules['openvino'] = None\n")
    variables = {"ONEDNN_VERBOSE": "1", "PYTHONPATH": str(folder)}
    return run(sys.executable, script, *files, "--settings", settings, **variables)


def convolutions(process):
    return [line for line in process.stdout.splitlines() if ",exec,cpu,convolution," in line]


def test_the_convolutions_of_a_script_run_in_kernels_of_onednn(predicted):
    assert convolutions(predicted)


def test_who_switches_the_kernels_of_onednn_off_has_those_of_tensorflow():
    program = """
import halonet, numpy, tensorflow
field = numpy.ones((1, 16, 16, 16, 8), "f4")
tensorflow.function(tensorflow.nn.conv3d)(field, numpy.ones((3, 3, 3, 8, 8), "f4"), [1] * 5, "SAME")
"""
    assert convolutions(run(sys.executable, "-c", program, ONEDNN_VERBOSE="1"))
    assert not convolutions(run(sys.executable, "-c", program, ONEDNN_VERBOSE="1", TF_ENABLE_ONEDNN_OPTS="0"))


def test_a_script_prints_its_own_words_and_none_of_tensorflow(predicted):
    lines = predicted.stderr.splitlines()
    assert lines
    assert all("tiles" in line or "networks run on Keras" in line for line in lines)


def test_tensorflow_brings_nothing_along_that_only_others_need_and_leaves_it_to_them():
    program = """
import sys, halonet, keras
print(*(name for name in ("IPython", "jax", "matplotlib", "pandas") if name in sys.modules))
import matplotlib.figure, pandas, jax
print(keras.backend.backend(), pandas.DataFrame({"a": [1]})["a"].sum())
"""
    assert run(sys.executable, "-c", program).stdout.splitlines() == ["", "tensorflow 1"]
    assert run(sys.executable, "-c", program, KERAS_BACKEND="jax").stdout.splitlines() == ["jax", "jax 1"]


def test_scripts_start_without_the_libraries_that_take_long_to_load_and_only_some_need():
    program = """
import sys, halonet.settings, halonet.mocks.box, halonet.command.find, halonet.command.predict
print(*(name for name in ("matplotlib", "pandas", "scipy.stats", "tensorflow") if name in sys.modules))
"""
    assert run(sys.executable, "-c", program).stdout == "\n"


def test_notes_of_tensorflow_are_shown_to_who_asks_for_them_and_other_errors_of_its_import_to_all():
    program = "import halonet, tensorflow"
    assert "oneDNN custom operations are on" in run(sys.executable, "-c", program, TF_CPP_MIN_LOG_LEVEL="0").stderr
    notes = (
        "I0000 port.cc:153] oneDNN custom operations are on. You may",
        "I0000 cudart_stub.cc:31] Could not find cuda drivers on your machine, GPU will not be used.",
        "E0000 cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error",
        "something else",
    )
    text = "\n".join([*notes, ""]).encode()
    program = f"import os, halonet.environment as e\nwith e.without_notes(): os.write(2, {text!r})"
    assert run(sys.executable, "-c", program).stderr == "something else\n"
