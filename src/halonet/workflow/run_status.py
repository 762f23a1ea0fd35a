"""What of a run exists, what is missing or stale and why, and what the rest will cost.

Read from what Snakemake would do (the text of its dry run) and from the files of the run; nothing is changed.
"""

import base64
import csv
import re
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean

from halonet.workflow.costs import COSTS, JobCosts

START_SECONDS = 10.0  # of the Snakemakes that a SLURM job starts, which no benchmark sees
_BLOCK = re.compile(r"^rule (\w+):\n((?: {4}.*\n)*)", re.MULTILINE)
_FIELD = re.compile(r"^ {4}(output|log|reason|wildcards): (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class PlannedJob:
    """A job that Snakemake would start.

    Attributes
    ----------
    rule, wildcards
        Which job it is.
    outputs, log
        Its files.
    reason
        Why it is due, in Snakemake's words.
    """

    rule: str
    wildcards: dict[str, str] = field(hash=False)
    outputs: tuple[str, ...]
    log: str
    reason: str

    def is_stale(self, folder: Path) -> bool:
        """Whether its files exist, but of other settings, code or inputs."""
        return all((folder / name).exists() for name in self.outputs)

    def why(self) -> str:
        """Reason in a few words, without names of files."""
        return "; ".join(part.split(":")[0].strip() for part in self.reason.split(";"))


def planned_jobs(dry_run: str) -> list[PlannedJob]:
    """Jobs in the text of ``snakemake --dry-run``."""
    jobs = []
    for rule, block in _BLOCK.findall(dry_run):
        if rule not in COSTS:
            continue  # a target, which makes nothing of its own
        fields = {"output": "", "log": "", "reason": "", "wildcards": ""} | dict(_FIELD.findall(block))
        wildcards = dict(pair.split("=") for pair in fields["wildcards"].split(", ") if pair)
        outputs = tuple(fields["output"].split(", "))
        jobs.append(PlannedJob(rule, wildcards, outputs, fields["log"], fields["reason"]))
    return jobs


def jobs_by_rule(dry_run: str) -> Counter[str]:
    """Number of jobs of each rule in the table of a dry run."""
    table = dry_run.split("Job stats:")[-1]
    counts = {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)}
    return Counter({name: count for name, count in counts.items() if name in COSTS})


def started_jobs(jobs: list[PlannedJob], folder: Path) -> dict[PlannedJob, float]:
    """Jobs that Snakemake has started and not seen end, and seconds since their log was last written to.

    They run, or the Snakemake that started them was killed.
    """
    marks = folder / ".snakemake/incomplete"
    # The names of the files, in base64, over several folders where they are long.
    marked = {"".join(path.relative_to(marks).parts) for path in marks.rglob("*") if path.is_file()}
    started = {}
    for job in jobs:
        names = {base64.urlsafe_b64encode(name.encode()).decode() for name in job.outputs}
        log = folder / job.log
        if names & marked and log.is_file():
            started[job] = time.time() - log.stat().st_mtime
    return started


def measured_seconds(logs: Path) -> dict[str, list[float]]:
    """Wall times of the finished jobs of each rule, from their benchmark files."""
    times: defaultdict[str, list[float]] = defaultdict(list)
    for path in sorted(logs.rglob("*.tsv")):
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        times[path.relative_to(logs).parts[0].removesuffix(".tsv")] += [float(row["s"]) for row in rows]
    return times


@dataclass(frozen=True)
class Forecast:
    """Cost of the jobs of a rule that are left.

    Attributes
    ----------
    jobs
        How many they are.
    seconds
        Wall time of one.
    measured
        From how many finished jobs that is known; 0: estimated from the settings.
    cores, gpus
        Of one job.
    """

    rule: str
    jobs: int
    seconds: float
    measured: int
    cores: int
    gpus: int

    @property
    def core_hours(self) -> float:
        """Core hours of all jobs."""
        return self.jobs * self.seconds * self.cores / 3600

    @property
    def gpu_hours(self) -> float:
        """GPU hours of all jobs."""
        return self.jobs * self.seconds * self.gpus / 3600


def forecast(jobs: list[PlannedJob], costs: JobCosts, logs: Path) -> list[Forecast]:
    """What ``jobs`` will cost, by rule: from the benchmarks of finished jobs, else from the settings."""
    times, by_rule = measured_seconds(logs), defaultdict(list)
    for job in jobs:
        by_rule[job.rule].append(job)
    rows = []
    for rule, members in by_rule.items():
        known = times.get(rule, [])
        estimates = [costs.seconds(rule, job.wildcards.get("network")) for job in members]
        cores = costs.ranks(rule) * costs.threads(rule)
        seconds = START_SECONDS + mean(known or estimates)
        rows.append(Forecast(rule, len(members), seconds, len(known), cores, costs.gpus(rule)))
    return rows
