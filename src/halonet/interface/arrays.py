"""Arrays of a user, checked before anything is computed with them."""

import numpy as np


def checked_cube(values: np.ndarray, name: str) -> np.ndarray:
    """A field as float32 of shape (N, N, N).

    Raises
    ------
    ValueError
        If it is no cube, or has values that are not finite; the message says ``name`` and what is wrong.
    """
    field = np.asarray(values)
    if field.ndim != 3 or len(set(field.shape)) != 1:
        raise ValueError(f"{name} has shape {field.shape}; a cube (N, N, N) is needed")
    field = np.ascontiguousarray(field, np.float32)
    if not np.isfinite(field).all():
        raise ValueError(f"{name} has {np.count_nonzero(~np.isfinite(field))} values that are not finite")
    return field


def checked_length(value: float, name: str) -> float:
    """A positive length (Mpc); another number is refused by its name."""
    if not (np.isfinite(value) and value > 0):
        raise ValueError(f"{name} = {value}; a positive length in Mpc is needed")
    return float(value)
