"""Find haloes in a predicted probability field, by the finder its thresholds were calibrated for: `halonet find`."""

from halonet.command import find
from halonet.command.parsing import run_script

if __name__ == "__main__":
    run_script(find)
