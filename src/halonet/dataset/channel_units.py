"""Units of channels, and how a plane of one is stored: in half precision, or in whole numbers."""

import numpy as np

from halonet.dataset.channel_loops import to_whole_numbers
from halonet.settings import SettingsError

COLLAPSE_THRESHOLD = 1.686  # delta_c, linear overdensity at which a sphere collapses
LIMIT = float(np.finfo(np.float16).max)  # of a channel


def put(field: np.ndarray, unit: float, step: np.float32 | None, channel: np.ndarray) -> None:
    """Put a plane, not needed afterwards, into its channel: in a unit, or steps of it.

    Raises
    ------
    SettingsError
        If a value is beyond :data:`LIMIT`.
    """
    limit = np.float32(LIMIT)
    if step is None:
        np.divide(field, np.float32(unit), out=field)
        legal = field.max() < limit and field.min() > -limit
        channel[...] = field if legal else 0
    else:
        legal = to_whole_numbers(field, np.float32(unit), np.float32(step), limit, channel) == field.size
    if not legal:
        raise SettingsError(f"a channel of the density is beyond {LIMIT:.3g} or not finite; a linear density is needed")
