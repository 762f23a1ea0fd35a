"""Means over boxes and their scatter, as JSON values."""

import numpy as np


def spread(values: list) -> dict:
    """Mean and standard deviation over boxes; null where no box has a value."""
    known = [value for value in values if value is not None]
    if not known:
        return {"mean": None, "deviation": None, "boxes": []}
    deviation = float(np.std(known, ddof=1)) if len(known) > 1 else 0.0
    return {"mean": float(np.mean(known)), "deviation": deviation, "boxes": values}


def curve_spread(curves: list) -> dict | None:
    """Mean and standard deviation over boxes of curves, point by point over the boxes that know it; null without any.

    A curve is a list of numbers, null where undefined, or null as a whole.
    """
    known = [curve for curve in curves if curve is not None]
    return known_curve_spread(known) if known else None


def known_curve_spread(curves: list) -> dict:
    """As :func:`curve_spread`, of at least one curve, none of which is null as a whole."""
    table = np.array(curves, dtype=np.float64)
    mean, deviation = np.full(table.shape[1:], np.nan), np.full(table.shape[1:], np.nan)
    for i, values in enumerate(table.T):
        values = values[np.isfinite(values)]
        if len(values):
            mean[i], deviation[i] = values.mean(), values.std(ddof=1) if len(values) > 1 else 0.0
    return {"mean": listed(mean), "deviation": listed(deviation)}


def listed(values: np.ndarray) -> list[float | None]:
    """Values of shape (n,) as a JSON list, with null where one is undefined."""
    return [float(value) if np.isfinite(value) else None for value in values]
