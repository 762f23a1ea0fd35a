"""Calibration of the fitted finder from files."""

from halonet.halo_finding.calibration_boxes import CalibrationFiles
from halonet.halo_finding.fitted.calibration import calibrate_fit, fit_record
from halonet.halo_finding.paper.calibrate import stacked_profile
from halonet.halo_finding.paper.calibration import fit_shell_threshold
from halonet.settings import CosmologySettings, HaloFindingSettings


def calibrate(files: CalibrationFiles, settings: HaloFindingSettings, cosmology: CosmologySettings) -> dict:
    """Thresholds of the search and constants of the fit, and the candidates they were chosen from."""
    profile, shell = stacked_profile(files, settings), settings.shell_threshold
    if shell == "calibrated":
        shell = fit_shell_threshold(profile)
    results = calibrate_fit(lambda: files.boxes("comparing fitted haloes"), shell, settings, cosmology)
    return fit_record(profile, shell, results, settings)
