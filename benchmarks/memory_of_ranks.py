"""Memory of a mock on one rank and on several, by every method: the most that any of them holds.

    python benchmarks/memory_of_ranks.py --cells 256 --ranks 1 2 4
    python benchmarks/memory_of_ranks.py --cells 512 --ranks 1 2 --methods peak_patch network

Every mock is made by ``mpiexec -n RANKS halonet mock``. The same of a small box on as many ranks says what a process
takes that does not depend on the box: libraries, compiled code, MPI, and of a network a small tile. Writes
``benchmarks/results/memory_of_ranks.json`` and prints the table of ``docs/mocks.md``.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from performance.measuring import ROOT, commit, machine

from halonet import console
from halonet.provenance import file_digest
from halonet.storage import read_json, write_json

RESULT = ROOT / "benchmarks" / "results" / "memory_of_ranks.json"
SMALL = 64  # cells along a side
METHODS = {
    "peak_patch": ("Peak Patch", []),
    "network": ("network", ["--precision", "fastest"]),
    "n_body": ("simulation and friends of friends", ["--n-body", json.dumps({"steps": 5})]),
}
CHILD = """
import os, resource, sys
from halonet.__main__ import main
try:
    main()
finally:
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    open(sys.argv[sys.argv.index("-o") + 1] + ".%d-%d" % (peak, os.getpid()), "x").close()  # the terminal is shared
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, required=True)
    parser.add_argument("--ranks", type=int, nargs="+", required=True, help="1 first")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    arguments = parser.parse_args()
    held = read_json(RESULT) if RESULT.exists() else {}
    for method in console.progress(arguments.methods, "methods"):
        one = held.setdefault(method, {}).setdefault(str(arguments.cells), {})
        one |= {"machine": machine(), "commit": commit()}
        for size, cells in (("small", SMALL), ("ranks", arguments.cells)):
            found = {ranks: made(method, cells, ranks) for ranks in arguments.ranks}
            assert len({digest for _, digest in found.values()}) == 1, "ranks change the catalogue"
            one[size] = {str(ranks): peaks for ranks, (peaks, _) in found.items()}
    write_json(RESULT, held)
    print(table(held))


def made(method, cells, ranks):
    """Make a mock: the peak memory of every rank, and the digest of the catalogue."""
    with TemporaryDirectory() as folder:
        output = Path(folder) / "mock.h5"
        options = ["mock", "--method", method, "--seed", "7", "--cells", str(cells), "--ranks", str(ranks)]
        options += [*METHODS[method][1], "--threads", "1", "-o", str(output)]
        command = ["mpiexec", "-n", str(ranks)] if ranks > 1 else []
        subprocess.run([*command, sys.executable, "-c", CHILD, *options], check=True)
        peaks = sorted(int(each.suffix[1:].split("-")[0]) for each in output.parent.glob("mock.h5.*"))
        return peaks, file_digest(output)


def table(held):
    """Peak of the largest rank, and what it is of that of one rank: of all, and without what a small box takes."""
    lines = ["| cells | mock by | ranks | largest rank (GB) | of one | beyond a small box (GB) | of one |"]
    lines.append("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for cells in sorted({cells for each in held.values() for cells in each}, key=int):
        for method, each in held.items():
            one = each.get(cells, {"ranks": {}, "small": {}})
            for ranks, peaks in one["ranks"].items():
                peak, beyond = max(peaks), max(peaks) - max(one["small"][ranks])
                of_one = max(one["ranks"]["1"]) - max(one["small"]["1"])
                numbers = [f"{peak / 1e9:.2f}", f"{peak / max(one['ranks']['1']):.2f}"]
                numbers += [f"{beyond / 1e9:.2f}", f"{beyond / of_one:.2f}"]
                lines.append(f"| {cells}³ | {METHODS[method][0]} | {ranks} | {' | '.join(numbers)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
