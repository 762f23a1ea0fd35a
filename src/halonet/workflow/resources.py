"""What jobs ask for, as functions of wildcards and attempt, and how MPI programs start."""

from collections.abc import Callable
from dataclasses import dataclass

from snakemake.iocontainers import Wildcards

from halonet.settings import GroundTruthSettings, JobSettings, TrainingSettings
from halonet.workflow.costs import JobCosts

OfAttempt = Callable[[Wildcards, int], int]

MEMORY_MARGIN, TIME_MARGIN = 1.5, 3.0
START_MINUTES = 10.0  # a busy file system, imports, and loops compiled anew
SNAKEMAKE_MB = 250  # a job starts two Snakemakes beside its script

# MPI programs start through {resources.launcher} where there is more than one rank; the choice is left to the shell, so
# that another launcher or another number of ranks is no changed parameter and remakes nothing. srun takes the number of
# cores of a rank from the environment alone (SLURM 22.05 and later).
LAUNCH = (
    "export SRUN_CPUS_PER_TASK={threads}; "
    'launch=""; [ {resources.tasks} -eq 1 ] || launch="{resources.launcher} -n {resources.tasks}"; $launch '
)


def memory_mb(measured: float, attempt: int, jobs: JobSettings) -> int:
    """Memory to ask for (MB) where ``measured`` MB were measured."""
    asked = int(SNAKEMAKE_MB + MEMORY_MARGIN * jobs.memory_factor * measured) * 2 ** (attempt - 1)
    return int(min(asked, jobs.largest_memory_mb or asked))


def runtime_minutes(measured: float, attempt: int, jobs: JobSettings) -> int:
    """Run time to ask for (minutes) where ``measured`` seconds were measured."""
    asked = (START_MINUTES + TIME_MARGIN * measured / 60) * jobs.time_factor * 2 ** (attempt - 1)
    return max(1, int(min(asked, jobs.longest_minutes or asked)))


@dataclass(frozen=True)
class JobResources:
    """JobResources of the jobs of a run, from what they cost; they change no result and enter no parameter."""

    costs: JobCosts

    def of_rule(self, rule: str) -> dict[str, OfAttempt]:
        """JobResources of every rule: memory (MB) and run time (minutes), twice as much with every attempt."""
        jobs = self.costs.settings.jobs

        # Snakemake hands these parameters over by their names.
        def mem_mb(wildcards: Wildcards, attempt: int) -> int:
            return memory_mb(self.costs.megabytes(rule, wildcards.get("network")), attempt, jobs)

        def runtime(wildcards: Wildcards, attempt: int) -> int:
            together = jobs.mocks_per_process if rule == "make_mock" else 1
            return runtime_minutes(together * self.costs.seconds(rule, wildcards.get("network")), attempt, jobs)

        return {"mem_mb": mem_mb, "runtime": runtime}


def of_ranks(settings: GroundTruthSettings | TrainingSettings) -> dict[str, str | int | None]:
    """JobResources of a rule with MPI ranks; SLURM's executor refuses a request of MPI for a single one."""
    mpi = settings.launcher if settings.ranks > 1 else None
    return {"mpi": mpi, "launcher": settings.launcher, "tasks": settings.ranks}
