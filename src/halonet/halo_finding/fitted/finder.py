"""The finder that fits spheres after the paper's search, with its constants, and their calibration."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from halonet.grid.slabs import Slabs
from halonet.halo_finding.fitted.sphere_fit import FittedHaloes, fit_spheres
from halonet.halo_finding.paper.finder import PaperFinder
from halonet.settings import HaloFindingSettings


class FittedFinder:
    """Spheres that share the cells of the haloes of the paper's search."""

    heads: tuple[str, ...] = ()

    def __init__(self, settings: HaloFindingSettings, calibrated: str | Path | None):
        self._search, self._minimum_cells = PaperFinder(settings, calibrated), settings.minimum_cells
        self.constants, self.in_force = self._search.constants, self._search.in_force

    def find(
        self,
        probability: np.ndarray,
        heads: Mapping[str, np.ndarray] | None = None,
        centres: np.ndarray | None = None,
        slabs: Slabs | None = None,
    ) -> FittedHaloes:
        """Find haloes; see :meth:`halonet.halo_finding.method.Method.find`."""
        found, fit = self._search.find(probability, heads, centres, slabs), self.constants.fit
        assert fit is not None  # thresholds_in_force has it for this finder
        return fit_spheres(probability, found, fit, self._minimum_cells, slabs)
