"""The interface that every halo finder has: a class that finds, and a function that calibrates."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from halonet.grid.slabs import Slabs
from halonet.halo_finding.calibration_boxes import CalibrationFiles
from halonet.halo_finding.haloes import Found
from halonet.settings import CosmologySettings, HaloFindingSettings


class Method(Protocol):
    """A way to find haloes, with its constants in force.

    Parameters
    ----------
    settings
        Of halo finding; those of :data:`halonet.settings.haloes.FINDERS` hold its constants.
    calibrated
        Thresholds file that holds those of them that are ``calibrated``; may be None where none are.

    Attributes
    ----------
    heads
        Heads that a network needs for it, by name.
    in_force
        Constants in numbers, as JSON values for provenance.

    Raises
    ------
    SettingsError
        If the file is needed and there is none, or it does not hold what is needed.
    """

    heads: tuple[str, ...]
    in_force: dict[str, Any]

    def __init__(self, settings: HaloFindingSettings, calibrated: str | Path | None): ...

    def find(
        self,
        probability: np.ndarray,
        heads: Mapping[str, np.ndarray] | None = None,
        centres: np.ndarray | None = None,
        slabs: Slabs | None = None,
    ) -> Found:
        """Find the haloes of a periodic box, all of them on every rank; collective.

        Parameters
        ----------
        probability
            To belong to a halo, float32: this rank's planes, shape (N / ranks, N, N).
        heads
            Fields of :attr:`heads`, see :class:`halonet.halo_finding.votes.fields.HeadFields`.
        centres
            Cells, shape (haloes, 3), to grow haloes from: a diagnostic, what a perfect search would lead to.
        slabs
            Of the box, where several ranks have it; the haloes are those of one, to the last bit.
        """


class Calibrate(Protocol):
    """How the constants of a finder are calibrated."""

    def __call__(self, files: CalibrationFiles, settings: HaloFindingSettings, cosmology: CosmologySettings) -> dict:
        """What a thresholds file holds: constants by the names of their settings, ``chosen`` and ``candidates``.

        Raises
        ------
        CalibrationError
            If the boxes do not determine the constants.
        """
