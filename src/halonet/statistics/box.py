"""All statistics of one box: predicted haloes and probability against the truth, as plain values for a JSON file."""

from dataclasses import asdict

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.matching import completeness_and_purity, match_haloes, one_sided_matches
from halonet.settings import StatisticsSettings
from halonet.statistics.mass_function import CUTS, count_above
from halonet.statistics.overlap import measure_overlap
from halonet.statistics.power_spectrum import halo_overdensity, measure_spectra
from halonet.statistics.profiles import stacked_profiles
from halonet.storage import FieldHeader

REFERENCE_BOX = 512.0  # Mpc; number cuts of the settings are per box of this side
MASK_ALONE = "mask"  # what the statistics of a box say of a truth without haloes
MATCHING_EDGES = 10 ** np.arange(1.5, 5.05, 0.25)  # cells; bins of completeness and purity


def measure_box(
    mask: np.ndarray,
    probability: np.ndarray,
    true: HaloCatalogue,
    found: HaloCatalogue,
    settings: StatisticsSettings,
) -> dict:
    """Compare a prediction with the truth.

    Parameters
    ----------
    mask, probability
        True mask and predicted probability, shape (N, N, N).
    true, found
        True and predicted haloes of the same box.

    Returns
    -------
    dict
        JSON values: ``box``, ``overlap``, ``mass_function``, ``power_spectrum``, ``matching``, ``profiles``.
    """
    return {
        "box": _box(true.grid_cells, true.header),
        "overlap": asdict(measure_overlap(mask, probability)),
        "mass_function": {
            "cells": CUTS.tolist(),
            "true": count_above(true).tolist(),
            "found": count_above(found).tolist(),
        },
        "power_spectrum": compare_spectra(mask, probability, true, found, settings),
        "matching": compare_objects(true, found, settings),
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


def compare_spectra(
    mask: np.ndarray,
    probability: np.ndarray,
    true: HaloCatalogue,
    found: HaloCatalogue,
    settings: StatisticsSettings,
) -> dict:
    """Power spectra and r(k) of masks, and of haloes for every number cut; null where there is no halo."""
    box_size = true.box_size_mpc
    masks = measure_spectra(mask.astype(np.float32), probability, box_size)
    true, found = (haloes.sorted_by_mass().larger_than(settings.minimum_cells) for haloes in (true, found))
    scale = (box_size / REFERENCE_BOX) ** 3
    numbers = [max(1, round(number * scale)) for number in settings.number_cuts]
    # A cut beyond the end of a catalogue would compare different numbers of haloes.
    numbers = [number for number in numbers if number < min(len(true), len(found))]
    cuts = [_compare_cut(true, found, number, settings.assignment) for number in [*numbers, None]]
    return {
        "k": masks.k.tolist(),
        "modes": masks.modes.tolist(),
        "assignment": settings.assignment,
        "masks": {"correlation": _listed(masks.correlation), "ratio": _listed(masks.ratio)},
        "cuts": cuts,
    }


def _compare_cut(true: HaloCatalogue, found: HaloCatalogue, number: int | None, assignment: str) -> dict:
    """Spectra of the ``number`` most massive haloes of either catalogue; None for all."""
    cells, box_size = true.grid_cells, true.box_size_mpc
    chosen = [haloes.select(slice(number)) for haloes in (true, found)]
    result = {"most_massive": number, "true": len(chosen[0]), "found": len(chosen[1])}
    if not all(result[name] for name in ("true", "found")):
        return result | {"power_true": None, "power_found": None, "ratio": None, "correlation": None}
    fields = [halo_overdensity(haloes.positions(), cells, box_size, assignment) for haloes in chosen]
    spectra = measure_spectra(*fields, box_size, assignment)
    return result | {
        "shot_noise_true": box_size**3 / result["true"],
        "shot_noise_found": box_size**3 / result["found"],
        "power_true": _listed(spectra.first),
        "power_found": _listed(spectra.second),
        "ratio": _listed(spectra.ratio),
        "correlation": _listed(spectra.correlation),
    }


def compare_objects(true: HaloCatalogue, found: HaloCatalogue, settings: StatisticsSettings) -> dict:
    """Completeness and purity above the smallest compared halo, and the counts behind them in bins of mass."""
    matches = match_haloes(true, found, settings.radius_tolerance)
    one_sided = one_sided_matches(true, found, settings.radius_tolerance)
    completeness, purity = completeness_and_purity(true, found, matches, settings.minimum_cells)
    compared = true["cells"] >= settings.minimum_cells
    pairs = matches.true_rows[compared[matches.true_rows]], matches.found_rows[compared[matches.true_rows]]
    log_mass_ratio = np.log(found["cells"][pairs[1]] / true["cells"][pairs[0]])
    offsets = matches.distances[compared[matches.true_rows]] / true["radius"][pairs[0]]

    def binned(haloes: HaloCatalogue, rows: np.ndarray) -> list[int]:
        return np.histogram(haloes["cells"][rows], MATCHING_EDGES)[0].tolist()

    return {
        "minimum_cells": settings.minimum_cells,
        "radius_tolerance": settings.radius_tolerance,
        "completeness": completeness,
        "purity": purity,
        "one_sided_completeness": float(one_sided[compared].mean()) if compared.any() else 0.0,
        "pairs": len(log_mass_ratio),
        "mass_bias": float(np.median(log_mass_ratio)) if len(log_mass_ratio) else None,
        "mass_scatter": float(log_mass_ratio.std()) if len(log_mass_ratio) else None,
        "centre_offset": float(np.median(offsets)) if len(offsets) else None,
        "edges": MATCHING_EDGES.tolist(),
        "true": binned(true, slice(None)),
        "true_matched": binned(true, matches.true_matched),
        "true_one_sided": binned(true, one_sided),
        "found": binned(found, slice(None)),
        "found_matched": binned(found, matches.found_matched),
    }


def _listed(values: np.ndarray) -> list[float | None]:
    """As a JSON list, with null where a value is undefined."""
    return [float(value) if np.isfinite(value) else None for value in values]
