"""Make the halo catalogue of a light cone: `halonet lightcone`."""

from halonet.command import light_cone
from halonet.command.parsing import run_script

if __name__ == "__main__":
    run_script(light_cone)
