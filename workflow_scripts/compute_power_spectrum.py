"""Compute the linear power spectrum of a cosmology with CAMB."""

from halonet import console
from halonet.checks.parser import SETTINGS, WRITES, Parser
from halonet.cosmology import write_power_spectrum
from halonet.kept_spectra import kept_power_spectrum
from halonet.settings import CosmologySettings, stage_settings


def main() -> None:
    """Parse the command line and write the spectrum."""
    parser = Parser(description=__doc__)
    parser.add_argument("--cosmology", type=SETTINGS, help="cosmology as JSON; default: the paper's")
    parser.add_argument(
        "--output", type=WRITES, required=True, help="CSV file to write: k_per_mpc, power_mpc3 at z = 0"
    )
    arguments = parser.parse_args()
    k, power = kept_power_spectrum(stage_settings(CosmologySettings, arguments.cosmology))
    write_power_spectrum(arguments.output, k, power)


if __name__ == "__main__":
    console.run(main)
