"""Calibration of the paper's finder from files."""

import numpy as np

from halonet.halo_finding.calibration_boxes import CalibrationFiles
from halonet.halo_finding.paper.calibration import (
    EdgeProfile,
    best_candidate,
    calibration_record,
    compare_thresholds,
    edge_probabilities,
    fit_shell_threshold,
    stack_edges,
)
from halonet.settings import CosmologySettings, HaloFindingSettings


def calibrate(files: CalibrationFiles, settings: HaloFindingSettings, cosmology: CosmologySettings) -> dict:
    """Thresholds, and the candidates they were chosen from."""
    profile = stacked_profile(files, settings)
    shell, shifts = settings.shell_threshold, [0.0]
    if shell == "calibrated":
        shell, shifts = fit_shell_threshold(profile), settings.calibration_shifts
    boxes = files.boxes("comparing thresholds")
    compared = compare_thresholds(boxes, shell, shifts, cosmology, settings.calibration_cells)
    chosen = best_candidate(compared, settings.calibration_tolerance)
    return calibration_record(profile, shell, compared, chosen) | {"tolerance": settings.calibration_tolerance}


def stacked_profile(files: CalibrationFiles, settings: HaloFindingSettings) -> EdgeProfile:
    """Mean probability at the radius of the true haloes of all boxes."""
    edges = [edge_probabilities(box, settings.calibration_centre) for box in files.boxes("stacked profiles")]
    return stack_edges(np.concatenate(edges))
