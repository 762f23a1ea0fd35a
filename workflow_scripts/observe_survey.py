"""Observe a box of galaxies or haloes as a survey does, with randoms, as FITS: `halonet survey`."""

from halonet.command import survey
from halonet.command.parsing import run_script

if __name__ == "__main__":
    run_script(survey)
