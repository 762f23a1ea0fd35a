"""Segmentation networks, their training and their prediction of whole boxes."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from halonet.network.folder import TrainedNetwork


def load_network(folder: str | Path) -> "TrainedNetwork":
    """Load a trained network; see :func:`halonet.network.folder.load_network`. Keras is imported by this call only."""
    from halonet.network import folder as folders

    return folders.load_network(folder)
