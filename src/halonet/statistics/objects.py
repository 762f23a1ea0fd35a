"""Haloes matched as spheres: completeness, purity, and masses and centres of matched pairs, in bins of mass."""

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.matching import Matches, completeness_and_purity, fraction, one_sided_matches
from halonet.settings import StatisticsSettings
from halonet.statistics.spread import defined

MATCHING_EDGES = 10 ** np.arange(1.5, 5.05, 0.25)  # cells; bins of completeness and purity


def compare_objects(true: HaloCatalogue, found: HaloCatalogue, matches: Matches, settings: StatisticsSettings) -> dict:
    """Completeness and purity above the smallest compared halo, matched pairs, and the counts behind them by mass.

    What does not exist is null: fractions of no haloes, medians of no pairs, the scatter of a single one.
    """
    one_sided = one_sided_matches(true, found, settings.radius_tolerance)
    completeness, purity = completeness_and_purity(true, found, matches, settings.minimum_cells)
    compared = true["cells"] >= settings.minimum_cells
    log_mass_ratio = np.log(found["cells"][matches.found_rows] / true["cells"][matches.true_rows])
    offsets = matches.distances / true["radius"][matches.true_rows]
    large = compared[matches.true_rows]
    return {
        "minimum_cells": settings.minimum_cells,
        "radius_tolerance": settings.radius_tolerance,
        "completeness": defined(completeness),
        "purity": defined(purity),
        "one_sided_completeness": defined(fraction(one_sided[compared])),
        "pairs": int(large.sum()),
        "mass_bias": float(np.median(log_mass_ratio[large])) if large.any() else None,
        "mass_scatter": float(log_mass_ratio[large].std()) if large.sum() > 1 else None,
        "centre_offset": float(np.median(offsets[large])) if large.any() else None,
        "edges": MATCHING_EDGES.tolist(),
        "true": count_by_mass(true),
        "true_matched": count_by_mass(true, matches.true_matched),
        "true_one_sided": count_by_mass(true, one_sided),
        "found": count_by_mass(found),
        "found_matched": count_by_mass(found, matches.found_matched),
        "pairs_by_mass": {
            "log_mass_ratio": sums_by_mass(true["cells"][matches.true_rows], log_mass_ratio),
            "centre_offset": sums_by_mass(true["cells"][matches.true_rows], offsets),
        },
    }


def count_by_mass(haloes: HaloCatalogue, rows: np.ndarray | slice = slice(None)) -> list[int]:
    """Numbers of haloes in the bins of :data:`MATCHING_EDGES`: of all, or of some rows (indices or a mask)."""
    return np.histogram(haloes["cells"][rows], MATCHING_EDGES)[0].tolist()


def sums_by_mass(cells: np.ndarray, values: np.ndarray) -> dict:
    """Number of pairs, and sums of a property and of its squares, in bins of true mass; of several boxes they add up.

    ``cells`` (mass in cells) and ``values`` have the shape (pairs,).
    """
    sums = {"pairs": np.ones(len(values), int), "sums": values, "squares": values**2}
    return {name: np.histogram(cells, MATCHING_EDGES, weights=weights)[0].tolist() for name, weights in sums.items()}
