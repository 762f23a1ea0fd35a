"""The state of a run, told from its files: done, stale and why, started, failed, and what the rest costs."""

import base64
import re

import pytest
from forks import SNAKEMAKE, run_python

from halonet.workflow.run_log import failed_jobs, telling_lines


def status(workflow, *arguments) -> str:
    command = ["workflow_scripts/show_status.py", "--configfile", workflow.settings, *arguments]
    environment = workflow.environment() | {"PYTHONPATH": str(workflow.folder / "src")}
    process = run_python(command, SNAKEMAKE, environment, workflow.folder)
    assert process.returncode == 0, process.stderr
    return process.stdout


def numbers(text: str, rule: str) -> list[int]:
    """Jobs of a rule: all, done, stale, missing, started."""
    return list(map(int, re.search(rf"^{rule} +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)$", text, re.MULTILINE).groups()))


def test_of_a_finished_run_nothing_is_left(finished):
    text = status(finished)
    assert numbers(text, "draw_density") == [4, 4, 0, 0, 0]
    assert "Nothing is left to be done." in text
    assert "failed" not in text


def test_missing_stale_and_started_jobs_are_told_apart_and_the_rest_is_forecast_from_benchmarks(finished):
    settings = finished.settings.read_text()
    path = finished.results / "haloes/tiny/003.h5"
    content = path.read_bytes()
    finished.change("statistics", minimum_cells=9)
    path.unlink()
    target = "results/tiny/haloes/tiny/003.h5"
    mark = finished.folder / ".snakemake/incomplete" / base64.urlsafe_b64encode(target.encode()).decode()
    missing = status(finished)
    mark.touch()
    started = status(finished)
    mark.unlink()
    path.write_bytes(content)
    finished.settings.write_text(settings)
    assert numbers(missing, "find_haloes") == [1, 0, 0, 1, 0]
    assert numbers(started, "find_haloes") == [1, 0, 0, 0, 1]
    assert re.search(r"results/tiny/logs/find_haloes/tiny/003.log: \d+", started)
    assert numbers(missing, "measure_statistics") == [1, 0, 1, 0, 0]
    assert numbers(missing, "train_network") == [1, 1, 0, 0, 0]
    assert re.search(r"1 measure_statistics: .*Params have changed", missing)
    assert re.search(r"^find_haloes +1 +\d+ +1 benchmarks +1 +0 +0.0 +0.0$", missing, re.MULTILINE)


@pytest.fixture
def failing(make_workflow):
    """A run in which the box 001 of four fails."""
    workflow = make_workflow()
    rule = workflow.folder / "rules/ground_truth.smk"
    guard = '"[ {wildcards.box} != 001 ] || {{ echo error: no such luck with 001 > {log}; exit 2; }}; " + LAUNCH'
    rule.write_text(rule.read_text().replace("LAUNCH", guard, 1))
    return workflow


def test_a_failed_box_does_not_stop_the_others_and_the_last_words_name_it_its_log_and_its_end(failing):
    boxes = [failing.results / f"ground_truth/{box}/density.h5" for box in ("000", "001", "002", "003")]
    targets = [path.relative_to(failing.folder) for path in boxes]
    process = failing.run(*targets, check=False)
    assert process.returncode
    assert [path.exists() for path in boxes] == [True, False, True, True]
    last_words = process.output.split("1 job failed; the same command makes what is missing:")[1]
    assert "draw_density made no results/tiny/ground_truth/001/density.h5" in last_words
    assert "results/tiny/logs/draw_density/001.log:" in last_words
    assert "error: no such luck with 001" in last_words
    told = status(failing, "--target", *targets)
    assert numbers(told, "draw_density") == [4, 3, 0, 1, 0]
    assert "error: no such luck with 001" in told


def test_an_error_in_the_midst_of_a_log_is_told_once_beside_its_end():
    error = "slurmstepd: error: StepId=26.0 exceeded memory limit (580163584 > 380633088), being killed"
    lines = ["begins", error, error, *(f"line {number}" for number in range(20))]
    assert telling_lines("\n".join(lines)) == [error, *lines[-8:]]


def test_a_failure_that_a_retry_has_mended_is_not_told(tmp_path):
    log = tmp_path / "snakemake.log"
    log.write_text(
        "Error in rule find_haloes:\n    message: SLURM-job '7' failed, SLURM status is: 'OUT_OF_MEMORY'.\n"
        "    output: a.h5, b.h5\n    log: a.log (check log file(s) for error details)\n\nTrying to restart job 7.\n"
    )
    (job,) = failed_jobs([log], tmp_path)
    assert (job.rule, job.missing, job.logs) == ("find_haloes", ("a.h5", "b.h5"), ("a.log",))
    assert "OUT_OF_MEMORY" in job.describe(tmp_path)
    for name in job.missing:
        (tmp_path / name).touch()
    assert not failed_jobs([log], tmp_path)
