"""What Snakemake's own log says of a run: the failed jobs, each with its log and the last lines of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LAST_LINES, MOST_ERRORS = 8, 3
_BLOCK = re.compile(r"^Error in (?:rule|group) (\w+):\n((?: {4}.*\n)+)", re.MULTILINE)
_FIELD = re.compile(r"^ {4}(message|output|log): (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class FailedJob:
    """A job that failed and whose files are still missing.

    Attributes
    ----------
    rule
        Its rule.
    missing
        Declared files that are not there.
    logs
        Log of its script, then log of SLURM where there is one.
    message
        What the executor said.
    """

    rule: str
    missing: tuple[str, ...]
    logs: tuple[str, ...]
    message: str

    def describe(self, folder: Path) -> str:
        """The job, why it failed and the telling lines of its logs."""
        lines = [f"{self.rule} made no {', '.join(self.missing[:3])}{', ...' if len(self.missing) > 3 else ''}"]
        lines += [f"    {self.message}"] if self.message else []
        for log in self.logs:
            # A job that was killed from outside may have had no time to write one.
            path = folder / log
            said = telling_lines(path.read_text(errors="replace")) if path.is_file() else []
            lines.append(f"    {log}:" if said else f"    {log}: empty")
            lines += [f"        {line}" for line in said]
        return "\n".join(lines)


def telling_lines(text: str) -> list[str]:
    """Last lines of a log, and before them the first errors: SLURM's own are followed by much else."""
    lines = text.splitlines()
    errors = dict.fromkeys(line for line in lines[:-LAST_LINES] if "error:" in line)
    return [*list(errors)[:MOST_ERRORS], *lines[-LAST_LINES:]]


def remember_logs(run: str, logs: Sequence[str | Path], folder: str | Path = ".") -> None:
    """Write down which logs of Snakemake are of a run, for ``slurm/recover``, which cancels jobs by what they say."""
    record = Path(folder, ".snakemake", "runs", run)
    record.parent.mkdir(parents=True, exist_ok=True)
    with open(record, "a") as file:
        file.writelines(f"{log}\n" for log in logs)


def failed_jobs(logs: Sequence[str | Path], folder: str | Path = ".") -> list[FailedJob]:
    """Failed jobs in logs of Snakemake, the last failure of each; those that were mended since are left out.

    Parameters
    ----------
    logs
        Files in ``.snakemake/log``, oldest first.
    folder
        Working folder of the run, to which the names of files are relative.
    """
    jobs, text = {}, "\n".join(Path(log).read_text(errors="replace") for log in logs)
    for rule, block in _BLOCK.findall(text):
        fields = {"message": "", "output": "", "log": ""} | dict(_FIELD.findall(block))
        files = tuple(name for name in fields["output"].split(", ") if name)
        missing = tuple(name for name in files if not (Path(folder) / name).exists())
        if missing:
            own = re.sub(r" \(check log file\(s\) for error details\)", "", fields["log"]).split(", ")
            jobs[files] = FailedJob(rule, missing, tuple(name for name in own if name), fields["message"].strip())
    return list(jobs.values())


def describe_failures(jobs: list[FailedJob], folder: str | Path = ".") -> str:
    """Text for the user about failed jobs; empty where there are none."""
    if not jobs:
        return ""
    heading = f"{len(jobs)} job{'s' if len(jobs) > 1 else ''} failed; the same command makes what is missing:"
    return "\n".join(["", heading, *(job.describe(Path(folder)) for job in jobs)])


def logs_of_run(results: str | Path, folder: str | Path = ".") -> list[Path]:
    """Logs of Snakemake that speak of the files in ``results``, oldest first."""
    logs = sorted((Path(folder) / ".snakemake/log").glob("*.log"))
    return [log for log in logs if f"{results}/" in log.read_text(errors="replace")]
