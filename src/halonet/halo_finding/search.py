"""A halo finder with its constants: what finds haloes in the fields that a network predicts."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from halonet.halo_finding.finder import FoundHaloes, find_haloes, find_haloes_at
from halonet.halo_finding.inputs import Thresholds, thresholds_in_force, votes_in_force
from halonet.halo_finding.sphere_fit import FittedHaloes, fit_spheres
from halonet.halo_finding.vote_finder import VotedHaloes, find_by_votes
from halonet.halo_finding.votes import HeadFields
from halonet.head_fields import SHAPES
from halonet.settings import HaloFindingSettings, SettingsError, validate
from halonet.storage import read_json


class Finder:
    """The finder that settings name, with the constants in force.

    Parameters
    ----------
    settings
        Which finder, and its constants.
    calibrated
        Thresholds file that holds those of them that are ``calibrated``; may be None where none are.

    Attributes
    ----------
    heads
        Heads that a network needs for this finder, by name.
    in_force
        Constants in numbers, as JSON values for provenance.

    Raises
    ------
    SettingsError
        If the file is needed and there is none, or it does not hold what is needed.
    """

    def __init__(self, settings: HaloFindingSettings, calibrated: str | Path | None):
        self.settings = settings
        if settings.finder == "votes":
            self._constants, self.heads = votes_in_force(settings, calibrated), tuple(SHAPES)
            self.in_force = {"votes": self._constants.model_dump()}
        else:
            self._constants, self.heads = thresholds_in_force(settings, calibrated), ()
            self.in_force = self._constants.as_dict()

    def find(
        self,
        probability: np.ndarray,
        heads: Mapping[str, np.ndarray] | None = None,
        centres: np.ndarray | None = None,
    ) -> FoundHaloes | FittedHaloes | VotedHaloes:
        """Find the haloes of a periodic box.

        Parameters
        ----------
        probability
            To belong to a halo, float32 of shape (N, N, N).
        heads
            Fields of :attr:`heads`, see :class:`halonet.halo_finding.votes.HeadFields`.
        centres
            Cells, shape (haloes, 3), to grow haloes from: a diagnostic, what a perfect search would lead to.
        """
        if isinstance(self._constants, Thresholds):
            return self._in_probability(probability, centres)
        return find_by_votes(HeadFields(probability, **(heads or {})), self._constants, centres)

    def _in_probability(self, probability: np.ndarray, centres: np.ndarray | None) -> FoundHaloes | FittedHaloes:
        constants = self._constants
        if centres is None:
            found = find_haloes(probability, constants.peak, constants.shell)
        else:
            found = find_haloes_at(probability, centres, constants.shell)
        if constants.fit is None:
            return found
        return fit_spheres(probability, found, constants.fit, self.settings.minimum_cells)


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
