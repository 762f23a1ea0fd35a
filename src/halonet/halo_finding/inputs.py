"""What the halo finder starts from: probability, density, cosmology and thresholds, checked against each other."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from halonet.catalogue import read_catalogue
from halonet.halo_finding.votes import HeadFields
from halonet.head_fields import read_heads
from halonet.settings import (
    CosmologySettings,
    HaloFindingSettings,
    SettingsError,
    ShellThresholdSettings,
    SphereFitSettings,
    VoteSettings,
    stage_settings,
    validate,
)
from halonet.spheres import centre_cells
from halonet.storage import FieldHeader, StorageError, read_field, read_header, read_json


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
    names = ["peak_thresholds", "shell_threshold", *(["sphere_fit"] if settings.finder == "fitted" else [])]
    values = settings.model_dump(include=set(names))
    if settings.needs_calibration:
        if calibrated is None:
            raise SettingsError(f"one of {', '.join(names)} is 'calibrated': a file of --thresholds is needed")
        if missing := _fill(values, read_json(calibrated)):
            raise SettingsError(
                f"{calibrated}: {', '.join(missing)} missing; calibrate_thresholds.py writes such a file with these "
                "settings"
            )
    measured = validate(HaloFindingSettings, values, str(calibrated))
    fit = measured.sphere_fit if "sphere_fit" in names else None
    return Thresholds(list(measured.peak_thresholds), measured.shell_threshold, fit)


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


def votes_in_force(settings: HaloFindingSettings, calibrated: str | Path | None) -> VoteSettings:
    """Constants of the vote finder from the settings, or where they are ``calibrated`` from a thresholds file."""
    if settings.votes != "calibrated":
        return settings.votes
    if calibrated is None:
        raise SettingsError("votes = 'calibrated': a file of --thresholds is needed")
    record = read_json(calibrated)
    if "votes" not in record:
        raise SettingsError(f"{calibrated}: votes missing; calibrate_thresholds.py writes them for the finder 'votes'")
    return validate(VoteSettings, record["votes"], str(calibrated))


def read_fields(path: str | Path, probability: np.ndarray) -> HeadFields:
    """What a network with both heads says, in the file of its ``probability``; a file without them is refused."""
    return HeadFields(probability, **read_heads(path))


def read_probability(path: str | Path) -> tuple[np.ndarray, FieldHeader]:
    """Probability field (N, N, N) and its header; values outside [0, 1] are refused."""
    probability, header = read_field(path, "probability"), read_header(path)
    lowest, highest = probability.min(), probability.max()
    if lowest < 0 or highest > 1:
        raise StorageError(f"{path}: probability runs from {lowest:.6g} to {highest:.6g}; it must lie within 0 and 1")
    return probability, header


def read_density_of(path: str | Path, probability: np.ndarray, header: FieldHeader) -> tuple[np.ndarray, FieldHeader]:
    """Density of the same box as a probability field, with its header; another box is refused."""
    density, own = read_field(path, "density"), read_header(path)
    if density.shape != probability.shape or own.box_size_mpc != header.box_size_mpc:
        raise StorageError(
            f"{path}: {len(density)} cells and {own.box_size_mpc} Mpc along a side, but the probability has "
            f"{len(probability)} and {header.box_size_mpc}; both must be of the same box"
        )
    return density, own


def read_centres_of(path: str | Path, probability: np.ndarray, header: FieldHeader) -> np.ndarray:
    """Centre cells of the haloes of a catalogue of the same box, most massive first, int64 of shape (haloes, 3)."""
    haloes = read_catalogue(path).sorted_by_mass()
    if haloes.box_size_mpc != header.box_size_mpc:
        raise StorageError(
            f"{path}: {haloes.box_size_mpc} Mpc along a side, but the probability has {header.box_size_mpc}; both must "
            "be of the same box"
        )
    cells = len(probability)
    return centre_cells(haloes.positions(), header.box_size_mpc / cells, cells)


def cosmology_of(argument: str | None, *headers: FieldHeader) -> CosmologySettings:
    """Cosmology given as JSON, otherwise that of the first file that has one, otherwise the paper's."""
    if argument is None:
        for header in headers:
            if header.cosmology is not None:
                return validate(CosmologySettings, header.cosmology, "cosmology attribute of the input file")
    return stage_settings(CosmologySettings, argument)
