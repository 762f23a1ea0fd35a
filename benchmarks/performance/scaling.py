"""How costs grow: exponents fitted to times of several sizes."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Growth:
    """A power law through measured times.

    Attributes
    ----------
    exponent
        Slope of the logarithm of the time against that of the size, by least squares.
    error
        Its standard error; NaN where two points leave none.
    sizes, seconds
        What it was fitted to.
    """

    exponent: float
    error: float
    sizes: tuple[float, ...]
    seconds: tuple[float, ...]

    def __str__(self) -> str:
        spread = "" if np.isnan(self.error) else f" ± {self.error:.2f}"
        return f"{self.exponent:.2f}{spread}"


def fit(sizes, seconds) -> Growth | None:
    """Power law of the times of at least two different sizes; None where there are fewer."""
    sizes, seconds = np.array(sizes, float), np.array(seconds, float)
    if len(set(sizes)) < 2:
        return None
    x, y = np.log(sizes) - np.log(sizes).mean(), np.log(seconds)
    slope = (x * (y - y.mean())).sum() / (x**2).sum()
    left = y - y.mean() - slope * x
    error = (left**2).sum() / (len(x) - 2) / (x**2).sum() if len(x) > 2 else np.nan
    return Growth(float(slope), float(np.sqrt(error)), tuple(sizes), tuple(seconds))


def growths(rows, size, **wanted):
    """Growth of every stage with ``size`` (cells of a box, haloes or boxes), of rows that have the ``wanted`` notes."""
    found = {}
    for one in rows:
        if (
            one.get(size)
            and "peer_of" not in one
            and all(one.get(key, value) == value for key, value in wanted.items())
        ):
            number = one[size] ** 3 if size == "cells" else one[size]
            found.setdefault(one["stage"], []).append((number, one["seconds"]))
    fits = {stage: fit(*zip(*sorted(points), strict=True)) for stage, points in found.items()}
    return {stage: growth for stage, growth in fits.items() if growth}
