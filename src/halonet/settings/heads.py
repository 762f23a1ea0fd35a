"""The heads that a network may have beside its probability, one line for each."""

from math import prod
from typing import NamedTuple


class Head(NamedTuple):
    """An output that tells a cell about its halo.

    Attributes
    ----------
    shape
        Of a cell's value.
    first_value
        Before training.
    description
        For settings, with its unit.
    words
        For the card of a network: what it says of a cell's halo.
    error
        Name of its error in the history of a training.
    error_unit
        The error is multiplied by this: 100 for one in percent.
    """

    shape: tuple[int, ...]
    first_value: float
    description: str
    words: str
    error: str
    error_unit: float

    @property
    def channels(self) -> int:
        """Numbers for a cell."""
        return prod(self.shape)


HEADS = {
    "centre_offset": Head(
        (3,), 0.0, "vector to the centre of the cell's halo (cells)", "the vector to the centre", "offset_error", 1.0
    ),
    # 1.5: a halo of 4.5 cells around every cell.
    "log_radius": Head((), 1.5, "ln of its Lagrangian radius in cells", "the Lagrangian radius", "radius_error", 100.0),
}
