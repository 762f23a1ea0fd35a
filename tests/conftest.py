"""Shared by all tests: running the workflow's scripts as a user does, alone or under MPI."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Where several processes share the tests, one takes those of a folder, which share what takes long to make.

    The workflow, which takes longest, comes first. The other folders stay in their order: those of the field level set
    TensorFlow's threads, which has to be done before it computes.
    """
    folders = {item: item.path.relative_to(ROOT / "tests").parts[0] for item in items}
    items.sort(key=lambda item: folders[item] != "workflow")
    for item in items:
        item.add_marker(pytest.mark.xdist_group(folders[item]))


@pytest.fixture(scope="session")
def run_script():
    """Run ``workflow_scripts/<name>.py``; returns the finished process with its output as text."""

    def run(name, *arguments, ranks=1, check=True):
        command = [sys.executable, ROOT / "workflow_scripts" / f"{name}.py", *arguments]
        if ranks > 1:
            command = [Path(sys.executable).parent / "mpiexec", "-n", ranks, *command]
        # Python's own bin comes first, so that mpiexec is the one mpi4py was made for.
        environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        process = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment)
        if check and process.returncode:
            raise AssertionError(f"{name} ended with {process.returncode}:\n{process.stdout}\n{process.stderr}")
        return process

    return run
