"""What a network with both heads says of every cell."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from halonet.head_fields import read_heads


@dataclass(frozen=True)
class HeadFields:
    """What a network with both heads says of every cell of a periodic box.

    Attributes
    ----------
    probability
        To belong to a halo, float32 of shape (N, N, N).
    centre_offset
        Vector to the centre of that halo (cells), of shape (N, N, N, 3) and any float dtype.
    log_radius
        Natural logarithm of its Lagrangian radius in cells, of shape (N, N, N) and any float dtype.
    """

    probability: np.ndarray
    centre_offset: np.ndarray
    log_radius: np.ndarray


def read_fields(path: str | Path, probability: np.ndarray) -> HeadFields:
    """What a network with both heads says, from the file of its ``probability`` of shape (N, N, N).

    A file without the heads is refused.
    """
    return HeadFields(probability, **read_heads(path))
