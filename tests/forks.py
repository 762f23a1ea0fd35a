"""Python programs run in forks of a process that has imported their libraries, which takes longer than most of them do.

What a program prints, writes and ends with is what it would in a process of its own; only its start is left out. The
process reads requests from its standard input, one JSON list a line, and answers each with the number of the fork and,
at its end, with its exit code.
"""

import atexit
import gc
import json
import os
import runpy
import subprocess
import sys
import tempfile
import threading
import traceback
from functools import cache
from pathlib import Path

SCRIPTS = (
    *("keras", "numba", "h5py", "camb", "scipy.ndimage", "scipy.optimize", "scipy.stats", "matplotlib.figure"),
    *("halonet.catalogue", "halonet.checks.parser", "halonet.console", "halonet.cosmology", "halonet.storage"),
)
# Without the package: a copy of the checkout brings its own.
SNAKEMAKE = (
    *("snakemake.cli", "snakemake_executor_plugin_slurm", "snakemake.report.html_reporter", "snakemake.assets"),
    *("smart_open", "yte", "pydantic", "rich.progress", "scipy.fft", "h5py"),
)
# What may differ from the environment in which the libraries were imported: none of them reads it then.
READ_LATER = {"PATH", "HALONET_SCRATCH", "XDG_CACHE_HOME", "PYTHONPATH", "PYTEST_CURRENT_TEST"}


class Forks:
    """A process that has imported ``modules`` and forks itself for every program."""

    def __init__(self, modules: tuple[str, ...]) -> None:
        self.folder, self.environment = tempfile.TemporaryDirectory(), dict(os.environ)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen([sys.executable, __file__, *modules], text=True, **pipes)
        atexit.register(self.close)

    def run(self, command: list[str], environment: dict[str, str], cwd: Path) -> subprocess.CompletedProcess:
        self.start(command, environment, cwd)
        return subprocess.CompletedProcess(command, self.wait(), *(path.read_text() for path in self.said))

    def start(self, command: list[str], environment: dict[str, str], cwd: Path) -> int:
        """Start a program, of which one runs at a time; returns its process number."""
        self.said = [Path(self.folder.name, name) for name in ("stdout", "stderr")]
        self.process.stdin.write(json.dumps([command, environment, str(cwd), *map(str, self.said)]) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def wait(self) -> int:
        """Exit code of the program that was started, minus the signal that ended it."""
        return int(self.process.stdout.readline())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


forks_of = cache(Forks)


def run_python(
    arguments: list,
    modules: tuple[str, ...] = SCRIPTS,
    environment: dict[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess:
    """Run what Python would with these arguments: the path of a script, or ``-m`` and a module; its output is text."""
    command, environment = [str(argument) for argument in arguments], environment or dict(os.environ)
    forks = forks_of(modules)
    if {name for name, _ in environment.items() ^ forks.environment.items()} <= READ_LATER:
        return forks.run(command, environment, cwd or Path.cwd())
    return subprocess.run([sys.executable, *command], cwd=cwd, env=environment, capture_output=True, text=True)


def serve() -> list[str]:
    """Answer requests; returns, in each fork, the arguments of its program."""
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        command, environment, folder, *said = json.loads(line)
        if (fork := os.fork()) == 0:
            answers.close()
            for number, path in enumerate(said, start=1):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.environ.clear()
            os.environ.update(environment)
            os.chdir(folder)
            return command
        print(fork, file=answers, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1]), file=answers, flush=True)
    sys.exit()


def main() -> None:
    """Import the modules of the command line, then be one program in each fork."""
    for name in sys.argv[1:]:
        __import__(name)
    gc.collect()
    gc.freeze()  # or every fork would look through, and so copy, all that was imported
    sys.argv = serve()
    code = 1
    try:
        run()
        code = 0
    except SystemExit as end:
        code = (
            end.code if isinstance(end.code, int) else 0 if end.code is None else print(end.code, file=sys.stderr) or 1
        )
    except BaseException:
        traceback.print_exc()
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # to take down TensorFlow and its like takes a second


def run() -> None:
    """Run the program of this fork."""
    first = os.getcwd() if sys.argv[0] == "-m" else str(Path(sys.argv[0]).resolve().parent)
    sys.path[:1] = [first, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    if sys.argv[0] == "-m":
        del sys.argv[0]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
