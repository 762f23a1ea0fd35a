"""Values of the planes of a field, shape (planes, N, N), of which ``start`` is the number of the first one."""

from pathlib import Path

import numpy as np

from halonet.checks.assumptions import assume
from halonet.checks.attribute_values import UNITLESS
from halonet.checks.errors import StorageError


def check_finite(path: str | Path, name: str, planes: np.ndarray, start: int, end: str = "") -> None:
    """Refuse values that are not finite; ``end`` is that of the message."""
    if planes.dtype.kind not in "fc":
        return  # whole numbers are
    for i, plane in enumerate(planes):
        if not np.isfinite(plane).all():
            raise StorageError(f"{path}: {name} has values that are not finite, first in plane {start + i}{end}")


def check_unit(path: str | Path, name: str, units: list[str]) -> None:
    """Say that a field has a unit: overdensities, probabilities and masks have none."""
    if other := [unit for unit in units if unit not in UNITLESS]:
        assume(f"{path}: {name} has the unit {other[0]}; its numbers are taken for those of a field without one")


def check_probability(path: str | Path, planes: np.ndarray) -> None:
    """Refuse values outside of [0, 1]."""
    if planes.size and not (planes.min() >= 0 and planes.max() <= 1):
        raise StorageError(
            f"{path}: probability runs from {planes.min():.6g} to {planes.max():.6g}; it must lie within 0 and 1"
        )


def check_mask(path: str | Path, planes: np.ndarray, start: int) -> None:
    """Refuse values other than 0 and 1."""
    for i, plane in enumerate(planes):
        wrong = (plane != 0) & (plane != 1)
        if wrong.any():
            y, z = np.argwhere(wrong)[0]
            raise StorageError(
                f"{path}: mask is {plane[y, z]} in cell ({start + i}, {y}, {z}); it must be 1 where a cell ends in a "
                "halo and 0 elsewhere"
            )
