"""Show how far a run is: what exists, what is stale, what failed, what the rest costs: `halonet status`."""

from halonet.command import status
from halonet.command.parsing import run_script

if __name__ == "__main__":
    run_script(status)
