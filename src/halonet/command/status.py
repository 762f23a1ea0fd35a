"""Show how far a run is: what exists, what is stale and why, what was started, what failed, what the rest costs.

From the files alone; nothing is started or changed, and a run at work is not disturbed. Run it in the run's folder.
"""

import argparse
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from halonet.settings import SettingsError, load_settings
from halonet.workflow.costs import JobCosts
from halonet.workflow.machine import machine_of
from halonet.workflow.run_log import describe_failures, failed_jobs, logs_of_run
from halonet.workflow.run_status import Forecast, PlannedJob, forecast, jobs_by_rule, planned_jobs, started_jobs

CHECKOUT = Path(__file__).parents[3]
REASON = re.compile(r"^\w+(?:Error|Exception)\b.*", re.MULTILINE | re.DOTALL)  # in what Snakemake says
EXAMPLES = """\
  halonet status                                                     the run of config.yaml
  halonet status --configfile profiles/quickstart/settings.yaml      another run
  halonet status --target ground_truth                               part of a run
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of command and script."""
    parser.add_argument("--configfile", nargs="*", default=[], help="as given to Snakemake")
    parser.add_argument(
        "--target", nargs="*", default=[], help="part of the run, like ground_truth; default: all of it"
    )
    parser.add_argument(
        "--workflow", type=Path, help="folder with the Snakefile; default: that of this package, else this folder"
    )


def run(arguments: argparse.Namespace) -> None:
    """Print the state of the run."""
    workflow = workflow_folder(arguments.workflow)
    settings = load_settings(workflow / "config.yaml", *arguments.configfile)
    folder, results = Path.cwd(), Path(settings.run.results) / settings.run.name
    left = dry_run(workflow, arguments)
    every = jobs_by_rule(dry_run(workflow, arguments, "--forceall", "--quiet", "host"))
    jobs = planned_jobs(left)
    print(f"Run {settings.run.name} in {results}\n")
    print_jobs(every, jobs, started_jobs(jobs, folder), folder)
    print(describe_failures(failed_jobs(logs_of_run(results, folder), folder), folder))
    print_forecast(forecast(jobs, JobCosts(settings, machine_of(settings.jobs)), results / "logs"))


def workflow_folder(given: Path | None) -> Path:
    """Folder of the workflow, which an installed package does not carry."""
    folders = [given] if given else [CHECKOUT, Path.cwd()]
    for folder in folders:
        if (folder / "Snakefile").is_file():
            return folder
    raise SettingsError(
        f"--workflow: no Snakefile in {' or '.join(map(str, folders))}; name the folder of the workflow's checkout"
    )


def dry_run(workflow: Path, arguments: argparse.Namespace, *more: str) -> str:
    """Text of Snakemake's dry run; its own error message ends the command."""
    configuration = ["--configfile", *arguments.configfile] if arguments.configfile else []
    start = [sys.executable, "-m", "snakemake", "--snakefile", workflow / "Snakefile", "--dry-run"]
    command = [*start, *configuration, *more]
    process = subprocess.run([*map(str, command), "--", *arguments.target], capture_output=True, text=True)
    if process.returncode:
        reason = REASON.search(process.stdout + process.stderr)
        raise ValueError(f"Snakemake cannot plan the run:\n{(reason[0] if reason else process.stderr).rstrip()}")
    return process.stdout + process.stderr


def print_jobs(every: Counter[str], jobs: list[PlannedJob], started: dict[PlannedJob, float], folder: Path) -> None:
    """Table of the jobs by rule; then why some are stale, and what was started."""
    stale = [job for job in jobs if job.is_stale(folder)]
    groups: dict[str, Iterable[PlannedJob]] = {"left": jobs, "stale": stale, "started": started}
    counts = {name: Counter(job.rule for job in members) for name, members in groups.items()}
    print(f"{'jobs of rule':<30}{'all':>6}{'done':>6}{'stale':>7}{'missing':>9}{'started':>9}")
    for rule, count in every.items():
        due, old, begun = (counts[name][rule] for name in ("left", "stale", "started"))
        print(f"{rule:<30}{count:>6}{count - due:>6}{old:>7}{due - old - begun:>9}{begun:>9}")
    reasons = Counter((job.rule, job.why()) for job in stale)
    if reasons:
        print("\nStale:")
    for (rule, why), count in reasons.items():
        print(f"    {count} {rule}: {why}")
    if started:
        print("\nStarted, with seconds since the last line of the log:")
    for job, silence in started.items():
        print(f"    {job.log}: {silence:.0f}")


def print_forecast(rows: list[Forecast]) -> None:
    """Table of what is left to do."""
    if not rows:
        print("\nNothing is left to be done.")
        return
    print(
        f"\n{'left of rule':<30}{'jobs':>6}{'s each':>10}{'from':>16}{'cores':>7}{'GPUs':>6}{'core h':>10}{'GPU h':>9}"
    )
    for row in rows:
        source = f"{row.measured} benchmarks" if row.measured else "estimate"
        numbers = f"{row.cores:>7}{row.gpus:>6}{row.core_hours:>10.1f}{row.gpu_hours:>9.1f}"
        print(f"{row.rule:<30}{row.jobs:>6}{row.seconds:>10.0f}{source:>16}{numbers}")
    total = sum(row.core_hours for row in rows), sum(row.gpu_hours for row in rows)
    print(f"{'together':<75}{total[0]:>10.1f}{total[1]:>9.1f}")
