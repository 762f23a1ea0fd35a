"""Summary of the test boxes of one network: means, scatter over boxes, and counts of all boxes together."""

import numpy as np

from halonet.cosmology import mean_matter_density
from halonet.settings import CosmologySettings
from halonet.spheres import ShellSums
from halonet.statistics.box import MASK_ALONE
from halonet.statistics.combine import (
    combine_boundaries,
    combine_correlation,
    combine_pairs,
    combine_roc,
    combine_shapes,
    combine_shared_cells,
)
from halonet.statistics.mass_function import BIN_EDGES, KEY_CUTS, predicted_abundance
from halonet.statistics.spread import known_curve_spread, listed, spread

LARGE_SCALES = 0.2  # 1/Mpc; power spectra are judged below
JUDGED_HALOES = 100  # bins with fewer true haloes in all boxes together are shown, not judged


class SummaryError(ValueError):
    """Statistics of boxes that cannot be put together."""


def summarise(boxes: list[dict], cosmology: CosmologySettings, k: np.ndarray, power: np.ndarray) -> dict:
    """Put the statistics of several boxes together.

    Parameters
    ----------
    boxes
        Results of :func:`halonet.statistics.box.measure_box`, all of the same size.
    k, power
        Linear power spectrum at redshift 0 (1/Mpc, Mpc^3), shape (wavenumbers,), for the analytic mass functions.

    Raises
    ------
    SummaryError
        If boxes differ in size or resolution.
    """
    (cells, box_size), redshift = _same_size(boxes), boxes[0]["box"]["redshift"]
    cell_mass = (box_size / cells) ** 3 * mean_matter_density(cosmology)
    abundance = _mass_function(boxes)
    masses = np.array(abundance["cells"]) * cell_mass
    volume = len(boxes) * box_size**3
    redshift = cosmology.redshift if redshift is None else redshift
    theory = predicted_abundance(masses, cosmology, redshift, k, power)
    counts = {name: density * volume for name, density in theory.items()}
    return {
        "boxes": len(boxes),
        "box": boxes[0]["box"] | {"seed": None, "cell_mass_msun": cell_mass},
        "overlap": _overlap(boxes),
        "roc": combine_roc([box["roc"] for box in boxes]),
        "mass_function": abundance
        | {"masses": masses.tolist(), "differential": _differential(abundance, counts, cell_mass)}
        | {name: values.tolist() for name, values in counts.items()},
        "power_spectrum": _power_spectrum(boxes),
        "eulerian_power_spectrum": _eulerian_power_spectrum(boxes),
        "correlation_function": combine_correlation([box["correlation_function"] for box in boxes]),
        "matching": _matching(boxes),
        "shared_cells": combine_shared_cells([box["shared_cells"] for box in boxes]),
        "known_centres": _known_centres(boxes),
        "shapes": combine_shapes([box["shapes"] for box in boxes]),
        "profiles": _profiles(boxes),
        "boundary_profiles": combine_boundaries([box["boundary_profiles"] for box in boxes]),
    }


def summarise_masks(boxes: list[dict]) -> dict:
    """Put together the statistics of boxes whose truth is a mask alone: their overlap, mean and scatter."""
    _same_size(boxes)
    return {
        "truth": MASK_ALONE,
        "boxes": len(boxes),
        "box": boxes[0]["box"] | {"seed": None},
        "overlap": _overlap(boxes),
    }


def _same_size(boxes: list[dict]) -> tuple[int, float]:
    """Cells along a side and side (Mpc) of all boxes."""
    sizes = {(box["box"]["cells"], box["box"]["box_size_mpc"]) for box in boxes}
    if len(sizes) != 1:
        raise SummaryError(f"boxes of different cells and size {sorted(sizes)} cannot be summarised together")
    return sizes.pop()


def _overlap(boxes: list[dict]) -> dict:
    return {name: spread([box["overlap"][name] for box in boxes]) for name in boxes[0]["overlap"]}


def _mass_function(boxes: list[dict]) -> dict:
    """Counts of all boxes together, their ratio, and the ratio at the key cuts with its scatter over boxes."""
    cuts = boxes[0]["mass_function"]["cells"]
    per_box = {name: np.array([box["mass_function"][name] for box in boxes]) for name in ("true", "found")}
    true, found = per_box["true"].sum(axis=0), per_box["found"].sum(axis=0)
    key = []
    for cut in KEY_CUTS:
        i = cuts.index(cut)
        ratios = [_ratio(f, t) for f, t in zip(per_box["found"][:, i], per_box["true"][:, i], strict=True)]
        judged = bool(true[i] >= JUDGED_HALOES)
        numbers = {"cells": cut, "true": int(true[i]), "found": int(found[i]), "ratio": _ratio(found[i], true[i])}
        key.append(numbers | {"judged": judged, "deviation": spread(ratios)["deviation"]})
    return {
        "cells": cuts,
        "true": true.tolist(),
        "found": found.tolist(),
        "ratio": [_ratio(f, t) for f, t in zip(found, true, strict=True)],
        "per_box": {name: counts.tolist() for name, counts in per_box.items()},
        "key": key,
    }


