"""Where the time of a mock goes, stage by stage: an earlier state of the code beside this one, by every engine.

    python benchmarks/mock_stages.py --before COMMIT --cells 256

makes one mock of the default network by the code of COMMIT, in float32 and as fast as it could, and by this one on
Keras, on OpenVINO in float32 and as fast as this processor can, each in a process of its own, in turn. The machine must
have nothing else to do: the processor time beside the wall time shows whether it had. The haloes of each are compared
with those of COMMIT. Writes ``benchmarks/results/mock_stages.json`` and prints the table of ``docs/performance.md``.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from performance.measuring import ROOT, commit, machine

from halonet.catalogue import read_catalogue
from halonet.matching import match_haloes
from halonet.storage import read_json, write_json

RESULT = ROOT / "benchmarks" / "results" / "mock_stages.json"
RUNS = {  # whether by the earlier code, and how
    "before": (True, {}),
    "before, fastest": (True, {"precision": "fastest"}),
    "keras": (False, {"keras": True}),
    "float32": (False, {}),
    "fastest": (False, {"precision": "fastest"}),
}
STAGES = ("start", "density", "channels", "network", "haloes", "positions", "all")
# What the process of a mock does, in any state of the code: times of its steps, to which names are given here.
CHILD = """
import json, resource, sys, time
START = time.perf_counter(), time.process_time()
seed, cells, options, output = json.loads(sys.argv[1])
if options.pop("keras", False):
    sys.modules["openvino"] = None  # as if it were not installed
from contextlib import contextmanager
from halonet import console
from halonet.catalogue import write_catalogue
from halonet.mocks.by_network import NetworkMock
from halonet.mocks.request import MockRequest
from halonet.network import prediction

times = {}

@contextmanager
def step(description):
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    times[description.split()[0]] = time.perf_counter() - wall, time.process_time() - cpu

def channels(*arguments, compute=prediction.whole_box_channels):
    with step("channels"):
        return compute(*arguments)

console.step, prediction.whole_box_channels = step, channels
mock = NetworkMock(MockRequest(seed=seed, cells=cells, threads=2, **options))
mock.box.power_spectrum
times["start"] = time.perf_counter() - START[0], time.process_time() - START[1]
write_catalogue(output, mock.make())
times["network"] = [one - other for one, other in zip(times.pop("probability"), times["channels"])]
times["positions"] = times.pop("Eulerian")
times["all"] = time.perf_counter() - START[0], time.process_time() - START[1]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"times": times, "peak_bytes": peak}))
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", required=True, metavar="COMMIT", help="state of the code to compare with")
    parser.add_argument("--cells", type=int, default=256)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", nargs="+", metavar="RUN", help=f"of {', '.join(RUNS)}")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        archive = subprocess.run(["git", "archive", arguments.before], cwd=ROOT, check=True, capture_output=True)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        found = {}
        for name in arguments.only or RUNS:
            earlier, options = RUNS[name]
            tree = Path(folder) if earlier else ROOT
            made(tree, 64, arguments.seed, options, Path(folder) / "small.h5")  # compiles what is to be compiled
            output = Path(folder) / f"{name}.h5"
            found[name] = made(tree, arguments.cells, arguments.seed, options, output)
            found[name]["haloes"] = agreement(output, Path(folder) / f"{next(iter(found))}.h5")
            print(name, json.dumps(found[name]), flush=True)
    record = {"cells": arguments.cells, "seed": arguments.seed, "before": arguments.before, "commit": commit()}
    record |= {"machine": machine(), "runs": found}
    held = read_json(RESULT) if RESULT.exists() else {}
    earlier = held.get(str(arguments.cells), {})
    if arguments.only and earlier.get("commit") == record["commit"]:
        record["runs"] = earlier["runs"] | found  # of this state of the code, made run by run
    write_json(RESULT, held | {str(arguments.cells): record})
    print(table(found))


def made(tree, cells, seed, options, output):
    """Make a mock by the code of a folder: wall and processor seconds of its stages, and peak memory."""
    environment = os.environ | {"PYTHONPATH": str(tree / "src")}
    command = [sys.executable, "-c", CHILD, json.dumps([seed, cells, options, str(output)])]
    start = time.perf_counter()
    process = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True, cwd=tree)
    return json.loads(process.stdout.splitlines()[-1]) | {"process_seconds": time.perf_counter() - start}


def agreement(path, reference):
    """Numbers of haloes, and the fraction of those of at least 100 cells that match one of the reference's."""
    haloes, other = (read_catalogue(each).larger_than(100) for each in (path, reference))
    pairs = match_haloes(other, haloes)
    return {
        "at_least_100_cells": len(haloes),
        "at_least_1000": len(haloes.larger_than(1000)),
        "matched": len(pairs.true_rows),
    }


def table(found):
    """Rows of stages, columns of runs: wall seconds, and in brackets those of the processor."""
    lines = ["| stage | " + " | ".join(found) + " |", "| --- |" + " ---: |" * len(found)]
    for stage in STAGES:
        cells = ["{:.1f} ({:.1f})".format(*run["times"][stage]) for run in found.values()]
        lines.append(f"| {stage} | " + " | ".join(cells) + " |")
    peaks = [f"{run['peak_bytes'] / 2**30:.1f} GiB" for run in found.values()]
    return "\n".join([*lines, "| memory | " + " | ".join(peaks) + " |"])


if __name__ == "__main__":
    main()
