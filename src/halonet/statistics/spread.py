"""Means over boxes and their scatter, as JSON values.

A box in which a quantity does not exist (null, or NaN) is left out of its mean, and ``known`` says how many are left.
One value has no scatter.
"""

import numpy as np


def spread(values: list) -> dict:
    """Mean and standard deviation over boxes, values of all ``boxes``, and how many are ``known``.

    The mean is null where no box has a value, the deviation where fewer than two have one.
    """
    boxes = [defined(value) for value in values]
    known = [value for value in boxes if value is not None]
    return {
        "mean": float(np.mean(known)) if known else None,
        "deviation": float(np.std(known, ddof=1)) if len(known) > 1 else None,
        "boxes": boxes if known else [],
        "known": len(known),
    }


def defined(value: float | None) -> float | None:
    """A number for a JSON file: null for one that does not exist."""
    return None if value is None or not np.isfinite(value) else float(value)


def curve_spread(curves: list) -> dict | None:
    """Mean and standard deviation over boxes of curves, point by point over the boxes that know it; null without any.

    A curve is a list of numbers, null where undefined, or null as a whole.
    """
    known = [curve for curve in curves if curve is not None]
    return known_curve_spread(known) if known else None


def known_curve_spread(curves: list) -> dict:
    """As :func:`curve_spread`, of at least one curve, none of which is null as a whole.

    ``known`` says for every point how many curves have it.
    """
    table = np.array(curves, dtype=np.float64)
    mean, deviation = np.full(table.shape[1:], np.nan), np.full(table.shape[1:], np.nan)
    for i, values in enumerate(table.T):
        values = values[np.isfinite(values)]
        if len(values):
            mean[i] = values.mean()
        if len(values) > 1:
            deviation[i] = values.std(ddof=1)
    known = np.isfinite(table).sum(axis=0)
    return {"mean": listed(mean), "deviation": listed(deviation), "known": known.tolist()}


def listed(values: np.ndarray) -> list[float | None]:
    """Values of shape (n,) as a JSON list, with null where one is undefined."""
    return [defined(value) for value in values]
