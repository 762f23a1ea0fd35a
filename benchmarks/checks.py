"""What the checks of inputs and outputs cost, as a share of the stages that they guard.

    python benchmarks/checks.py --cells 256

Every stage is the script that users run, on one thread, under Python's profiler: what its main thread spends in checks
is all that is spent below a call into ``checks/``, ``plausibility/`` or one of the functions of :data:`SCATTERED`, over
the whole run, but for the loading of compiled loops. No stage may spend more than 2% of its time so. Writes
``benchmarks/results/checks.json``, which holds the table of ``docs/reliability.md``.
"""

import argparse
import pstats
import subprocess
import sys
import tempfile
from pathlib import Path

from performance.measuring import machine

from halonet.storage import write_json

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks/results/checks.json"
PACKAGES = ("halonet/checks/", "halonet/plausibility/")
OTHERS = tuple(f"halonet/checks/{name}.py" for name in ("numbers", "parser", "patient_file"))  # parse, convert, write
# What is checked in them is counted by itself.
READERS = {"<module>", "<dictcomp>", "<genexpr>", "without_nan", "attributes_of", "columns_of", "dataset_of"}
# Checks that stand beside what they check: by module, functions.
SCATTERED = {
    "digests": {"check_digest"},
    "column_table": {"check_finite", "check_columns"},
    "column_files": {"check_inside", "check_values", "say_odd_columns"},
    "cosmology": {"say_replaced"},
    "prediction": {"_finite", "check_input"},
    "truth_files": {"_check_cells", "_check_header", "_check_radii", "_check_against_spheres"},
    "box": {"check_haloes"},
}


def stages(cells: int, network: str) -> dict[str, list]:
    """Command line of each stage, in the order in which one needs what another has made."""
    box = ["--cells", cells, "--box-size", cells]
    return {
        "draw_density": ["--power-spectrum", "power.csv", *box, "--phases", "phases.h5", "--density", "density.h5"],
        "find_peak_patch_haloes": ["--density", "density.h5", "--haloes", "true.h5", "--mask", "mask.h5"],
        "import_ground_truth": [
            *("--from-density", "density.h5", "--from-haloes", "true.h5", "--from-mask", "mask.h5"),
            *("--density", "own_density.h5", "--haloes", "own_haloes.h5", "--mask", "own_mask.h5"),
        ],
        "predict_mask": ["--density", "density.h5", "--network", network, "--probability", "p.h5", "--threads", 1],
        "find_haloes": [
            *("--probability", "p.h5", "--density", "density.h5", "--network", network, "--haloes", "found.h5"),
        ],
        "measure_statistics": [
            *("--true-mask", "mask.h5", "--true-haloes", "true.h5", "--probability", "p.h5", "--haloes", "found.h5"),
            *("--density", "density.h5", "--statistics", "statistics.json"),
        ],
        "make_mock": ["--seed", 7, "--cells", cells, "--network", network, "--threads", 1, "--output", "mock.h5"],
        "export_catalogue": ["mock.h5", "--to", "fits", "--output", "mock.fits"],
    }  # fmt: skip


def is_check(function: tuple[str, int, str]) -> bool:
    """Whether a function of the profile is one of the checks; imports, the parser and what reads files are none."""
    path, _, name = function
    if name in READERS or name.startswith("read_") or path.endswith(OTHERS):
        return False
    return any(package in path for package in PACKAGES) or name in SCATTERED.get(Path(path).stem, ())


def seconds_of_checks(profile: pstats.Stats) -> dict[str, float]:
    """Time below calls from what is no check into each that is one, by name, of those that take a millisecond."""
    found = {}
    for function, (_, _, _, _, callers) in profile.stats.items():
        if is_check(function):
            seconds = sum(cumulative for caller, (*_, cumulative) in callers.items() if not is_check(caller))
            name = f"{Path(function[0]).stem}.{function[2]}"
            found[name] = found.get(name, 0.0) + seconds
    return {name: round(seconds, 3) for name, seconds in sorted(found.items()) if seconds >= 1e-3}


def loading_of_kernels(profile: pstats.Stats) -> float:
    """Time in which numba loads compiled loops for checks; the first one of a process takes half a second to load."""

    def below_a_check(function: tuple) -> bool:
        while not is_check(function):
            callers = profile.stats[function][4]
            if len(callers) != 1:
                return False
            (function,) = callers
        return True

    return sum(
        cumulative
        for (_, _, name), (_, _, _, _, callers) in profile.stats.items()
        for caller, (*_, cumulative) in callers.items()
        if name == "_compile_for_args" and below_a_check(caller)
    )


def measure(name: str, words: list, folder: Path) -> dict:
    """Seconds of a stage and of its checks."""
    profile = folder / f"{name}.profile"
    script = ROOT / f"workflow_scripts/{name}.py"
    command = [sys.executable, "-m", "cProfile", "-o", profile, script, *words]
    done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True)
    if done.returncode or "error:" in done.stderr:  # the profiler hides how the script ended
        raise RuntimeError(f"{name}: {done.stderr}")
    stats = pstats.Stats(str(profile))
    checks, loading = seconds_of_checks(stats), loading_of_kernels(stats)
    seconds = sum(checks.values()) - loading
    print(f"{name:24} {stats.total_tt:8.2f} s   checks {seconds / stats.total_tt:.2%}: {checks}", flush=True)
    row = {"stage": name, "seconds": round(stats.total_tt, 2), "checks_seconds": round(seconds, 3)}
    return row | {"loading_seconds": round(loading, 3), "checks": checks}


def main() -> None:
    """Measure every stage and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=256, help="cells along a side of the box, of 1 Mpc; default: 256")
    parser.add_argument("--network", default="vnet-small-channels", help="a shipped network; default: %(default)s")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(arguments.cells, folder)
        rows = [measure(stage, words, folder) for stage, words in stages(arguments.cells, arguments.network).items()]
    write_json(RESULT, {"machine": machine(), "cells": arguments.cells, "network": arguments.network, "rows": rows})


def prepare(cells: int, folder: Path) -> None:
    """Spectrum and white noise, as a user brings them; also lets numba compile what the stages need."""
    run = [sys.executable, ROOT / "workflow_scripts/compute_power_spectrum.py", "--output", "power.csv"]
    subprocess.run(run, cwd=folder, check=True, capture_output=True)
    small = [sys.executable, "-m", "halonet", "mock", "--seed", "1", "--output", "small.h5"]
    for more in (["--cells", 32], ["--cells", cells, "--keep-phases", "phases.h5"]):
        subprocess.run(list(map(str, [*small, *more])), cwd=folder, check=True, capture_output=True)


if __name__ == "__main__":
    main()
