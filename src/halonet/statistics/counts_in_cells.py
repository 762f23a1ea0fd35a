"""Counts in cells: how many points the cubes of a periodic box hold."""

from dataclasses import dataclass

import numpy as np

SIDES = (8.0, 16.0, 32.0)  # Mpc; wanted sides of the cubes
FEWEST_CUBES = 4  # along a side of the box


@dataclass(frozen=True)
class CountsInCells:
    """Counts in cubes of one size.

    Attributes
    ----------
    side
        Of a cube (Mpc).
    histogram
        Number of cubes with 0, 1, 2, ... points.
    variance, skewness
        <(N - m)^2> / m^2 and <(N - m)^3> / m^3 with the mean m of N; a Poisson process has 1 / m and 1 / m^2.
    """

    side: float
    histogram: np.ndarray
    variance: float
    skewness: float

    @property
    def mean(self) -> float:
        """Mean number of points of a cube."""
        return float(np.arange(len(self.histogram)) @ self.histogram / self.histogram.sum())


def cubes_of(box_size: float) -> list[int]:
    """Numbers of cubes along a side of a box (Mpc) whose own sides are nearest to :data:`SIDES`, at least four."""
    numbers = {round(box_size / side) for side in SIDES}
    return sorted((number for number in numbers if number >= FEWEST_CUBES), reverse=True) or [FEWEST_CUBES]


def count_in_cells(positions: np.ndarray, box_size: float, cubes: int) -> CountsInCells:
    """Count points at ``positions`` (Mpc), shape (n, 3), in ``cubes``^3 cubes that fill the box.

    Variance and skewness of no points are 0.
    """
    index = np.floor(np.mod(positions, box_size) * (cubes / box_size)).astype(np.int64) % cubes
    counts = np.bincount((index[:, 0] * cubes + index[:, 1]) * cubes + index[:, 2], minlength=cubes**3)
    mean = counts.mean()
    variance, skewness = ((((counts - mean) / mean) ** power).mean() if len(positions) else 0.0 for power in (2, 3))
    return CountsInCells(box_size / cubes, np.bincount(counts), float(variance), float(skewness))
