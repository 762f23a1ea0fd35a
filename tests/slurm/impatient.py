"""Snakemake that looks after its SLURM jobs every second.

The executor waits ten seconds longer after every look, as is right for jobs of hours, and none of its options says
otherwise; the tests' jobs take seconds.
"""

import sys

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

if __name__ == "__main__":
    RemoteExecutor.next_seconds_between_status_checks = property(lambda self: 1, lambda self, seconds: None)
    sys.argv[0] = "snakemake"
    sys.exit(main())
