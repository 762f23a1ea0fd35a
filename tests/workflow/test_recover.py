"""Recovery cancels the jobs of the run it is given, and of no other that has its name in a path."""

import os
import subprocess
from pathlib import Path

import pytest

from halonet.workflow.run_log import remember_logs

RECOVER = Path(__file__).parents[2] / "slurm" / "recover"


@pytest.fixture
def folder(tmp_path):
    """Folder of runs, with a scancel that writes down what it cancels."""
    for name, text in {"scancel": f'echo "$2" >> {tmp_path}/cancelled', "squeue": "exit 0"}.items():
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / ".snakemake/log").mkdir(parents=True)
    (tmp_path / ".snakemake/locks").mkdir()
    return tmp_path


def write_log(folder, jobs, lines):
    path = folder / f".snakemake/log/{jobs}.log"
    path.write_text(f"SLURM run ID: {jobs}\n{lines}\n")
    return path.relative_to(folder)


def recover(folder, name):
    environment = os.environ | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", RECOVER, name], cwd=folder, env=environment, capture_output=True, text=True)
    cancelled = folder / "cancelled"
    return done, sorted(cancelled.read_text().split()) if cancelled.exists() else []


OTHERS = {
    "a configuration in a folder of that name": "  Config file(s): [PosixPath('/me/profiles/mine/settings.yaml')]\n"
    "    output: results/other/report.html",
    "a folder of all results of that name": "    output: /scratch/mine/results/other/haloes/small/000.h5",
    "a run whose name begins with it": "    output: results/mine2/report.html",
    "a run whose name ends with it": "    output: results/not-mine/report.html",
    "a network of that run as an input": "    input: results/mine/networks/a/model.weights.h5\n"
    "    output: results/other/mocks/a/1/haloes.h5",
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_only_jobs_of_the_named_run_are_cancelled(folder, other):
    write_log(folder, "dead", "    output: results/mine/ground_truth/000/density.h5")
    write_log(folder, "alive", other)
    done, cancelled = recover(folder, "mine")
    assert (done.returncode, cancelled) == (0, ["dead"])


def test_what_a_run_wrote_down_when_it_started_decides(folder):
    remember_logs("mine", [write_log(folder, "first", "nothing was submitted")], folder)
    remember_logs("mine", [write_log(folder, "second", "    output: results/mine/report.html")], folder)
    write_log(folder, "alive", "    output: results/mine/report.html")
    assert recover(folder, "mine")[1] == ["first", "second"]


def test_the_lock_of_another_run_stays(folder):
    write_log(folder, "dead", "    output: results/mine/report.html")
    locks = {"0.output.lock": "results/mine/report.html", "1.output.lock": "/mine/results/other/report.html"}
    for name, text in locks.items():
        (folder / ".snakemake/locks" / name).write_text(text)
    assert recover(folder, "mine")[0].returncode == 0
    assert [path.name for path in (folder / ".snakemake/locks").iterdir()] == ["1.output.lock"]


@pytest.mark.parametrize("name", ["", "results/mine", ".*", "$(touch x)", "mine; scancel -u me"])
def test_what_is_no_name_of_a_run_is_refused(folder, name):
    write_log(folder, "alive", "    output: results/mine/report.html")
    done, cancelled = recover(folder, name)
    assert done.returncode == 1
    assert done.stderr
    assert cancelled == []


def test_a_run_that_never_was_here_is_said_and_nothing_is_cancelled(folder):
    write_log(folder, "alive", "    output: results/other/report.html")
    done, cancelled = recover(folder, "mine")
    assert done.returncode == 1
    assert "no log in .snakemake/log is of a run 'mine'" in done.stderr
    assert cancelled == []
