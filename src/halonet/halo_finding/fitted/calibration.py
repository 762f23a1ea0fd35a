"""Peak thresholds and constants of the sphere fit from boxes of known truth, chosen together by the fitted haloes.

A longer list of peak thresholds finds more haloes and more splinters of haloes, a larger share of its own that is asked
of every halo drops more of both, and a longer reach makes all of them larger. So they are judged by what the fit
makes of them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from halonet.halo_finding.calibration_boxes import CalibrationBox
from halonet.halo_finding.fitted.sphere_fit import fit_spheres
from halonet.halo_finding.haloes import to_catalogue
from halonet.halo_finding.paper.calibration import EdgeProfile
from halonet.halo_finding.paper.search import find_haloes
from halonet.halo_finding.score import Agreement, Comparison, best_of, evidence, search_constants
from halonet.settings import CosmologySettings, HaloFindingSettings, ShellThresholdSettings, SphereFitSettings

# From few centres to many: the fit drops those it cannot use.
LISTS = (
    (0.9999, 0.99, 0.93),
    (0.98, 0.88),
    (0.98, 0.88, 0.75),
    (0.97, 0.91, 0.83, 0.7),
    (0.98, 0.88, 0.75, 0.6),
)
OWN_FRACTIONS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75)
REACHES = (1.25, 1.3, 1.35, 1.4, 1.45, 1.5, 1.55, 1.6)
START: dict[str, Any] = {"peak_thresholds": (0.98, 0.88, 0.75), "own_fraction": 0.65, "reach": 1.45}


@dataclass(frozen=True)
class FitConstants:
    """What is calibrated: peak thresholds of the search, and own fraction and reach of the fit."""

    peak_thresholds: tuple[float, ...]
    own_fraction: float
    reach: float


def calibrate_fit(
    boxes: Callable[[], Iterable[CalibrationBox]],
    shell_threshold: ShellThresholdSettings,
    settings: HaloFindingSettings,
    cosmology: CosmologySettings,
) -> dict[FitConstants, Agreement]:
    """Compare fitted haloes with the truth, and search for the best constants among those that are ``calibrated``.

    Parameters
    ----------
    boxes
        Gives the boxes, one at a time, whenever it is called.

    Returns
    -------
    results
        Of all constants that were tried; :func:`~halonet.halo_finding.score.best_of` has the end of the search.
    """
    choices = _choices(settings)
    begin = {name: START[name] if START[name] in values else values[0] for name, values in choices.items()}
    return search_constants(
        FitConstants(**begin), choices, lambda trials: _compare(trials, boxes, shell_threshold, settings, cosmology)
    )


def _choices(settings: HaloFindingSettings) -> dict[str, Sequence]:
    """Values of each constant: a range where it is to be calibrated, otherwise the one that is set."""
    fit, peak = settings.sphere_fit, settings.peak_thresholds
    return {
        "peak_thresholds": LISTS if peak == "calibrated" else (tuple(peak),),
        "own_fraction": OWN_FRACTIONS if fit.own_fraction == "calibrated" else (fit.own_fraction,),
        "reach": REACHES if fit.reach == "calibrated" else (fit.reach,),
    }


def _compare(
    trials: list[FitConstants],
    boxes: Callable[[], Iterable[CalibrationBox]],
    shell_threshold: ShellThresholdSettings,
    settings: HaloFindingSettings,
    cosmology: CosmologySettings,
) -> dict[FitConstants, Agreement]:
    """Agreement of several constants; boxes are taken one at a time and searched once for each list."""
    compared = {trial: Comparison(settings) for trial in trials}
    for box in boxes() if trials else ():
        lists = {trial.peak_thresholds for trial in trials}
        searches = {values: find_haloes(box.probability, values, shell_threshold) for values in lists}
        for trial, comparison in compared.items():
            search, constants = searches[trial.peak_thresholds], _fit_settings(settings, trial)
            fitted = fit_spheres(box.probability, search, constants, settings.minimum_cells)
            found = to_catalogue(fitted, len(box.probability), box.true.header, cosmology, minimum_cells=1)
            comparison.add(box.true, found)
    return {trial: comparison.agreement for trial, comparison in compared.items()}


def fit_record(
    profile: EdgeProfile,
    shell_threshold: ShellThresholdSettings,
    results: dict[FitConstants, Agreement],
    settings: HaloFindingSettings,
) -> dict:
    """What a thresholds file holds: thresholds and constants in force and the evidence behind them."""
    chosen = best_of(results)
    return {
        "peak_thresholds": list(chosen.peak_thresholds),
        "shell_threshold": shell_threshold.model_dump(),
        "sphere_fit": _fit_settings(settings, chosen).model_dump(),
        "edge_profile": {name: values.tolist() for name, values in asdict(profile).items()},
    } | evidence(results)


def _fit_settings(settings: HaloFindingSettings, constants: FitConstants) -> SphereFitSettings:
    return settings.sphere_fit.model_copy(update={"own_fraction": constants.own_fraction, "reach": constants.reach})
