"""The vote finder with its constants, and their calibration."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from halonet.grid.slabs import Slabs
from halonet.halo_finding.constants import read_thresholds
from halonet.halo_finding.votes.fields import HeadFields
from halonet.halo_finding.votes.search import VotedHaloes, find_by_votes
from halonet.settings import HaloFindingSettings, SettingsError, VoteSettings, validate
from halonet.settings.heads import HEADS


class VoteFinder:
    """Haloes where the votes of the cells meet."""

    heads: tuple[str, ...] = tuple(HEADS)

    def __init__(self, settings: HaloFindingSettings, calibrated: str | Path | None):
        self.constants = votes_in_force(settings, calibrated)
        self.in_force = {"votes": self.constants.model_dump()}

    def find(
        self,
        probability: np.ndarray,
        heads: Mapping[str, np.ndarray] | None = None,
        centres: np.ndarray | None = None,
        slabs: Slabs | None = None,
    ) -> VotedHaloes:
        """Find haloes; see :meth:`halonet.halo_finding.method.Method.find`."""
        return find_by_votes(HeadFields(probability, **(heads or {})), self.constants, centres, slabs)


def votes_in_force(settings: HaloFindingSettings, calibrated: str | Path | None) -> VoteSettings:
    """Constants of the vote finder from the settings, or where they are ``calibrated`` from a thresholds file."""
    if settings.votes != "calibrated":
        return settings.votes
    if calibrated is None:
        raise SettingsError("votes = 'calibrated': a file of --thresholds is needed")
    record = read_thresholds(calibrated)
    if "votes" not in record:
        raise SettingsError(f"{calibrated}: votes missing; calibrate_thresholds.py writes them for the finder 'votes'")
    return validate(VoteSettings, record["votes"], str(calibrated))
