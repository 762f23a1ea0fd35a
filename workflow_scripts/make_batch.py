"""Make the ground truth of several boxes in one job: a Snakemake of its own, which makes what is missing or stale.

Every box is as if it had been made by jobs of its own, so that a batch that is started again keeps what is finished.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from halonet import console
from halonet.checks.numbers import COUNT
from halonet.checks.parser import Parser
from halonet.settings import Settings, validate

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Parse the command line and run the workflow on the files of these boxes."""
    parser = Parser(description=__doc__)
    parser.add_argument("--configuration", required=True, help="configuration of the run as JSON")
    parser.add_argument("--cores", type=COUNT, default=1, help="cores, and MPI ranks of a box")
    parser.add_argument("--files", nargs="+", required=True, help="files of the boxes, as the workflow names them")
    arguments = parser.parse_args()
    configuration = json.loads(arguments.configuration)
    # The ranks share the cores of this job: they need no scheduler.
    configuration["ground_truth"] |= {"ranks": arguments.cores, "launcher": "mpiexec"}
    validate(Settings, configuration, "--configuration")
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(configuration, file)
        file.flush()
        command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--configfile", file.name]
        # The lock is that of the Snakemake that has started this job.
        command += ["--cores", arguments.cores, "--nolock", "--rerun-incomplete", "--", *arguments.files]
        return subprocess.run(list(map(str, command))).returncode


if __name__ == "__main__":
    console.run(main)
