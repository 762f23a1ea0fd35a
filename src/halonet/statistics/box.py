"""All statistics of one box: predicted haloes and probability against the truth, as plain values for a JSON file."""

from dataclasses import asdict

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.matching import Matches, completeness_and_purity, match_haloes, one_sided_matches
from halonet.settings import StatisticsSettings
from halonet.statistics.clustering import compare_correlation_functions, compare_masks, compare_spectra
from halonet.statistics.mass_function import CUTS, count_above
from halonet.statistics.overlap import measure_overlap
from halonet.statistics.profiles import stacked_profiles
from halonet.statistics.roc import FPR, THRESHOLD, measure_roc
from halonet.statistics.shear import measure_shapes, shape_histograms
from halonet.storage import FieldHeader

MASK_ALONE = "mask"  # what the statistics of a box say of a truth without haloes
MATCHING_EDGES = 10 ** np.arange(1.5, 5.05, 0.25)  # cells; bins of completeness and purity


def measure_box(
    mask: np.ndarray,
    probability: np.ndarray,
    true: HaloCatalogue,
    found: HaloCatalogue,
    settings: StatisticsSettings,
    density: np.ndarray | None = None,
    known: HaloCatalogue | None = None,
    owners: np.ndarray | None = None,
) -> dict:
    """Compare a prediction with the truth.

    Parameters
    ----------
    mask, probability
        True mask and predicted probability, shape (N, N, N).
    true, found
        True and predicted haloes of the same box.
    density
        Linear density, shape (N, N, N); without it haloes have no ``shapes``.
    known
        Haloes grown from the true centres, for ``known_centres``: what they miss, the network has lost; the rest of
        what ``found`` misses, the search for centres (HaloNet paper, section 5.1).
    owners
        Row of the true halo of every cell, where protohaloes are no spheres (:mod:`halonet.owners`).

    Returns
    -------
    dict
        JSON values: ``box``, ``overlap``, ``roc``, ``mass_function``, ``power_spectrum``, ``eulerian_power_spectrum``
        (null where haloes have no Eulerian places), ``correlation_function``, ``matching``,
        ``known_centres`` (null without them), ``shapes`` and ``profiles``.
    """
    matches = match_haloes(true, found, settings.radius_tolerance)
    classes = measure_roc(mask, probability, true, settings.mass_classes_msun, settings.radial_zones, owners)
    return {
        "box": _box(true.grid_cells, true.header),
        "overlap": asdict(measure_overlap(mask, probability)),
        "roc": {"fpr": FPR.tolist(), "threshold": THRESHOLD, "classes": classes},
        "mass_function": {
            "cells": CUTS.tolist(),
            "true": count_above(true).tolist(),
            "found": count_above(found).tolist(),
        },
        "power_spectrum": compare_masks(mask, probability, true.box_size_mpc)
        | compare_spectra(true, found, settings, "lagrangian"),
        "eulerian_power_spectrum": compare_spectra(true, found, settings, "eulerian"),
        "correlation_function": compare_correlation_functions(true, found, settings),
        "matching": compare_objects(true, found, matches, settings),
        "known_centres": None if known is None else _compare_known(true, known, settings),
        "shapes": None if density is None else compare_shapes(density, true, found, matches),
        "profiles": stacked_profiles(probability, true),
    }


def measure_masks(mask: np.ndarray, probability: np.ndarray, header: FieldHeader) -> dict:
    """What can be compared where the truth is a mask alone: JSON values ``box`` and ``overlap``.

    Parameters
    ----------
    mask, probability
        True mask and predicted probability, shape (N, N, N).
    header
        Header of the mask.
    """
    return {"truth": MASK_ALONE, "box": _box(len(mask), header), "overlap": asdict(measure_overlap(mask, probability))}


def _box(cells: int, header: FieldHeader) -> dict:
    return {
        "cells": cells,
        "box_size_mpc": header.box_size_mpc,
        "redshift": header.redshift,
        "cosmology": header.cosmology,
        "seed": header.seed,
    }


def compare_objects(true: HaloCatalogue, found: HaloCatalogue, matches: Matches, settings: StatisticsSettings) -> dict:
    """Completeness and purity above the smallest compared halo, matched pairs, and the counts behind them by mass."""
    one_sided = one_sided_matches(true, found, settings.radius_tolerance)
    completeness, purity = completeness_and_purity(true, found, matches, settings.minimum_cells)
    compared = true["cells"] >= settings.minimum_cells
    log_mass_ratio = np.log(found["cells"][matches.found_rows] / true["cells"][matches.true_rows])
    offsets = matches.distances / true["radius"][matches.true_rows]
    large = compared[matches.true_rows]

    def binned(haloes: HaloCatalogue, rows: np.ndarray) -> list[int]:
        return np.histogram(haloes["cells"][rows], MATCHING_EDGES)[0].tolist()

    return {
        "minimum_cells": settings.minimum_cells,
        "radius_tolerance": settings.radius_tolerance,
        "completeness": completeness,
        "purity": purity,
        "one_sided_completeness": float(one_sided[compared].mean()) if compared.any() else 0.0,
        "pairs": int(large.sum()),
        "mass_bias": float(np.median(log_mass_ratio[large])) if large.any() else None,
        "mass_scatter": float(log_mass_ratio[large].std()) if large.any() else None,
        "centre_offset": float(np.median(offsets[large])) if large.any() else None,
        "edges": MATCHING_EDGES.tolist(),
        "true": binned(true, slice(None)),
        "true_matched": binned(true, matches.true_matched),
        "true_one_sided": binned(true, one_sided),
        "found": binned(found, slice(None)),
        "found_matched": binned(found, matches.found_matched),
        "pairs_by_mass": {
            "log_mass_ratio": _sums_by_mass(true["cells"][matches.true_rows], log_mass_ratio),
            "centre_offset": _sums_by_mass(true["cells"][matches.true_rows], offsets),
        },
    }


def _compare_known(true: HaloCatalogue, known: HaloCatalogue, settings: StatisticsSettings) -> dict:
    """Completeness and numbers of the haloes grown from the true centres."""
    matches = match_haloes(true, known, settings.radius_tolerance)
    completeness, _ = completeness_and_purity(true, known, matches, settings.minimum_cells)
    return {"completeness": completeness, "found": count_above(known).tolist()}


def _sums_by_mass(cells: np.ndarray, values: np.ndarray) -> dict:
    """Number of pairs in bins of true mass, and sums of a property of theirs and of its squares: they add up."""
    sums = {"pairs": np.ones(len(values), int), "sums": values, "squares": values**2}
    return {name: np.histogram(cells, MATCHING_EDGES, weights=weights)[0].tolist() for name, weights in sums.items()}


def compare_shapes(density: np.ndarray, true: HaloCatalogue, found: HaloCatalogue, matches: Matches) -> dict:
    """Histograms of overdensity, ellipticity and prolateness by mass, of matched and of unmatched haloes."""
    true_shapes, found_shapes = measure_shapes(density, [true, found])
    return {
        "true": shape_histograms(true_shapes, true["cells"], matches.true_matched),
        "found": shape_histograms(found_shapes, found["cells"], matches.found_matched),
    }
