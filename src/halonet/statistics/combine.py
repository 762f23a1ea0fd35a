"""What is measured of several boxes put together: ROC curves, pairs, cells, correlation functions, shapes."""

from typing import Any, TypeVar

import numpy as np

from halonet.spheres import ShellSums
from halonet.statistics.shear import CELLS_EDGES, EDGES
from halonet.statistics.spread import curve_spread, known_curve_spread, listed, spread

LEVELS = (0.00135, 0.02275, 0.15866, 0.5, 0.84134, 0.97725, 0.99865)  # the median and 1, 2, 3 deviations of a Gaussian
HALOES_BEYOND = 3  # a quantile is given where at least so many haloes lie beyond it
FEWEST = 10  # haloes; of fewer there is no median
T = TypeVar("T")


def combine_roc(boxes: list[dict]) -> dict:
    """Mean and scatter over boxes of the ROC curves of each class, at the same false positive rates.

    Parameters
    ----------
    boxes
        Of each box ``fpr``, ``threshold`` and the ``classes`` of :func:`halonet.statistics.roc.measure_roc`.
    """
    classes = []
    for curves in zip(*(box["classes"] for box in boxes), strict=True):
        marks = [curve["at_threshold"] for curve in curves if curve["at_threshold"]]
        classes.append(
            {name: curves[0][name] for name in ("name", "by", "range")}
            | {name: sum(curve[name] for curve in curves) for name in ("haloes", "cells")}
            | {"auc": spread([curve["auc"] for curve in curves])}
            | {"tpr": curve_spread([curve["tpr"] for curve in curves])}
            | {"at_threshold": np.mean(marks, axis=0).tolist() if marks else None}
        )
    return {"fpr": boxes[0]["fpr"], "threshold": boxes[0]["threshold"], "classes": classes}


def combine_pairs(boxes: list[dict]) -> dict:
    """Mean and scatter of a property of all pairs in bins of mass, and standard deviation of the mean over boxes."""
    pairs, sums, squares = (np.array([box[name] for box in boxes], float) for name in ("pairs", "sums", "squares"))
    with np.errstate(invalid="ignore"):  # bins without pairs have no mean
        means, mean = sums / pairs, sums.sum(axis=0) / pairs.sum(axis=0)
        variance = squares.sum(axis=0) / pairs.sum(axis=0) - mean**2
    return {
        "pairs": pairs.sum(axis=0).astype(int).tolist(),
        "mean": listed(mean),
        "scatter": listed(np.where(pairs.sum(axis=0) > 1, np.sqrt(np.maximum(variance, 0)), np.nan)),
        "deviation": known_curve_spread([listed(row) for row in means])["deviation"],
    }


def combine_shared_cells(boxes: list[dict | None]) -> dict | None:
    """Matched fractions by shared cells: mean and scatter over boxes, and numbers of all boxes in bins of mass.

    Parameters
    ----------
    boxes
        Of each box the result of :func:`halonet.statistics.shared_cells.compare_cells`; null where the cells of
        protohaloes are not known.
    """
    if (known := _known(boxes)) is None:
        return None
    binned = ("true_matched", "found_matched", "spheres_matched")
    return (
        {name: spread([box[name] for box in known]) for name in ("completeness", "purity", "spheres")}
        | {name: np.sum([box[name] for box in known], axis=0).tolist() for name in binned}
        | {"covered": combine_pairs([box["covered"] for box in known])}
    )


def combine_boundaries(boxes: list[list[dict] | None]) -> list[dict] | None:
    """Probability of all boxes by mean distance from the boundaries of protohaloes, by bin of mass.

    Parameters
    ----------
    boxes
        Of each box the result of :func:`halonet.statistics.boundaries.boundary_profiles`; null where the cells of
        protohaloes are not known.
    """
    if (known := _known(boxes)) is None:
        return None
    profiles = []
    for stacks in zip(*known, strict=True):
        names = ("counts", "distances", "sums", "squares")
        counts, distances, sums, squares = (np.sum([stack[name] for stack in stacks], axis=0) for name in names)
        total = ShellSums(counts, sums, squares)
        profiles.append(
            {
                "cells": stacks[0]["cells"],
                "haloes": sum(stack["haloes"] for stack in stacks),
                "distance": listed(_over(distances, counts)),
                "mean": listed(total.mean),
                "deviation": listed(total.deviation),
            }
        )
    return profiles


