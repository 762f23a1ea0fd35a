"""The halo finder that travels with a network: its settings, and the search of a probability field by them."""

from pathlib import Path

import numpy as np

from halonet.halo_finding.finder import FoundHaloes, find_haloes, find_haloes_at
from halonet.halo_finding.inputs import Thresholds
from halonet.halo_finding.sphere_fit import FittedHaloes, fit_spheres
from halonet.settings import HaloFindingSettings, SettingsError, validate
from halonet.storage import read_json

FINDERS = ("paper", "fitted")  # those that need nothing but the probability


def search(
    probability: np.ndarray,
    settings: HaloFindingSettings,
    thresholds: Thresholds,
    centres: np.ndarray | None = None,
) -> FoundHaloes | FittedHaloes:
    """Find the haloes of a probability field, float32 of shape (N, N, N), with the thresholds in force.

    With ``centres``, cells of shape (haloes, 3), they are grown from there: what a finder with these centres would get.
    """
    check_finder(settings)
    if centres is None:
        found = find_haloes(probability, thresholds.peak, thresholds.shell)
    else:
        found = find_haloes_at(probability, centres, thresholds.shell)
    return fit_spheres(probability, found, thresholds.fit, settings.minimum_cells) if thresholds.fit else found


def check_finder(settings: HaloFindingSettings) -> None:
    """Refuse a finder that needs more than the probability."""
    if settings.finder not in FINDERS:
        raise SettingsError(f"finder = {settings.finder!r}; the probability alone is enough for {' or '.join(FINDERS)}")


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
