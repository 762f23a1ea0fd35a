"""What a run says of itself while it is going: what is made, how far it is, how long still.

Knows nothing of Snakemake: :mod:`snakemake_logger_plugin_halonet` tells it what happens.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from halonet.workflow.costs import JobCosts
from halonet.workflow.run_log import FailedJob

TITLES = {
    "compute_power_spectrum": "linear power spectrum",
    "compute_power_spectrum_of_box": "linear power spectra",
    "solve_collapse_table": "table of ellipsoidal collapse",
    "solve_collapse_table_of_box": "tables of ellipsoidal collapse",
    "draw_density": "initial densities",
    "find_peak_patch_haloes": "Peak Patch haloes",
    "simulate_n_body": "N-body simulations",
    "find_n_body_haloes": "N-body haloes",
    "find_n_body_haloes_of_snapshot": "N-body haloes of further snapshots",
    "compare_truths": "Peak Patch against N-body",
    "draw_truths": "figure of Peak Patch against N-body",
    "import_ground_truth": "import of your ground truth",
    "make_batch": "batches of boxes",
    "slice_subvolumes": "sub-volumes",
    "compute_channels": "channels of the whole box",
    "assign_cells": "targets of the heads",
    "predict_soft_labels": "what teachers say of the training boxes",
    "train_network": "training",
    "predict_mask": "predicted probabilities",
    "calibrate_thresholds": "calibration of the halo finder",
    "find_haloes": "predicted haloes",
    "find_haloes_at_known_centres": "haloes at the true centres",
    "measure_statistics": "statistics of the boxes",
    "summarise_statistics": "summary of the statistics",
    "summarise_another_cosmology": "summaries of further cosmologies",
    "draw_figures": "figures",
    "draw_figures_with_calibration": "figures, calibration too",
    "write_report": "report",
    "make_mock": "mocks",
    "make_light_cone": "light cones",
    "measure_mock": "statistics of the mocks",
    "measure_truth_of_mocks": "statistics of simulations beside the mocks",
    "measure_controls": "cheap partners of the mocks",
    "populate_haloes": "galaxies of the mocks",
    "write_mocks_report": "page of the mocks",
    "summarise_mocks": "covariance of the mocks",
    "match_abundance": "abundance matching",
    "prepare_neural_bias": "neural bias: inputs",
    "sample_neural_bias": "neural bias: chains",
    "summarise_neural_bias": "neural bias: summary",
    "draw_neural_bias_haloes": "neural bias: drawn haloes",
    "draw_neural_bias_figures": "neural bias: figures",
    "prepare_field_level": "field level: inputs",
    "sample_field_level": "field level: chains",
    "summarise_field_level": "field level: summary",
    "draw_field_level_haloes": "field level: drawn haloes",
    "write_constrained_density": "field level: constrained densities",
    "draw_field_level_figures": "field level: figures",
}
WIDTH = max(map(len, TITLES.values()))
TAIL_BYTES = 4096
# A line of `console.progress` or of the trainer, without the time in front of it.
_PROGRESS = re.compile(r"^(?:\d\d:\d\d:\d\d )?(.*?\b(\d+) of (\d+)\b.*)$", re.MULTILINE)
_LEFT = re.compile(r"(\d+) s left")

costs: JobCosts | None = None  # of the run, which the Snakefile sets once the settings are validated


@dataclass
class RunningJob:
    """A job at work: its rule, what tells it from others, its log, and when it began (s)."""

    rule: str
    which: str
    log: Path | None
    start: float

    def last_words(self) -> str:
        """The last line of progress in its log; empty where there is none yet."""
        if self.log is None:
            return ""
        try:
            with open(self.log, "rb") as file:
                file.seek(max(0, self.log.stat().st_size - TAIL_BYTES))
                text = file.read().decode(errors="replace")
        except OSError:
            return ""  # it has not begun to write, or Snakemake has just deleted it
        lines = [found[0] for found in _PROGRESS.findall(text)]
        return lines[-1] if lines else ""


class RunProgress:
    """Jobs planned, at work and done; told by one thread what happens, asked by another how far the run is.

    Parameters
    ----------
    planned
        Number of jobs of each rule.
    costs
        Forecast of a job where no job of its rule has ended yet; None: no time left is told before one has.
    cores
        Cores of this machine that the run may use; None where jobs wait in a queue: no time left is told.
    clock
        Tells the time (s).
    """

    def __init__(
        self,
        planned: Mapping[str, int],
        costs: JobCosts | None = None,
        cores: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.planned = Counter({rule: count for rule, count in planned.items() if rule in TITLES})
        self.costs, self.cores, self.clock = costs, cores, clock
        self.begin = clock()
        self.running: dict[int, RunningJob] = {}
        self.durations: dict[str, list[float]] = {rule: [] for rule in self.planned}
        self.first: dict[str, float] = {}

    @property
    def total(self) -> int:
        """Number of planned jobs."""
        return self.planned.total()

    @property
    def done(self) -> int:
        """Number of jobs that have ended well."""
        return sum(map(len, self.durations.values()))

    def start(self, job: int, rule: str, wildcards: Mapping[str, str], log: str | None) -> None:
        """Job number ``job`` begins."""
        if rule in self.planned:
            which = " ".join(f"{name} {value}" for name, value in wildcards.items())
            self.running[job] = RunningJob(rule, which, Path(log) if log else None, self.clock())
            self.first.setdefault(rule, self.clock())

    def finish(self, job: int) -> str | None:
        """Job number ``job`` has ended well; a line to print where it was the last of its rule."""
        ended = self.running.pop(job, None)
        if ended is None:
            return None
        durations = self.durations[ended.rule]
        durations.append(self.clock() - ended.start)
        if len(durations) < self.planned[ended.rule]:
            return None
        number = f"{len(durations)} job{'s' if len(durations) > 1 else ''}"
        took = clock_time(self.clock() - self.first[ended.rule])
        return f"{self.elapsed():>8}  {TITLES[ended.rule]:<{WIDTH}} {number:>9} in {took:>6}"

    def fail(self, job: int, failed: FailedJob) -> str:
        """Job number ``job`` has failed; what to print: which it is, why, and the end of its logs."""
        self.running.pop(job, None)
        return f"{self.elapsed():>8}  failed: {failed.describe(Path())}"

    def heading(self) -> str:
        """First line of a run."""
        jobs = f"{self.total} job{'s' if self.total != 1 else ''}"
        return jobs + (f" on {self.cores} cores{self._about('to go')}" if self.cores else "")

    def summary(self) -> str:
        """How far the run is."""
        if self.done == self.total:
            return f"all {self.total} jobs done"
        return f"{self.done} of {self.total} jobs{self._about('left')}"

    def at_work(self) -> list[str]:
        """A line for each rule at work: how many of its jobs are done, and the last words of the oldest at work."""
        oldest: dict[str, RunningJob] = {}
        for job in tuple(self.running.values()):
            oldest.setdefault(job.rule, job)
        lines = []
        for rule, job in oldest.items():
            words = " ".join(filter(None, (job.which, job.last_words())))
            lines.append(f"{TITLES[rule]} {len(self.durations[rule])} of {self.planned[rule]}: {words}")
        return lines

    def elapsed(self) -> str:
        """Time since the run began."""
        return clock_time(self.clock() - self.begin)

    def seconds_left(self) -> float | None:
        """Forecast (s); None where it is not known."""
        if not self.cores:
            return None
        work, at_work = 0.0, tuple(self.running.values())
        for rule, planned in self.planned.items():
            seconds = self._seconds(rule)
            if seconds is None:
                return None
            running = [job for job in at_work if job.rule == rule]
            waiting = planned - len(self.durations[rule]) - len(running)
            left = waiting * seconds + sum(self._left(job, seconds) for job in running)
            work += left * min(self._job_cores(rule), self.cores)
        return work / self.cores

    def _about(self, what: str) -> str:
        left = self.seconds_left()
        return f", about {max(1, round(left / 60))} min {what}" if left is not None else ""

    def _seconds(self, rule: str) -> float | None:
        """Time of a job of this rule: measured in this run, or forecast."""
        if len(self.durations[rule]) >= self._telling(rule):
            return mean(self.durations[rule])
        if self.costs is None:
            return None
        return mean(self.costs.seconds(rule, network) for network in self.costs.settings.run.networks)

    def _telling(self, rule: str) -> int:
        """Number of jobs of a rule whose mean tells the time of one: mocks are made ahead, by the jobs of others."""
        return 2 * self.costs.settings.jobs.mocks_per_process if self.costs and rule == "make_mock" else 1

    def _left(self, job: RunningJob, seconds: float) -> float:
        said = _LEFT.findall(job.last_words())
        return float(said[-1]) if said else max(0.0, seconds - (self.clock() - job.start))

    def _job_cores(self, rule: str) -> int:
        return self.costs.ranks(rule) * self.costs.threads(rule) if self.costs else 1


def clock_time(seconds: float) -> str:
    """``0:07``, ``12:34`` or ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
