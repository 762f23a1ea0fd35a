"""Populate the haloes of a catalogue with galaxies: `halonet galaxies`."""

from halonet.command import galaxies
from halonet.command.parsing import run_script

if __name__ == "__main__":
    run_script(galaxies)
