"""Every stage beside its physical limit and its peers, and how each cost grows: ``make benchmark``.

    python benchmarks/run_all.py                                  # all parts
    python benchmarks/run_all.py --parts halo_finding workflow    # some; the others as they were measured before
    python benchmarks/run_all.py --largest 128                    # in minutes
    python benchmarks/run_all.py --render                         # nothing: the page anew from the last result

Writes ``benchmarks/results/performance.json`` (machine, versions, commit, every number), and from it
``docs/performance.md`` with its figures. A case that fails is reported, the others go on, and the exit status is 1.
Cases that the same commit has measured are kept in the work folder and not measured again (``--again``). The peers
of ``requirements/peers.txt`` have to be installed.
"""

import argparse
import os
import sys
import time
from pathlib import Path

from performance.measuring import ROOT, busy_cores, commit, machine, versions
from performance.running import PARTS, measure_case, run_part

from halonet.storage import read_json, write_json

RESULT = ROOT / "benchmarks" / "results" / "performance.json"
PAGE = ROOT / "docs" / "performance.md"
SIZES = (64, 128, 256, 512)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--largest", type=int, choices=SIZES, default=SIZES[-1], help="cells along a side of a box")
    parser.add_argument("--haloes", type=int, default=10**6, help="the most, where their number counts")
    parser.add_argument("--boxes", type=int, default=256, help="the most that are planned")
    parser.add_argument("--threads", type=int, default=min(os.cpu_count(), 8), help="of networks")
    parser.add_argument("--again", action="store_true", help="measure what is known, too")
    parser.add_argument("--render", action="store_true", help="write the page from --result and measure nothing")
    parser.add_argument("--work", type=Path, default=ROOT / "results" / "benchmark", help="cases and boxes of the run")
    parser.add_argument("--result", type=Path, default=RESULT)
    parser.add_argument("--page", type=Path, default=PAGE)
    return parser.parse_args()


def main():
    options = parse()
    if options.case:
        measure_case(options.case)
        return 0
    if options.render:
        return render(read_json(options.result), options.page)
    options.work = options.work.resolve()
    options.work.mkdir(parents=True, exist_ok=True)
    options.sizes, options.commit = [size for size in SIZES if size <= options.largest], commit()
    start, busy = time.time(), busy_cores()
    records = [record for part in options.parts for record in run_part(part, options)]
    result = {
        "command": " ".join(["python benchmarks/run_all.py", *sys.argv[1:]]),
        "date": time.strftime("%Y-%m-%d", time.gmtime(start)),
        "commit": options.commit,
        "machine": machine(),
        "busy_cores_before": busy,
        "minutes": sum(record["wall_seconds"] for record in records) / 60,
        "versions": versions(),
        "cases": records,
    }
    write_json(options.result, result)
    return render(result, options.page)


def render(result, page):
    """Write the page of a result, and say what failed in it; exit status."""
    from performance.page import write_page

    write_page(result, page)
    records = result["cases"]
    failed = [f"{record['part']} {record['case']}: {record['error']}" for record in records if "error" in record]
    failed += [
        f"{one['stage']}, {other['name']}: {other['error']}"
        for record in records for one in record.get("rows", []) for other in one["peers"] if "error" in other
    ]  # fmt: skip
    print("\n".join([f"FAILED {line}" for line in failed] or ["all parts measured"]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
