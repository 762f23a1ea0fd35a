"""Compute the input channels of a network from the density of a whole periodic box."""

from halonet import console
from halonet.checks.numbers import THREADS
from halonet.checks.parser import READS, SETTINGS, WRITES, Parser
from halonet.dataset.channel_files import write_channels
from halonet.dataset.channels import whole_box_channels
from halonet.dataset.normalisation import declared_cosmology
from halonet.settings import ChannelSettings, CosmologySettings, SettingsError, stage_settings, validate
from halonet.storage import read_field, read_header


def main() -> None:
    """Parse the command line, compute the channels and write them."""
    parser = Parser(description=__doc__)
    parser.add_argument(
        "--density", type=READS, required=True, help="HDF5 file with dataset density and attribute box_size_mpc"
    )
    parser.add_argument(
        "--settings", type=SETTINGS, required=True, help="channels of a network as JSON, like smoothing_cells"
    )
    parser.add_argument(
        "--channels", type=WRITES, required=True, help="HDF5 file to write, <folder>/<box>.h5, like 000.h5"
    )
    parser.add_argument("--threads", type=THREADS, default=2, help="CPU threads")
    arguments = parser.parse_args()
    settings = stage_settings(ChannelSettings, arguments.settings)
    if not settings.count:
        raise SettingsError(
            "--settings: no channels; give smoothing_cells, shear_cells, prolateness_cells or simulation"
        )
    header, density = read_header(arguments.density), read_field(arguments.density, "density")
    known = declared_cosmology(header)
    cosmology = None if known is None else validate(CosmologySettings, known, f"cosmology of {arguments.density}")
    channels = whole_box_channels(density, settings, arguments.threads, cosmology=cosmology)
    write_channels(arguments.channels, channels, settings, header)


if __name__ == "__main__":
    console.run(main)
