"""A copy of the workflow that a test may run, edit and kill."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "config.yaml", "rules", "workflow_scripts", "src", "envs", "profiles", "slurm")


class Workflow:
    """A checkout of the workflow with a configuration of its own."""

    def __init__(self, folder: Path, settings: Path):
        self.folder, self.settings = folder, folder / "settings.yaml"
        folder.mkdir()
        for part in PARTS:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
            copy(ROOT / part, folder / part)
        shutil.copy(settings, self.settings)

    @property
    def results(self) -> Path:
        return self.folder / "results" / yaml.safe_load(self.settings.read_text())["run"]["name"]

    def change(self, section: str, **keys):
        values = yaml.safe_load(self.settings.read_text())
        values.setdefault(section, {}).update(keys)
        self.settings.write_text(yaml.safe_dump(values))

    def command(self, *arguments) -> list[str]:
        start = [sys.executable, "-m", "snakemake", "--configfile", self.settings, "--cores", 2, "--nolock"]
        return [str(part) for part in [*start, *arguments]]

    def environment(self) -> dict:
        return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def run(self, *arguments, check=True):
        process = subprocess.run(
            self.command(*arguments), cwd=self.folder, capture_output=True, text=True, env=self.environment()
        )
        process.output = process.stdout + process.stderr
        if check and process.returncode:
            raise AssertionError(f"the workflow ended with {process.returncode}:\n{process.output}")
        return process

    def planned(self, *targets) -> Counter:
        """Jobs that a run would start, by rule."""
        output = self.run(*targets, "--dry-run", "--quiet", "host").output
        table = output.split("Job stats:")[1] if "Job stats:" in output else ""
        jobs = Counter({name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)})
        for name in ("total", "all", *targets):
            del jobs[name]
        return jobs

    def kill_when(self, condition, timeout=240):
        """Start the run and SIGKILL it with all its jobs as soon as ``condition`` holds."""
        process = subprocess.Popen(
            self.command(),
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.environment(),
            start_new_session=True,
        )
        deadline = time.monotonic() + timeout
        while not condition():
            assert process.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < deadline, "the run never came to where it was to be killed"
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="session")
def make_workflow(tmp_path_factory):
    def make(settings=Path(__file__).parent / "tiny.yaml") -> Workflow:
        return Workflow(tmp_path_factory.mktemp("workflow") / "halonet", settings)

    return make


@pytest.fixture(scope="session")
def finished(make_workflow) -> Workflow:
    """A workflow whose tiny run has gone from random phases to the report."""
    workflow = make_workflow()
    workflow.run()
    return workflow
