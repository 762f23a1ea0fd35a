"""Time, memory and machine: what every row of a benchmark holds."""

import gc
import hashlib
import os
import platform
import subprocess
import time
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[2]
PEERS = ROOT / "requirements" / "peers.txt"
# What a run itself writes: it does not make the checkout another one.
WRITTEN = ("docs/performance.md", "docs/images/performance-*", "benchmarks/results/performance.json")
ENOUGH_SECONDS = 2.0  # short work is repeated until it has taken this long
LONG_SECONDS = 30.0  # work that takes longer runs once
REPEATS = 15


def timed(function, repeats=REPEATS, enough=ENOUGH_SECONDS):
    """Wall and CPU seconds of the fastest of some repeats, and the last result.

    Work of seconds runs twice, since memory that a process has not held before costs it time, and work of minutes once.
    """
    best, spent, result = None, 0.0, None
    for repeat in range(repeats):
        result = None  # two results at a time would count as memory
        wall, cpu = time.perf_counter(), time.process_time()
        result = function()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        best = min(best or (wall, cpu), (wall, cpu))
        spent += wall
        if spent > (enough / 2 if repeat else LONG_SECONDS):
            break
    return {"seconds": best[0], "cpu_seconds": best[1]}, result


@contextmanager
def peak_memory():
    """Bytes that this process holds at most within the block beyond what it held before; read ``.bytes`` after it."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    before = _status("VmRSS")
    peak = Peak()
    yield peak
    peak.bytes = _status("VmHWM") - before


class Peak:
    bytes = 0


def _status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))


def measured(function, **options):
    """Time and peak memory of a function, and its result."""
    with peak_memory() as peak:
        times, result = timed(function, **options)
    return times | {"bytes": peak.bytes}, result


def row(stage, times, cells=None, work=None, peers=(), **notes):
    """What was measured of a stage.

    ``work`` counts what the limit is made of (:data:`performance.limits.KINDS`); ``peers`` are those of
    :func:`peer`, for the same job on the same input; ``notes`` say what else identifies the row (ranks, haloes).
    """
    return {"stage": stage, "cells": cells, **times, "work": work or {}, "peers": list(peers), **notes}


def peer(name, function, **options):
    """Time of a peer; one that fails is reported, and makes the run fail in the end."""
    try:
        function()  # compiles, plans, loads
        return {"name": name} | timed(function, **options)[0]
    except Exception as error:  # whatever a foreign library may raise
        return {"name": name, "error": f"{type(error).__name__}: {error}"[:200]}


def run_script(*command):
    """Run a script whose result is a file; where it fails, say its last words."""
    process = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if process.returncode:
        last = " ".join((process.stdout + process.stderr).split())[-250:]
        raise ValueError(f"exit code {process.returncode}: {last}")


def busy_cores(seconds=1.0):
    """Cores at work on something else; the load average would still count what has just ended, an installation say."""

    def ticks():
        values = [int(value) for value in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return sum(values), values[3] + values[4]  # all, and idle or waiting for a disk

    before = ticks()
    time.sleep(seconds)
    passed, idle = (now - then for now, then in zip(ticks(), before, strict=True))
    return os.cpu_count() * (1 - idle / passed)


def machine():
    """Processor, cores, memory and system."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":")[1].strip() for line in info if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    cpu = names[0] if names else platform.processor()
    return {"cpu": cpu, "cores": os.cpu_count(), "memory_gb": round(memory), "python": platform.python_version()}


def versions():
    """Versions of the package, of what it computes with and of its peers; None for what is not installed."""
    pins = [line.split("==")[0] for line in PEERS.read_text().split("\n\n")[0].splitlines() if "==" in line]
    names = ("halonet", "numpy", "scipy", "numba", "h5py", "keras", "tensorflow-cpu", "tensorflow", "jax", "snakemake",
             "colossus", *pins)  # fmt: skip
    return {name: version for name in names if (version := _version(name))}


def _version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def commit():
    """Commit of the checkout, with ``-dirty-`` and a digest of the changes where other files than results differ."""
    others = [".", *(f":!{name}" for name in WRITTEN)]
    name = _git("rev-parse", "HEAD").strip()
    changed = _git("status", "--porcelain", "--", *others) + _git("diff", "HEAD", "--", *others)
    return f"{name}-dirty-{hashlib.sha256(changed.encode()).hexdigest()[:8]}" if changed else name


def _git(*arguments):
    return subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=True).stdout
