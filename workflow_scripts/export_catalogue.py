"""Write a halo catalogue in the format of another code: `halonet export`."""

from halonet.command import export
from halonet.command.parsing import run_script

if __name__ == "__main__":
    run_script(export)
