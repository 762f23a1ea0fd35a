"""Planning of runs of 1 to 256 boxes: Snakemake's dry run, beside one of as many jobs that depend on nothing else."""

import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from performance.measuring import ROOT, row

BOXES = (1, 4, 16, 64, 256)
# A run needs a box to train on and one to test, so that a single box is planned by its file.
ONE_BOX = "results/paper/ground_truth/000/mask.h5"


def cases(options):
    return [{"boxes": boxes} for boxes in BOXES if boxes <= options.boxes]


def measure(case):
    count = case["boxes"]
    target = "all" if count > 1 else ONE_BOX
    boxes = {"count": max(count, 2), "test": max(1, count // 8), "validation": count // 9}
    with TemporaryDirectory() as folder:
        settings = Path(folder, "settings.yaml")
        settings.write_text(yaml.safe_dump({"boxes": boxes}))
        own = ["--snakefile", ROOT / "Snakefile", "--directory", folder, "--configfile", settings]
        times, text = _run([*own, "--dry-run", "--", target])
        jobs = jobs_of(text)
        Path(folder, "Snakefile").write_text(_bare(sum(jobs.values())))
        bare, _ = _run(["--snakefile", Path(folder, "Snakefile"), "--directory", folder, "--dry-run"])
    peers = [{"name": "Snakemake, as many bare jobs", "seconds": bare["seconds"]}]
    return [row("planning", times, None, {}, peers, boxes=count, target=target, jobs=dict(jobs))]


def jobs_of(text):
    """Number of jobs of each rule in the text of a dry run."""
    from halonet.workflow.run_status import jobs_by_rule

    return jobs_by_rule(text)


def _run(arguments):
    """Time and memory of a Snakemake, start and end included, and what it said."""
    command = [sys.executable, "-c", _MEASURED, sys.executable, "-m", "snakemake"]
    process = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True)
    if process.returncode:
        raise ValueError(f"Snakemake cannot plan: {(process.stdout + process.stderr)[-500:]}")
    (line,) = re.findall(r"^measured (.*)$", process.stdout, re.MULTILINE)
    return json.loads(line), process.stdout + process.stderr


# A process of its own, so that the memory of its children is that of this Snakemake.
_MEASURED = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
code = subprocess.run(sys.argv[1:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
cpu = used.ru_utime + used.ru_stime
times = {"seconds": time.perf_counter() - start, "cpu_seconds": cpu, "bytes": 1024 * used.ru_maxrss}
print("measured " + json.dumps(times))
sys.exit(code)
"""


def _bare(jobs):
    return f"""
rule all:
    input: expand("{{job}}.txt", job=range({jobs - 1 if jobs > 1 else 1}))

rule one:
    output: "{{job}}.txt"
    shell: "touch {{output}}"
"""
