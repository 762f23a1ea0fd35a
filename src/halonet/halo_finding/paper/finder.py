"""The paper's finder with its constants, and their calibration."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from halonet.grid.slabs import Slabs
from halonet.halo_finding.constants import thresholds_in_force
from halonet.halo_finding.paper.search import FoundHaloes, find_haloes, find_haloes_at
from halonet.settings import HaloFindingSettings


class PaperFinder:
    """Regions above peak thresholds, grown to the shell threshold."""

    heads: tuple[str, ...] = ()

    def __init__(self, settings: HaloFindingSettings, calibrated: str | Path | None):
        self.constants = thresholds_in_force(settings, calibrated)
        self.in_force = self.constants.as_dict()

    def find(
        self,
        probability: np.ndarray,
        heads: Mapping[str, np.ndarray] | None = None,
        centres: np.ndarray | None = None,
        slabs: Slabs | None = None,
    ) -> FoundHaloes:
        """Find haloes; see :meth:`halonet.halo_finding.method.Method.find`."""
        if centres is None:
            return find_haloes(probability, self.constants.peak, self.constants.shell, slabs)
        return find_haloes_at(probability, centres, self.constants.shell, slabs)