def combine_correlation(boxes: list[dict]) -> dict:
    """Correlation functions of all boxes together with Poisson errors, and their scatter over boxes, by number cut.

    Parameters
    ----------
    boxes
        Of each box the result of :func:`halonet.statistics.clustering.compare_correlation_functions`.
    """
    result = {"edges": boxes[0]["edges"]}
    for space in ("lagrangian", "eulerian"):
        known = [box[space] for box in boxes]
        if any(cuts is None for cuts in known):
            result[space] = None
            continue
        common = [[cut["most_massive"] for cut in cuts] for cuts in known]
        result[space] = []
        for number in (n for n in common[0] if all(n in others for others in common)):
            chosen = [next(cut for cut in cuts if cut["most_massive"] == number) for cuts in known]
            curves = {name: _correlation([cut[name] for cut in chosen]) for name in ("true", "found")}
            result[space].append({"most_massive": number} | curves)
    return result


def _correlation(counts: list[dict]) -> dict:
    """xi of all boxes together, its Poisson error, and the standard deviation of xi over boxes."""
    pairs, expected = (np.array([box[name] for box in counts], float) for name in ("pairs", "expected"))
    total, uniform = pairs.sum(axis=0), expected.sum(axis=0)
    per_box = [listed(_over(p, e) - 1) for p, e in zip(pairs, expected, strict=True)]
    return {
        "haloes": sum(box["haloes"] for box in counts),
        "pairs": total.astype(int).tolist(),
        "xi": listed(_over(total, uniform) - 1),
        # Where there is no pair, one is not excluded.
        "poisson_error": listed(_over(np.sqrt(np.maximum(total, 1)), uniform)),
        "deviation": known_curve_spread(per_box)["deviation"],
    }


def combine_shapes(boxes: list[dict | None]) -> dict | None:
    """Numbers of haloes in bins of mass and of each property, their quantiles, and the scatter of medians over boxes.

    Parameters
    ----------
    boxes
        Of each box, ``true`` and ``found`` tables of :func:`halonet.statistics.shear.shape_histograms`; null where
        there was no density.
    """
    if (known := _known(boxes)) is None:
        return None
    result: dict[str, Any] = {
        "cells_edges": CELLS_EDGES.tolist(),
        "edges": {name: edges.tolist() for name, edges in EDGES.items()},
        "levels": list(LEVELS),
    }
    for name in ("true", "found"):
        result[name] = {
            group: {p: np.sum([box[name][group][p] for box in known], axis=0).tolist() for p in EDGES}
            for group in ("matched", "unmatched")
        }
        result[name]["quantiles"] = {p: _quantiles_over_boxes([box[name] for box in known], p) for p in EDGES}
    return result


def _quantiles_over_boxes(boxes: list[dict], name: str) -> dict:
    """Quantiles of a property in bins of mass, and medians of matched and unmatched haloes and their scatter."""
    matched, unmatched = (np.array([box[group][name] for box in boxes]) for group in ("matched", "unmatched"))
    together, edges = matched + unmatched, EDGES[name]
    medians = [listed(quantiles_of_counts(table, edges, (0.5,))[0]) for table in together]
    return {
        "haloes": together.sum(axis=(0, 2)).tolist(),
        "quantiles": [listed(row) for row in quantiles_of_counts(together.sum(axis=0), edges, LEVELS)],
        "deviation": known_curve_spread(medians)["deviation"],
        "median_matched": listed(quantiles_of_counts(matched.sum(axis=0), edges, (0.5,))[0]),
        "median_unmatched": listed(quantiles_of_counts(unmatched.sum(axis=0), edges, (0.5,))[0]),
    }


def quantiles_of_counts(counts: np.ndarray, edges: np.ndarray, levels: tuple[float, ...]) -> np.ndarray:
    """Quantiles of values of which only numbers in bins are known, linear within a bin.

    Parameters
    ----------
    counts
        Numbers, shape (rows, bins), with the limits ``edges`` of the bins.

    Returns
    -------
    ndarray
        Shape (levels, rows); NaN where too few values lie beyond.
    """
    result = np.full((len(levels), len(counts)), np.nan)
    for row, values in enumerate(counts):
        total = values.sum()
        upwards = np.append(0, np.cumsum(values))
        for i, level in enumerate(levels):
            if total >= FEWEST and total * min(level, 1 - level) >= HALOES_BEYOND:
                above = int(np.searchsorted(upwards, level * total))
                part = (level * total - upwards[above - 1]) / values[above - 1]
                result[i, row] = edges[above - 1] + part * (edges[above] - edges[above - 1])
    return result


def _over(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.divide(numerator, denominator, out=np.full(len(numerator), np.nan), where=denominator > 0)


def _known(boxes: list[T | None]) -> list[T] | None:
    """The boxes, if something is known of all of them."""
    known = [box for box in boxes if box is not None]
    return known if len(known) == len(boxes) else None
