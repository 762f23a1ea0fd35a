"""How fast the cores of this machine are, measured once: the scale of every forecast and requested run time.

Two rates, which differ between processors by different factors: that of Fourier transforms and loops, and that of the
convolutions of networks, which gain most from wide vector units.
"""

import hashlib
import json
import logging
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
from scipy import fft

from halonet.settings import JobSettings
from halonet.storage import atomic_path
from halonet.user_cache import cache_folder
from halonet.workflow.costs import Machine

log = logging.getLogger("halonet")
VERSION = 2  # of the measurement: another one is made anew
SECONDS = 2.0  # of measurement: other work on a busy machine pauses now and then
CELLS = 128
# A transform of 128^3 cells and back, float32, one thread of the AMD EPYC on which docs/performance.md was measured.
REFERENCE_SECONDS = 0.0164
SIDE, CHANNELS = 48, 16  # of the field that is convolved
# The operations of a training step take so much longer than those of a convolution alone: a step also adds, and changes
# layouts and resolutions.
OVERHEAD = 2.0
# What decides the kernels of a convolution.
VARIABLES = ("TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA")


def machine_of(jobs: JobSettings) -> Machine:
    """Speed of a core: what the settings say; what they leave open is measured on this machine, once."""
    if jobs.core_speed is not None and jobs.core_tflops is not None:
        return Machine(jobs.core_speed, jobs.core_tflops)
    here = this_machine()
    return Machine(jobs.core_speed or here.core_speed, jobs.core_tflops or here.core_tflops)


def this_machine(folder: Path | None = None) -> Machine:
    """Speed of a core of this machine, from an earlier measurement on a processor of its kind where there is one.

    Parameters
    ----------
    folder
        Where measurements are kept; default: ``halonet`` in the user's cache folder.
    """
    folder = folder or cache_folder()
    path = folder / f"machine-{_kind()}.json"
    try:
        return Machine(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        pass  # not measured yet, or damaged
    log.info("measuring the speed of this machine, once: %s", path)
    machine = Machine(core_speed(), core_tflops())
    try:
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(asdict(machine)))
    except OSError as error:
        log.warning("%s: %s; the speed of this machine will be measured again every time", path, error.strerror)
    return machine


def core_speed() -> float:
    """Speed of a core in Fourier transforms, beside the machine on which the costs of jobs were measured."""
    field = np.random.default_rng(1).standard_normal((CELLS,) * 3, dtype=np.float32)
    seconds = _fastest(lambda: fft.irfftn(fft.rfftn(field, workers=1), field.shape, workers=1))
    return REFERENCE_SECONDS / seconds


def core_tflops() -> float:
    """Operations per second (10^12) of a core in training; measured by a process of its own, TensorFlow is large."""
    command = [sys.executable, "-m", "halonet.workflow.machine"]
    package = str(Path(__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([package, os.environ.get("PYTHONPATH", "")])}
    process = subprocess.run(command, capture_output=True, text=True, env=environment)
    if process.returncode:
        last = process.stderr.strip().splitlines()[-1:] or ["no message"]
        log.warning(
            "the speed of networks on this machine cannot be measured (%s): forecasts assume jobs.core_tflops = %g",
            *last, Machine.core_tflops,
        )  # fmt: skip
        return Machine.core_tflops
    return float(process.stdout.split()[-1])


def convolution_tflops() -> float:
    """Rate (10^12 per second) of the operations of a 3^3 convolution and its gradients, one thread."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    field, kernel = tf.random.normal((1, SIDE, SIDE, SIDE, CHANNELS)), tf.random.normal((3, 3, 3, CHANNELS, CHANNELS))

    @tf.function(autograph=False)
    def step() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch([field, kernel])
            total = tf.reduce_sum(tf.nn.conv3d(field, kernel, [1] * 5, "SAME") ** 2)
        return tape.gradient(total, [field, kernel])

    operations = 3 * 2 * 27 * CHANNELS**2 * SIDE**3
    return operations / _fastest(lambda: step()[0].numpy()) / 1e12


def _fastest(work: Callable[[], object]) -> float:
    """Least time (s) of many runs, after one that does not count: other work only makes them longer."""
    work()
    fastest, end = math.inf, time.perf_counter() + SECONDS
    while (start := time.perf_counter()) < end:
        work()
        fastest = min(fastest, time.perf_counter() - start)
    return fastest


def _kind() -> str:
    """Digest of what decides the rates: processor, version of the measurement, variables that choose kernels."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    processor = next((line for line in lines if line.startswith("model name")), "")
    flags = next((line for line in lines if line.startswith("flags")), "")
    values = [VERSION, processor, flags, *(os.environ.get(name) for name in VARIABLES)]
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:12]


if __name__ == "__main__":
    print(convolution_tflops() / OVERHEAD)
