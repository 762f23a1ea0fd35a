"""Runs of parts: every case in a process of its own, kept when it is done, reported when it fails."""

import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from halonet.storage import read_json, write_json
from performance.measuring import ROOT, busy_cores

# In the order in which one needs the files of another.
PARTS = {
    "limits": "limits",
    "transforms": "transforms",
    "ground_truth": "ground_truth_runs",
    "n_body": "simulation_runs",
    "reading": "reading",
    "training": "training_steps",
    "prediction": "prediction_runs",
    "halo_finding": "halo_finding_runs",
    "statistics": "statistics_runs",
    "haloes": "halo_counts",
    "neural_bias": "neural_bias_runs",
    "workflow": "workflow_runs",
}
SCRIPT = ROOT / "benchmarks" / "run_all.py"
LONGEST_SECONDS = 1800


def module(part):
    return importlib.import_module(f"performance.{PARTS[part]}")


def run_part(part, options):
    """Results of the cases of a part; those that this commit has measured before are taken from their files."""
    records, cases = [], module(part).cases(options)
    for number, case in enumerate(cases, 1):
        path = options.work / part / f"{_name(case)}.json"
        record = read_json(path) if path.exists() and not options.again else {}
        known = record.get("commit") == options.commit and "rows" in record
        if not known:
            record = run_case(part, case) | {"commit": options.commit}
            write_json(path, record)
        state = "known" if known else f"{record['wall_seconds']:.1f} s"
        print(f"{part} {number}/{len(cases)} {_name(case)}: {record.get('error', state)}", flush=True)
        records.append(record)
    return records


def _name(case):
    short = {key: value for key, value in case.items() if key != "folder"}
    return "-".join(f"{key}_{value}".replace(" ", "") for key, value in short.items()) or "all"


def run_case(part, case):
    """Rows of a case, or what went wrong: one that fails must not end the others."""
    command = [sys.executable, str(SCRIPT), "--case", json.dumps([part, case])]
    busy, start = busy_cores(), time.perf_counter()
    record = {
        "part": part,
        "case": {key: value for key, value in case.items() if key != "folder"},
        "busy_cores_before": busy,
    }
    try:
        process = subprocess.run(
            command, capture_output=True, text=True, env=environment(case), timeout=LONGEST_SECONDS
        )
    except subprocess.TimeoutExpired:
        return record | {"wall_seconds": LONGEST_SECONDS, "error": f"longer than {LONGEST_SECONDS} s"}
    record["wall_seconds"] = time.perf_counter() - start
    if process.returncode:
        return record | {"error": f"exit code {process.returncode}: {' '.join(process.stderr.split())[-300:]}"}
    return record | {"rows": json.loads(process.stdout.strip().splitlines()[-1])}


def environment(case):
    """A case has as many threads as it says, one where it does not; libraries read that when they are loaded."""
    threads = str(case.get("threads", 1))
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    own = Path(sys.executable).parent
    path = f"{own}{os.pathsep}{os.environ['PATH']}"
    return os.environ | dict.fromkeys(names, threads) | {"PATH": path}


def measure_case(text):
    """What :func:`run_case` starts: print the rows of a case as JSON, in the last line."""
    part, case = json.loads(text)
    print(json.dumps(list(module(part).measure(case))))
