"""Candidates that collapse, as all ranks know them."""

from dataclasses import dataclass
from typing import Self

import numpy as np

PROPERTIES = ("overdensity", "ellipticity", "prolateness", "strain_1", "strain_2", "strain_3")


@dataclass(frozen=True)
class Patches:
    """Candidates that collapse, all ranks', in the order of their cells.

    Attributes
    ----------
    cells
        Flat index of the cell, int64.
    filters
        Index of the filter, int64.
    shells
        Outermost collapsed shell, int64.
    radii
        Radius (cells), float64.
    properties
        Columns of ``PROPERTIES``, float64 of shape (patches, 6).
    ranks
        Rank that measured each, int64.
    """

    cells: np.ndarray
    filters: np.ndarray
    shells: np.ndarray
    radii: np.ndarray
    properties: np.ndarray
    ranks: np.ndarray

    def select(self, rows: np.ndarray) -> Self:
        """Patches picked by indices, in that order."""
        return type(self)(*(values[rows] for values in vars(self).values()))
