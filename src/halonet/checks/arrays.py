"""Arrays that a user's code hands over: real numbers, of which no mask takes any away."""

from typing import Any

import numpy as np
import numpy.typing as npt

REAL = "fiu"  # kinds of numpy's types


def check_unmasked(values: Any, name: str) -> None:
    """Refuse an array of which a mask takes values away: nothing here can do without them."""
    if np.ma.is_masked(values):
        raise ValueError(f"{name} is masked in {int(np.ma.getmaskarray(values).sum())} values; all of them are needed")


def real_numbers(values: npt.ArrayLike, name: str, kinds: str = REAL) -> np.ndarray:
    """``values`` as an array of real numbers; others, text and masked ones are refused by ``name``."""
    check_unmasked(values, name)
    numbers = np.asarray(values)
    if numbers.dtype.kind not in kinds:
        raise ValueError(f"{name}: values of type {numbers.dtype}; real numbers are needed")
    return numbers
