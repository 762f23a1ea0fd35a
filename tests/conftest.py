"""Shared by all tests: running the workflow's scripts as a user does, alone or under MPI."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


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
