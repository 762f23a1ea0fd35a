"""All statistics of one box: predicted haloes and probability against the truth, as plain values for a JSON file."""

from dataclasses import asdict

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.matching import Matches, completeness_and_purity, match_haloes
from halonet.settings import StatisticsSettings
from halonet.statistics.boundaries import boundary_profiles
from halonet.statistics.clustering import compare_correlation_functions, compare_masks, compare_spectra, spectra_of_cuts
from halonet.statistics.mass_function import CUTS, count_above
from halonet.statistics.objects import compare_objects
from halonet.statistics.overlap import measure_overlap
from halonet.statistics.profiles import stacked_profiles
from halonet.statistics.roc import FPR, THRESHOLD, measure_roc
from halonet.statistics.shared_cells import compare_cells
from halonet.statistics.shear import measure_shapes, shape_histograms
from halonet.statistics.spread import defined
from halonet.storage import FieldHeader

MASK_ALONE = "mask"  # what the statistics of a box say of a truth without haloes


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
        Haloes grown from the true centres: what they miss, the network has lost (HaloNet paper, section 5.1).
    owners
        Row of the true halo of every cell, where protohaloes are no spheres (:mod:`halonet.owners`); without them
        ``shared_cells`` and ``boundary_profiles`` are null.

    Returns
    -------
    dict
        JSON values: ``box``, ``overlap``, ``roc``, ``mass_function``, ``power_spectrum``, ``eulerian_power_spectrum``
        (null where haloes have no Eulerian positions), ``correlation_function``, ``matching``, ``shared_cells``,
        ``known_centres`` (null without them), ``shapes``, ``profiles`` and ``boundary_profiles``.
    """
    matches = match_haloes(true, found, settings.radius_tolerance)
    classes = measure_roc(mask, probability, true, settings.mass_classes_msun, settings.radial_zones, owners)
    return {
        "box": _box(true.grid_cells, true.header),
        "overlap": _overlap(mask, probability),
        "roc": {"fpr": FPR.tolist(), "threshold": THRESHOLD, "classes": classes},
        "mass_function": {"cells": CUTS.tolist()} | _counts(true=true, found=found),
        "power_spectrum": _lagrangian_spectra(mask, probability, true, found, settings),
        "eulerian_power_spectrum": compare_spectra(true, found, settings, "eulerian"),
        "correlation_function": compare_correlation_functions(true, found, settings),
        "matching": compare_objects(true, found, matches, settings),
        "shared_cells": None if owners is None else compare_cells(owners, true, found, settings.minimum_cells),
        "known_centres": None if known is None else _compare_known(true, known, settings),
        "shapes": None if density is None else compare_shapes(density, true, found, matches),
        "profiles": stacked_profiles(probability, true),
        "boundary_profiles": None if owners is None else boundary_profiles(probability, true, owners),
    }


def _lagrangian_spectra(
    mask: np.ndarray,
    probability: np.ndarray,
    true: HaloCatalogue,
    found: HaloCatalogue,
    settings: StatisticsSettings,
) -> dict:
    return compare_masks(mask, probability, true.box_size_mpc) | spectra_of_cuts(true, found, settings, "lagrangian")


def _counts(**catalogues: HaloCatalogue) -> dict[str, list]:
    """Haloes above the cuts of each catalogue, by their names."""
    return {name: count_above(catalogue).tolist() for name, catalogue in catalogues.items()}


def measure_masks(mask: np.ndarray, probability: np.ndarray, header: FieldHeader) -> dict:
    """What can be compared where the truth is a mask alone: JSON values ``box`` and ``overlap``.

    Parameters
    ----------
    mask, probability
        True mask and predicted probability, shape (N, N, N).
    header
        Header of the mask.
    """
    return {"truth": MASK_ALONE, "box": _box(len(mask), header), "overlap": _overlap(mask, probability)}


def _overlap(mask: np.ndarray, probability: np.ndarray) -> dict:
    return {name: defined(value) for name, value in asdict(measure_overlap(mask, probability)).items()}


def _box(cells: int, header: FieldHeader) -> dict:
    return {
        "cells": cells,
        "box_size_mpc": header.box_size_mpc,
        "redshift": header.redshift,
        "cosmology": header.cosmology,
        "seed": header.seed,
    }


def _compare_known(true: HaloCatalogue, known: HaloCatalogue, settings: StatisticsSettings) -> dict:
    """Completeness and numbers of the haloes grown from the true centres."""
    matches = match_haloes(true, known, settings.radius_tolerance)
    completeness, _ = completeness_and_purity(true, known, matches, settings.minimum_cells)
    return {"completeness": defined(completeness), "found": count_above(known).tolist()}


def compare_shapes(density: np.ndarray, true: HaloCatalogue, found: HaloCatalogue, matches: Matches) -> dict:
    """Histograms of overdensity, ellipticity and prolateness by mass, of matched and of unmatched haloes."""
    true_shapes, found_shapes = measure_shapes(density, [true, found])
    return {
        "true": shape_histograms(true_shapes, true["cells"], matches.true_matched),
        "found": shape_histograms(found_shapes, found["cells"], matches.found_matched),
    }
