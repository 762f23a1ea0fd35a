"""Constants of the finders that search in the probability, from settings or, where they are calibrated, from a file."""

from dataclasses import dataclass
from pathlib import Path

from halonet.digests import check_digest
from halonet.settings import (
    HaloFindingSettings,
    SettingsError,
    ShellThresholdSettings,
    SphereFitSettings,
    validate,
)
from halonet.settings.haloes import FINDERS
from halonet.storage import read_json


@dataclass(frozen=True)
class Thresholds:
    """What is in force, all in numbers: peak thresholds, descending, the shell threshold and, if asked for, the fit."""

    peak: list[float]
    shell: ShellThresholdSettings
    fit: SphereFitSettings | None = None

    def as_dict(self) -> dict:
        """As JSON values, for provenance."""
        values = {"peak_thresholds": self.peak, "shell_threshold": self.shell.model_dump()}
        return values | ({"sphere_fit": self.fit.model_dump()} if self.fit else {})


def thresholds_in_force(settings: HaloFindingSettings, calibrated: str | Path | None) -> Thresholds:
    """Thresholds of the settings, with those that are ``calibrated`` taken from a thresholds file.

    Raises
    ------
    SettingsError
        If the settings ask for calibrated thresholds and there is no file, or it does not hold them.
    """
    names = FINDERS[settings.finder].constants
    values = settings.model_dump(include=set(names))
    if settings.needs_calibration:
        if calibrated is None:
            raise SettingsError(f"one of {', '.join(names)} is 'calibrated': a file of --thresholds is needed")
        if missing := _fill(values, read_thresholds(calibrated)):
            raise SettingsError(
                f"{calibrated}: {', '.join(missing)} missing; calibrate_thresholds.py writes such a file with these "
                "settings"
            )
    measured = validate(HaloFindingSettings, values, str(calibrated))
    peaks, shell = measured.peak_thresholds, measured.shell_threshold
    assert not isinstance(peaks, str)  # _fill has put numbers in the place of 'calibrated'
    assert not isinstance(shell, str)
    return Thresholds(list(peaks), shell, measured.sphere_fit if "sphere_fit" in names else None)


def read_thresholds(path: str | Path) -> dict:
    """What a thresholds file holds; one that lies in a network's folder is held against the digest there."""
    check_digest(path)
    return read_json(path)


def _fill(values: dict, record: dict, folder: str = "") -> list[str]:
    """Put what a thresholds file holds in the place of each ``calibrated``; returns the names it does not hold."""
    missing = []
    for name, value in values.items():
        if isinstance(value, dict):
            missing += _fill(value, record.get(name, {}), f"{name}.")
        elif value == "calibrated":
            values[name] = record.get(name, value)
            missing += [folder + name] if values[name] == value else []
    return missing
