"""Entry of the command ``halonet``: finds the word's module, which is imported only then."""

import argparse
import sys
from importlib import import_module

import halonet
from halonet import console
from halonet.checks.parser import NotingParser, check_files
from halonet.command.parsing import fill

COMMANDS = {
    "mock": ("mock", "make a mock halo catalogue from a seed or from your own density"),
    "join": ("join", "join the tiles of a universe to the catalogue of all of it"),
    "draw": ("draw", "draw a mock from a fitted neural bias model, without finding haloes"),
    "lightcone": ("light_cone", "make the halo catalogue of a light cone: what an observer of a box sees"),
    "haloes": ("haloes", "find the Peak Patch haloes of a density"),
    "predict": ("predict", "predict with a network which cells of a density belong to haloes"),
    "find": ("find", "find haloes in a predicted probability"),
    "galaxies": ("galaxies", "populate the haloes of a catalogue with galaxies"),
    "survey": ("survey", "observe a box as a survey: mask, n(z), redshifts, randoms; FITS"),
    "export": ("export", "write a catalogue in the format of another code"),
    "import": ("import_", "read a catalogue of another code: Peak Patch, PINOCCHIO"),
    "show": ("show", "draw a mock: its haloes and their mass function"),
    "match-abundance": ("match_abundance", "remap the masses of mocks to Tinker et al. (2008)"),
    "networks": ("networks", "list the trained networks at hand, or show the card of one"),
    "crate": ("crate", "describe a run as a research object (RO-Crate), to be published"),
    "status": ("status", "show how far a run of the workflow is"),
}
EPILOG = """\
examples:
  halonet mock --seed 7 --cells 256 -o mock.h5       a mock of (256 Mpc)^3
  halonet show mock.h5                               its picture
  halonet export mock.h5 --to halotools              the catalogue for another code
  halonet mock --help                                everything about one command

Lengths are comoving Mpc, masses solar masses, velocities km/s, all without h.
"""


def parse(words: list[str]) -> argparse.Namespace:
    """Arguments of a command line; of the commands, only the one it names is imported."""
    parser = NotingParser(
        prog="halonet",
        description="Mock dark-matter halo catalogues from random phases.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"halonet {halonet.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")
    wanted = next((word for word in words if not word.startswith("-")), None)
    for name, (module, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary)
        if name == wanted:
            fill(command, import_module(f"halonet.command.{module}"))
    return parser.parse_args(words)


def main() -> None:
    """Run the command line of this process."""

    def run() -> int | None:
        arguments = parse(sys.argv[1:])
        check_files(arguments)
        return arguments.run(arguments)

    console.run(run)
