"""The trained networks that come with the package: their folders, and one of them by its name."""

from pathlib import Path

from halonet.digests import check_complete
from halonet.storage import StorageError

PACKAGE = Path(__file__).parents[1]
DEFAULT_NETWORK = "n-body"
# An installed package carries its networks with it; a checkout has them beside the package.
HOMES = (PACKAGE / "shipped_networks", PACKAGE.parents[1] / "networks")


def shipped_networks() -> dict[str, Path]:
    """Folders of the networks that are at hand, by their names."""
    folders = [path.parent for home in HOMES for path in sorted(home.glob("*/model.weights.h5"))]
    return {folder.name: folder for folder in reversed(folders)}


def shipped_network(name: str) -> Path | None:
    """Folder of the shipped network of a name; None where there is none."""
    return shipped_networks().get(name)


def find_network(network: str | Path) -> Path:
    """Folder of a network: a folder that is given, or the name of a shipped one.

    Raises
    ------
    StorageError
        If there is neither such a folder nor such a name, when the message lists the names, or a file is missing in it.
    """
    shipped = shipped_networks()
    folder = Path(network) if Path(network).is_dir() else shipped.get(str(network))
    if folder is not None:
        check_complete(folder)
        return folder
    raise StorageError(
        f"{network}: no trained network, there is no such folder and no shipped network of that name; shipped are "
        f"{', '.join(sorted(shipped)) or 'none'}"
    )
