"""The halo finder that settings name, or that a thresholds file was calibrated for."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from halonet.grid.slabs import Slabs
from halonet.halo_finding.constants import read_thresholds
from halonet.halo_finding.haloes import Found
from halonet.halo_finding.table import METHODS
from halonet.settings import HaloFindingSettings, SettingsError, validate


class Finder:
    """The finder that settings name, with the constants in force; see :class:`halonet.halo_finding.method.Method`.

    Attributes
    ----------
    settings
        Which finder, and its constants.
    heads
        Heads that a network needs for this finder, by name.
    in_force
        Constants in numbers, as JSON values for provenance.
    """

    def __init__(self, settings: HaloFindingSettings, calibrated: str | Path | None):
        self.settings = settings
        self._method = METHODS[settings.finder](settings, calibrated)
        self.heads, self.in_force = self._method.heads, self._method.in_force

    def find(
        self,
        probability: np.ndarray,
        heads: Mapping[str, np.ndarray] | None = None,
        centres: np.ndarray | None = None,
        slabs: Slabs | None = None,
    ) -> Found:
        """Find the haloes of a periodic box; see :meth:`halonet.halo_finding.method.Method.find`."""
        return self._method.find(probability, heads, centres, slabs)


def finder_of(thresholds: str | Path) -> HaloFindingSettings:
    """Settings of the finder that a thresholds file was calibrated for, which it carries in its provenance.

    Raises
    ------
    SettingsError
        If the file holds none, or settings of another version.
    """
    try:
        values = read_thresholds(thresholds)["provenance"]["settings"]
    except (KeyError, TypeError):
        raise SettingsError(
            f"{thresholds}: no halo finder settings under provenance; calibrate_thresholds.py writes them"
        ) from None
    return validate(HaloFindingSettings, values, str(thresholds))
