"""The MPI world of a script, and the check that it is the one the workflow asked for."""

import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm

    Communicator = Intracomm
else:
    Communicator = Any  # importing mpi4py would start MPI

# Set by the launchers of MPICH and Open MPI and by SLURM's PMI plugins; without one of them there is one process, and
# initialising MPI would only cost time.
LAUNCHER_VARIABLES = ("PMI_SIZE", "PMIX_RANK", "OMPI_COMM_WORLD_SIZE")
SHORTEST_PAUSE, LONGEST_PAUSE = 1e-3, 0.2  # seconds between two looks of a rank that waits


class WorldError(ValueError):
    """The number of MPI ranks is not the one that was asked for."""


def world(expected_ranks: int | None = None) -> Communicator | None:
    """Communicator of all ranks, or None where there is one rank.

    A launcher with the wrong MPI flavour starts N worlds of one rank each, which would all write the same file; a world
    of another size than ``expected_ranks`` is therefore refused.
    """
    communicator, ranks = None, 1
    if any(name in os.environ for name in LAUNCHER_VARIABLES):
        from mpi4py import MPI

        ranks = MPI.COMM_WORLD.size
        communicator = MPI.COMM_WORLD if ranks > 1 else None
    if expected_ranks is not None and ranks != expected_ranks:
        raise WorldError(
            f"MPI world of {ranks} rank(s) where --ranks asks for {expected_ranks}; launch with "
            f"'mpiexec -n {expected_ranks}', or under SLURM with the srun --mpi=... that fits the installed MPI"
        )
    return communicator


def place_on_machine(communicator: Communicator | None) -> int:
    """Number of this rank among those of its machine; 0 without a communicator."""
    if communicator is None:
        return 0
    from mpi4py import MPI

    local = communicator.Split_type(MPI.COMM_TYPE_SHARED)
    place = local.rank
    local.Free()
    return place


def wait_for_all(communicator: Communicator | None = None) -> None:
    """Let a rank sleep until all others call this, too; collective.

    MPI's own waiting would take its core from those that still work.
    """
    if communicator is None:
        return
    request, pause = communicator.Ibarrier(), SHORTEST_PAUSE
    while not request.Test():
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
