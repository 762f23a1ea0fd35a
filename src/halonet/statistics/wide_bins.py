"""Bins of k that are the same in every mock of a box: whole bins of the fundamental width, several together."""

from dataclasses import dataclass

import numpy as np

NARROWEST_BIN = 0.025  # 1/Mpc; bins are not narrower, nor than the fundamental
CELLS_PER_BIN = 8  # of a mesh along a side, for each fundamental bin: the last one is at a quarter of Nyquist


class MockError(ValueError):
    """A catalogue that cannot be measured as a mock."""


@dataclass(frozen=True)
class WideBins:
    """Bins of k of a box; bin i has the modes whose |k|, in fundamentals, rounds to one of ``together`` whole numbers.

    Attributes
    ----------
    fundamental
        2 pi over the side of the box (1/Mpc).
    together
        Bins of the fundamental width that make one.
    number
        Of bins.
    """

    fundamental: float
    together: int
    number: int

    @property
    def narrow(self) -> int:
        """Bins of the fundamental width that all of them hold."""
        return self.number * self.together

    @property
    def mesh(self) -> int:
        """Cells along a side of a mesh on which aliases of clouds in cells are below 1% of the shot noise."""
        return max(32, CELLS_PER_BIN * self.narrow)

    def index(self, lengths: np.ndarray) -> np.ndarray:
        """Bins, from 1 on, of modes whose |k| is ``lengths`` fundamentals; 0 outside of all; int64, same shape."""
        rounded = np.rint(lengths).astype(np.int64)
        return np.where(rounded <= self.narrow, (rounded + self.together - 1) // self.together, 0)

    def means(self, modes: np.ndarray, *rows: np.ndarray) -> list[np.ndarray]:
        """Number of modes of each bin, then the means of ``rows`` over them; rows and ``modes``: (narrow or more,)."""
        weights = modes[: self.narrow].reshape(self.number, self.together)
        total = weights.sum(axis=1)
        shaped = (row[: self.narrow].reshape(self.number, self.together) for row in rows)
        return [total, *((row * weights).sum(axis=1) / total for row in shaped)]


def wide_bins(box_size: float, largest_k: float, most: int | None = None) -> WideBins:
    """Bins of a box of side ``box_size`` (Mpc) up to ``largest_k`` (1/Mpc), of at most ``most`` fundamental ones.

    Raises
    ------
    MockError
        If there is none.
    """
    fundamental = 2 * np.pi / box_size
    together = max(1, round(NARROWEST_BIN / fundamental))
    narrow = int(largest_k / fundamental)
    number = (narrow if most is None else min(narrow, most)) // together
    if not number:
        raise MockError(
            f"largest_k_per_mpc = {largest_k:g} is below the first bin of the box, {fundamental:.3g} per Mpc"
        )
    return WideBins(fundamental, together, number)