def _differential(abundance: dict, theory: dict[str, np.ndarray], cell_mass: float) -> dict:
    """Numbers in bins of mass, counted and analytic: differences of those above. Scatter of their ratio over boxes."""
    rows = np.searchsorted(abundance["cells"], BIN_EDGES * (1 - 1e-9))
    true, found = (-np.diff(np.array(abundance["per_box"][name])[:, rows], axis=1) for name in ("true", "found"))
    ratios = [[_ratio(f, t) for f, t in zip(*box, strict=True)] for box in zip(found, true, strict=True)]
    return {
        "cells": BIN_EDGES.tolist(),
        "masses": (BIN_EDGES * cell_mass).tolist(),
        "true": true.sum(axis=0).tolist(),
        "found": found.sum(axis=0).tolist(),
        "deviation": known_curve_spread(ratios)["deviation"],
    } | {name: (-np.diff(values[rows])).tolist() for name, values in theory.items()}


def _ratio(numerator: float, denominator: float) -> float | None:
    return float(numerator / denominator) if denominator else None


def _power_spectrum(boxes: list[dict]) -> dict:
    """Mean and scatter of ratio and r(k) by cut; ``large_scales`` averages over the modes below 0.2 per Mpc."""
    spectra = [box["power_spectrum"] for box in boxes]
    k, modes = np.array(spectra[0]["k"]), np.array(spectra[0]["modes"])
    masks = _curves([box["masks"] for box in spectra], k, modes)
    return {"k": k.tolist(), "masks": masks} | _cuts(spectra, k, modes)


def _eulerian_power_spectrum(boxes: list[dict]) -> dict | None:
    """The same of haloes at their Eulerian positions; null where a box has none."""
    spectra, known = [box["eulerian_power_spectrum"] for box in boxes], boxes[0]["power_spectrum"]
    if any(box is None for box in spectra):
        return None
    return _cuts(spectra, np.array(known["k"]), np.array(known["modes"]))


def _cuts(spectra: list[dict], k: np.ndarray, modes: np.ndarray) -> dict:
    cuts = []
    for number in _common_cuts(spectra):
        chosen = [next(cut for cut in box["cuts"] if cut["most_massive"] == number) for box in spectra]
        counts = {name: sum(cut[name] for cut in chosen) for name in ("true", "found")}
        cuts.append({"most_massive": number} | counts | _curves(chosen, k, modes))
    return {"assignment": spectra[0]["assignment"], "cuts": cuts}


def _common_cuts(spectra: list[dict]) -> list[int | None]:
    """Number cuts that every box has, in their order."""
    numbers = [[cut["most_massive"] for cut in box["cuts"]] for box in spectra]
    return [number for number in numbers[0] if all(number in others for others in numbers)]


def _curves(chosen: list[dict], k: np.ndarray, modes: np.ndarray) -> dict:
    result: dict[str, dict | None] = {}
    names = ("power_true", "power_found", "ratio", "correlation")
    for name in (name for name in names if name in chosen[0]):
        curves = [cut[name] for cut in chosen if cut[name] is not None]
        if not curves:
            result[name] = None
            continue
        table = np.array(curves, dtype=np.float64)
        large = (k < LARGE_SCALES) & np.isfinite(table).all(axis=0)
        on_large_scales = table[:, large] @ modes[large] / max(modes[large].sum(), 1)
        on_large = spread(on_large_scales.tolist() if large.any() else [])
        result[name] = known_curve_spread(curves) | {"large_scales": on_large}
    return result


def _matching(boxes: list[dict]) -> dict:
    """Matched fractions: mean and scatter over boxes, and counts of all boxes in bins of mass."""
    objects = [box["matching"] for box in boxes]
    single = ("completeness", "purity", "one_sided_completeness", "mass_bias", "mass_scatter", "centre_offset")
    binned = ("true", "true_matched", "true_one_sided", "found", "found_matched")
    by_mass = ("log_mass_ratio", "centre_offset")
    return (
        {name: objects[0][name] for name in ("minimum_cells", "radius_tolerance", "edges")}
        | {name: spread([box[name] for box in objects]) for name in single}
        | {name: np.sum([box[name] for box in objects], axis=0).tolist() for name in binned}
        | {"pairs_by_mass": {name: combine_pairs([box["pairs_by_mass"][name] for box in objects]) for name in by_mass}}
    )


def _known_centres(boxes: list[dict]) -> dict | None:
    """Completeness of haloes grown from the true centres, and their number over the true one; null without them."""
    known = [box["known_centres"] for box in boxes]
    if None in known:
        return None
    true = np.sum([box["mass_function"]["true"] for box in boxes], axis=0)
    found = np.sum([box["found"] for box in known], axis=0)
    return {
        "completeness": spread([box["completeness"] for box in known]),
        "ratio": [_ratio(f, t) for f, t in zip(found, true, strict=True)],
    }


def _profiles(boxes: list[dict]) -> list[dict]:
    """Mean and standard deviation of the stacked probability of all boxes, by bin of mass."""
    profiles = []
    for stacks in zip(*(box["profiles"] for box in boxes), strict=True):
        haloes = sum(stack["haloes"] for stack in stacks)
        sums = [ShellSums(*(np.array(stack[name]) for name in ("counts", "sums", "squares"))) for stack in stacks]
        total = sum(sums[1:], start=sums[0])
        radius = sum(stack["radius_sum"] for stack in stacks) / haloes if haloes else None
        entry = {"cells": stacks[0]["cells"], "haloes": haloes, "mean_radius": radius}
        profiles.append(entry | {"mean": listed(total.mean), "deviation": listed(total.deviation)})
    return profiles
