"""A private SLURM cluster of two virtual nodes, real daemons, and the tiny run of the workflow on it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from checkout import Workflow

HERE = Path(__file__).parent
DAEMONS = ("munged", "slurmctld", "slurmd", "srun", "squeue", "scancel")
WAITING = ("--slurm-init-seconds-before-status-checks", 1, "--latency-wait", 5)
PATIENCE = 300  # seconds until something must have happened
LONGEST = 1800  # seconds that a run may take on a busy machine; minutes on an idle one


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.slurm)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory) -> dict:
    """Environment in which SLURM's commands speak to the private cluster."""
    missing = [name for name in DAEMONS if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")]
    if missing:
        message = f"no {', '.join(missing)}; apt-get install slurmctld slurmd slurm-client munge"
        # Where they must not be left out, as in CI, a skip would be taken for success.
        (pytest.fail if os.environ.get("HALONET_REQUIRE_SLURM") else pytest.skip)(message)
    folder = tmp_path_factory.mktemp("slurm")
    environment = os.environ | {
        "MINI_SLURM_DIR": str(folder),
        "MINI_SLURM_ACCT": "none",
        "MINI_SLURM_PORT": str(20000 + 40 * (os.getpid() % 500)),
        "SLURM_CONF": str(folder / "etc/slurm.conf"),
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }
    started = subprocess.run([HERE / "mini-slurm", "start"], env=environment, capture_output=True, text=True)
    try:
        assert started.returncode == 0, started.stdout + started.stderr
        yield environment
    finally:
        subprocess.run(["scancel", "--user", str(os.getuid())], env=environment, check=False)
        for _ in range(100):
            if not subprocess.run(["squeue", "-h"], env=environment, capture_output=True).stdout:
                break  # Daemons that stop earlier leave the processes of jobs behind.
            time.sleep(0.1)
        subprocess.run([HERE / "mini-slurm", "stop"], env=environment, check=False)


class SlurmRun:
    """A Snakemake that submits its jobs to the cluster; ended or not."""

    def __init__(self, command: list[str], folder: Path, environment: dict):
        self.environment, self.file = environment, folder / f"snakemake.{time.time_ns()}.out"
        with open(self.file, "w") as output:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
                # Tests that run in the background of a shell would hand on that Ctrl-C is to be ignored.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    @property
    def output(self) -> str:
        return self.file.read_text()

    @property
    def name(self) -> str:
        """Name that all SLURM jobs of this Snakemake carry."""
        return self.output.split("SLURM run ID: ")[1].split()[0]

    def jobs(self, rule: str = "") -> list[dict]:
        """Rows of squeue, in order of submission; ended jobs included."""
        if "SLURM run ID: " not in self.output:
            return []
        names = {"id": "%i", "state": "%T", "comment": "%k", "memory": "%m", "partition": "%P"}
        names |= {"nodes": "%D", "cpus": "%C"}
        command = ["squeue", "--states=all", "--noheader", "--name", self.name, "-o", "|".join(names.values())]
        listing = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True).stdout
        rows = [dict(zip(names, line.split("|"), strict=True)) for line in listing.splitlines()]
        return sorted((row for row in rows if rule in row["comment"]), key=lambda row: int(row["id"]))

    def gpus(self, job: dict) -> str:
        """GPUs a job asked for, ended or not."""
        command = ["squeue", "--states=all", "--noheader", "--jobs", job["id"], "--Format", "tres-per-job:40"]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True).stdout.strip()

    def running(self, rule: str = "") -> list[dict]:
        return [job for job in self.jobs(rule) if job["state"] == "RUNNING"]

    def at_work(self) -> list[dict]:
        """Running jobs whose own Snakemake has said something."""
        return [job for job in self.running() if any(log.stat().st_size for log in self.logs_of(job))]

    def logs_of(self, job: dict) -> list[Path]:
        return list((self.file.parent / "logs/slurm").rglob(f"{job['id']}.log"))

    def active(self) -> list[dict]:
        return [job for job in self.jobs() if job["state"] in ("RUNNING", "PENDING", "COMPLETING", "CONFIGURING")]

    def wait_for(self, condition):
        """Wait until ``condition`` holds; returns its value."""
        deadline = time.monotonic() + PATIENCE
        while not (value := condition()):
            assert self.process.poll() is None, f"the run ended too early:\n{self.output}"
            assert time.monotonic() < deadline, f"the run never came to where it was to be disturbed:\n{self.output}"
            time.sleep(0.05)
        return value

    def end(self, ok=True) -> "SlurmRun":
        """Wait for the end of Snakemake, which must be a success or not."""
        self.process.wait(LONGEST)
        assert (self.process.returncode == 0) == ok, self.output
        return self

    def scancel(self, *arguments):
        subprocess.run(["scancel", *map(str, arguments)], env=self.environment, check=True)


class SlurmWorkflow(Workflow):
    """A checkout of the workflow that runs through ``--profile slurm``."""

    def __init__(self, folder: Path, cluster: dict):
        super().__init__(folder)
        self.cluster = cluster

    def environment(self) -> dict:
        return super().environment() | {"PATH": f"{Path(self.cluster['SLURM_CONF']).parents[1] / 'bin'}:{self._path()}"}

    def _path(self) -> str:
        return super().environment()["PATH"]

    def command(self, *arguments) -> list[str]:
        parts = (HERE / "impatient.py", "--profile", "slurm", "--configfile", self.settings, *WAITING, *arguments)
        return [sys.executable, *map(str, parts)]

    def start(self, *arguments, **environment) -> SlurmRun:
        return SlurmRun(self.command(*arguments), self.folder, self.cluster | self.environment() | environment)

    def target(self, name: str) -> str:
        """Name of a file of the run, as Snakemake takes it."""
        return str((self.results / name).relative_to(self.folder))

    def delete(self, *names: str) -> dict[str, bytes]:
        """Delete files of the run; returns what they held."""
        held = {name: (self.results / name).read_bytes() for name in names}
        for name in names:
            (self.results / name).unlink()
        return held

    def holds(self, files: dict[str, bytes]) -> bool:
        return all((self.results / name).read_bytes() == content for name, content in files.items())


@pytest.fixture(scope="session")
def workflow(cluster, tmp_path_factory) -> SlurmWorkflow:
    """The checkout that all tests share: each leaves its run finished, and deletes what it wants to be remade."""
    workflow = SlurmWorkflow(tmp_path_factory.mktemp("workflow") / "halonet", cluster)
    settings, profile = workflow.settings.read_text(), workflow.folder / "slurm/config.yaml"
    # What a site would change.
    limits = "largest_memory_mb: 3800, longest_minutes: 60, time_factor: 5"
    profile.write_text(profile.read_text().replace("largest_memory_mb: 180000, longest_minutes: 1440", limits))
    # Long enough to be interrupted twice.
    workflow.settings.write_text(settings.replace("steps: 60", "steps: 500").replace("interval: 20", "interval: 100"))
    workflow.change("boxes", count=3)
    return workflow


@pytest.fixture(scope="session")
def finished(workflow) -> SlurmRun:
    """The tiny run, which has gone from random phases to the report."""
    return workflow.start().end()


@pytest.fixture
def interrupt():
    """Send a signal to a Snakemake and wait for its end."""

    def send(run: SlurmRun, number: signal.Signals):
        run.process.send_signal(number)
        run.process.wait(PATIENCE)

    return send
