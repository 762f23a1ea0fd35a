"""What a box costs by every method, and how much of the simulation's haloes each has: one seed, one machine, one run.

    python benchmarks/rivals.py --cells 256

The same seed is the same density for all methods, so that the haloes of ``n_body`` are the truth of the others. Each is
the command `halonet mock`, in a process of its own, from its start to the catalogue. Small mocks come first, which
compile what is to be compiled. Writes ``benchmarks/results/rivals.json`` and prints the table of ``docs/mocks.md``.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from comparison_numbers import SETTINGS
from performance.measuring import ROOT, commit, machine

from halonet.catalogue import read_catalogue
from halonet.matching import completeness_and_purity, match_haloes
from halonet.storage import read_json, write_json

RESULT = ROOT / "benchmarks" / "results" / "rivals.json"
CUT = 100  # cells
RUNS = {
    "simulation (`--method n_body`)": ["--method", "n_body"],
    "network": ["--method", "network"],
    "network, `--precision fastest`": ["--method", "network", "--precision", "fastest"],
    "Peak Patch (`--method peak_patch`)": ["--method", "peak_patch"],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=256)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    rows, truth = {}, None
    with TemporaryDirectory() as folder:
        for name, options in RUNS.items():
            output = Path(folder) / "mock.h5"
            made(32, arguments.seed, options, output)
            rows[name] = made(arguments.cells, arguments.seed, options, output)
            haloes = read_catalogue(output)
            truth = truth or haloes
            matches = match_haloes(truth, haloes, SETTINGS.radius_tolerance)
            found, true = completeness_and_purity(truth, haloes, matches, CUT)
            rows[name] |= {"haloes": len(haloes.larger_than(CUT)), "found": found, "true": true}
            print(name, rows[name], flush=True)
    record = {"cells": arguments.cells, "seed": arguments.seed, "commit": commit(), "machine": machine(), "rows": rows}
    held = read_json(RESULT) if RESULT.exists() else {}
    write_json(RESULT, held | {str(arguments.cells): record})
    print(table(rows))


def made(cells: int, seed: int, options: list[str], output: Path) -> dict:
    """Make a mock by the command: wall and processor time (s), and the most memory it needed (bytes)."""
    output.unlink(missing_ok=True)
    command = [sys.executable, "-m", "halonet", "mock", "--seed", str(seed), "--cells", str(cells), "-o", str(output)]
    start = time.perf_counter()
    process = subprocess.Popen([*command, *options], stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    times = {"wall_seconds": time.perf_counter() - start, "cpu_seconds": usage.ru_utime + usage.ru_stime}
    return times | {"peak_bytes": usage.ru_maxrss * 1024}


def table(rows: dict) -> str:
    """Cost and haloes of every method."""
    header = ("method", "wall time", "processor time", "memory", f"haloes above {CUT} cells", "found", "true")
    lines = [f"| {' | '.join(header)} |", "|---" + "|---:" * (len(header) - 1) + "|"]
    for name, row in rows.items():
        times = f"{row['wall_seconds']:.0f} s | {row['cpu_seconds']:.0f} s | {row['peak_bytes'] / 2**30:.1f} GiB"
        lines.append(f"| {name} | {times} | {row['haloes']:,} | {row['found']:.2f} | {row['true']:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
