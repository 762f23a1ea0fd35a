"""Shared by all tests: running the workflow's scripts as a user does, alone or under MPI."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from forks import run_python

ROOT = Path(__file__).parents[1]


# Folders that begin first: those whose tests take longest, so that both processes end at one time, and, before others
# have computed with TensorFlow, those of the field level, which set its threads.
FIRST = ("workflow", "field_level", "network", "neural_bias", "mocks", "n_body", "peak_patch")


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config, items):
    """Where several processes share the tests, one takes those of a folder, which share what takes long to make."""
    folders = {item: item.path.relative_to(ROOT / "tests").parts[0] for item in items}
    items.sort(key=lambda item: FIRST.index(folders[item]) if folders[item] in FIRST else len(FIRST))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(folders[item]))
    yield
    if getattr(config.option, "loadgroup", False) and not all("@" in item.nodeid for item in items):
        raise pytest.UsageError("pytest-xdist does not group the tests by folder: each process would make everything")


@pytest.fixture(scope="session")
def run_script():
    """Run ``workflow_scripts/<name>.py``; returns the finished process with its output as text."""

    def run(name, *arguments, ranks=1, check=True):
        command = [ROOT / "workflow_scripts" / f"{name}.py", *arguments]
        # Python's own bin comes first, so that mpiexec is the one mpi4py was made for.
        environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        if ranks == 1:
            process = run_python(command, environment=environment)
        else:
            command = [Path(sys.executable).parent / "mpiexec", "-n", ranks, sys.executable, *command]
            process = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment)
        if check and process.returncode:
            raise AssertionError(f"{name} ended with {process.returncode}:\n{process.stdout}\n{process.stderr}")
        return process

    return run
