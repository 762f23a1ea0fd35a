"""Find the Peak Patch haloes of a periodic density field and write their catalogue and mask: `halonet haloes`."""

from halonet.command import haloes
from halonet.command.parsing import run_script

if __name__ == "__main__":
    run_script(haloes)
