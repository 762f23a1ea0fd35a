"""The halo finder that the settings choose, as every script runs it."""

from pathlib import Path

import numpy as np

from halonet.halo_finding.finder import FoundHaloes, find_haloes
from halonet.halo_finding.inputs import Thresholds
from halonet.halo_finding.sphere_fit import FittedHaloes, fit_spheres
from halonet.settings import HaloFindingSettings, SettingsError, validate
from halonet.storage import read_json


def search(
    probability: np.ndarray, settings: HaloFindingSettings, thresholds: Thresholds
) -> FoundHaloes | FittedHaloes:
    """Find the haloes of a probability field, float32 of shape (N, N, N), with the thresholds in force."""
    return refine(probability, find_haloes(probability, thresholds.peak, thresholds.shell), settings, thresholds)


def refine(
    probability: np.ndarray, found: FoundHaloes, settings: HaloFindingSettings, thresholds: Thresholds
) -> FoundHaloes | FittedHaloes:
    """Fit spheres to the haloes of the paper's finder, where the settings ask for that."""
    if settings.finder == "paper":
        return found
    return fit_spheres(probability, found, thresholds.reach, settings.sphere_fit.rounds, settings.minimum_cells)


def finder_of(thresholds: str | Path) -> HaloFindingSettings:
    """Settings of the finder that a thresholds file was calibrated for, which it carries in its provenance.

    Raises
    ------
    SettingsError
        If the file holds none, or settings of another version.
    """
    try:
        values = read_json(thresholds)["provenance"]["settings"]
    except (KeyError, TypeError):
        raise SettingsError(
            f"{thresholds}: no halo finder settings under provenance; calibrate_thresholds.py writes them"
        ) from None
    return validate(HaloFindingSettings, values, str(thresholds))
