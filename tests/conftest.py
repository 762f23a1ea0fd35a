"""Shared by all tests: running the workflow's scripts as a user does, alone or under MPI."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


# Folders whose tests take longest, in minutes on one core: they begin first, so that both processes end at one time.
LONGEST = {"workflow": 6, "network": 4, "neural_bias": 3, "mocks": 2, "field_level": 2, "peak_patch": 2}


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config, items):
    """Where several processes share the tests, one takes those of a folder, which share what takes long to make."""
    folders = {item: item.path.relative_to(ROOT / "tests").parts[0] for item in items}
    # The other folders stay in their order: those of the field level set TensorFlow's threads, before it computes.
    items.sort(key=lambda item: -LONGEST.get(folders[item], 0))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(folders[item]))
    yield
    if getattr(config.option, "loadgroup", False) and not all("@" in item.nodeid for item in items):
        raise pytest.UsageError("pytest-xdist does not group the tests by folder: each process would make everything")


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
