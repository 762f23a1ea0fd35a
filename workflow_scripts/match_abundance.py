"""Remap the masses of mocks so that all of them together follow Tinker et al. 2008: `halonet match-abundance`."""

from halonet.command import match_abundance
from halonet.command.parsing import run_script

if __name__ == "__main__":
    run_script(match_abundance)
