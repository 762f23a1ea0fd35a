"""Draw a mock, its haloes and their mass function: `halonet show`."""

from halonet.command import show
from halonet.command.parsing import run_script

if __name__ == "__main__":
    run_script(show)
