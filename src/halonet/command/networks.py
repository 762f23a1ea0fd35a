"""List the trained networks at hand with what they are valid for, or show the card of one."""

import argparse

from halonet.dataset.normalisation import read_normalisation
from halonet.network.shipped import DEFAULT_NETWORK, find_network, shipped_networks
from halonet.network.validity import describe_validity
from halonet.storage import StorageError

EXAMPLES = """\
  halonet networks                        names, folders and validity
  halonet networks n-body                 the card of one
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("network", nargs="?", help="name or folder of the network whose card is shown")


def run(arguments: argparse.Namespace) -> None:
    """Print the list, or the card."""
    if arguments.network is None:
        for name, folder in sorted(shipped_networks().items()):
            validity = describe_validity(read_normalisation(folder / "normalisation.json"))
            print(f"{name}{' (default)' if name == DEFAULT_NETWORK else ''}\n    {folder}\n    {validity}")
        return
    card = find_network(arguments.network) / "README.md"
    if not card.is_file():
        raise StorageError(f"{card}: the network has no card; ship_network.py writes one")
    print(card.read_text())
