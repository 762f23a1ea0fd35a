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

import yaml
from forks import SNAKEMAKE, run_python
from numba.core.caching import UserProvidedCacheLocator

from halonet.environment import kernel_cache

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src/halonet"
TINY = ROOT / "tests" / "workflow" / "tiny.yaml"
PARTS = ("Snakefile", "config.yaml", "rules", "workflow_scripts", "src", "envs", "profiles", "slurm")


def share_kernels(package: Path, copied: Path) -> None:
    """Hand the compiled kernels of a package on to another one of the same code, which would take half a minute.

    Numba keeps them by the path of the folder that they were compiled from.
    """
    cache, kept = kernel_cache(package), kernel_cache(copied)
    if cache.name != kept.name:
        return  # a test has changed the code of one
    for folder in {path.parent for path in package.rglob("*.py")}:
        there = copied / folder.relative_to(package)
        compiled = cache / UserProvidedCacheLocator.get_suitable_cache_subpath(str(folder / "a.py"))
        handed_on = kept / UserProvidedCacheLocator.get_suitable_cache_subpath(str(there / "a.py"))
        if compiled.is_dir() and (not handed_on.is_dir() or len(os.listdir(handed_on)) < len(os.listdir(compiled))):
            shutil.copytree(compiled, handed_on, dirs_exist_ok=True)


class Workflow:
    """A checkout of the workflow with a configuration of its own."""

    def __init__(self, folder: Path, settings: Path = TINY):
        self.folder, self.settings = folder, folder / "settings.yaml"
        folder.mkdir()
        for part in PARTS:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
            copy(ROOT / part, folder / part)
        shutil.copy(settings, self.settings)
        share_kernels(PACKAGE, folder / "src/halonet")

    def values(self) -> dict:
        return yaml.safe_load(self.settings.read_text())

    @property
    def results(self) -> Path:
        return self.folder / "results" / self.values()["run"]["name"]

    def change(self, section: str, **keys):
        values = self.values()
        values.setdefault(section, {}).update(keys)
        self.settings.write_text(yaml.safe_dump(values))

    def command(self, *arguments) -> list[str]:
        start = [sys.executable, "-m", "snakemake", "--configfile", self.settings, "--cores", 2, "--nolock"]
        return [str(part) for part in [*start, *arguments]]

    def environment(self) -> dict:
        return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def run(self, *arguments, check=True):
        process = run_python(self.command(*arguments)[1:], SNAKEMAKE, self.environment(), self.folder)
        process.output = process.stdout + process.stderr
        share_kernels(self.folder / "src/halonet", PACKAGE)
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

    def planned_jobs(self, *arguments) -> set[str]:
        """Jobs that a run would start, as their rule and its wildcards: ``find_haloes network=tiny, box=003``."""
        output = self.run(*arguments, "--dry-run").output
        blocks = re.findall(r"^(?:local)?rule (\w+):\n((?: {4}.*\n)*)", output, re.MULTILINE)
        wildcards = [re.findall(r"^ {4}wildcards: (.*)$", block, re.MULTILINE) for _, block in blocks]
        jobs = {" ".join([name, *found]) for (name, _), found in zip(blocks, wildcards, strict=True)}
        return jobs - {"all"}

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
