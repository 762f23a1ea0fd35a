"""Describe the files of a run as a research object (RO-Crate), to be published and cited: `halonet crate`."""

from halonet.command import crate
from halonet.command.parsing import run_script

if __name__ == "__main__":
    run_script(crate)
