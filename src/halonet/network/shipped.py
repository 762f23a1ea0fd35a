"""The trained networks that come with the package: their folders, and one of them by its name."""

from pathlib import Path

from halonet.storage import StorageError

PACKAGE = Path(__file__).parents[1]
DEFAULT_NETWORK = "n-body"
# An installed package carries its networks with it; a checkout has them beside the package.
HOMES = (PACKAGE / "shipped_networks", PACKAGE.parents[1] / "networks")


def shipped_networks() -> dict[str, Path]:
    """Folders of the networks that are at hand, by their names."""
    folders = [path.parent for home in HOMES for path in sorted(home.glob("*/model.weights.h5"))]
    return {folder.name: folder for folder in reversed(folders)}


def find_network(network: str | Path) -> Path:
    """Folder of a network: a folder that is given, or the name of a shipped one.

    Raises
    ------
    StorageError
        If there is neither such a folder nor such a name; the message lists the names.
    """
    shipped = shipped_networks()
    if Path(network).is_dir():
        return Path(network)
    if str(network) in shipped:
        return shipped[str(network)]
    raise StorageError(
        f"{network}: no trained network, there is no such folder and no shipped network of that name; shipped are "
        f"{', '.join(sorted(shipped)) or 'none'}"
    )
