"""Receiver operating characteristic (ROC) of the predicted probability, by mass and by position in the halo (Fig. 4).

Positives are the cells of true haloes of one class, negatives the cells in no halo. The classes are galaxies, groups
and clusters by mass, and inner, middle and outer cells by distance from the centre in units of the radius, in haloes of
any mass. A cell of several haloes belongs to the one whose centre is closest in units of its radius.

Notes
-----
With a threshold t, TPR = TP / (TP + FN) and FPR = FP / (FP + TN) of the cells with p >= t (Eqs. 3 and 4). One pass
sorts all cells into some 65,000 bins of p, of which each is 1/256 of the distance of p from 0 or from 1, whichever is
closer: a network is confident, and most of its cells lie there. Cells of one bin count as tied, as in the statistic of
Mann and Whitney. Memory: :data:`BYTES_PER_CELL` besides mask and probability.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from halonet.catalogue import HaloCatalogue

MASS_CLASSES = ("galaxies", "groups", "clusters")
ZONES = ("inner", "middle", "outer")
FPR = np.concatenate([[0.0], np.geomspace(1e-4, 1, 121)])  # false positive rates at which curves are kept
THRESHOLD = 0.5  # of the point that is marked on each curve
BYTES_PER_CELL = 5  # a label, and the distance from the closest centre while labels are made
_NO_HALO, _NO_CLASS = 0, 255
_SHIFT = 15  # bits of a float32 that a bin of p leaves out
_HALF = int(np.float32(THRESHOLD).view(np.uint32)) >> _SHIFT


@dataclass(frozen=True)
class Curve:
    """ROC curve of one class.

    Attributes
    ----------
    tpr
        True positive rate at the false positive rates :data:`FPR`.
    auc
        Area under the curve: the chance that a positive has a higher probability than a negative, ties counted half.
    at_threshold
        False and true positive rate of the cells with p >= :data:`THRESHOLD`.
    """

    tpr: np.ndarray
    auc: float
    at_threshold: tuple[float, float]


def measure_roc(
    mask: np.ndarray,
    probability: np.ndarray,
    true: HaloCatalogue,
    mass_edges: list[float],
    zone_edges: list[float],
    owners: np.ndarray | None = None,
) -> list[dict]:
    """ROC curves of all classes of one box.

    Parameters
    ----------
    mask, probability
        True mask (0 or 1) and predicted probability in [0, 1], shape (N, N, N).
    true
        True haloes of the box.
    mass_edges
        Least masses of galaxies, groups and clusters (Msun).
    zone_edges
        Outer limits of inner and middle cells, in units of the radius of their halo.
    owners
        Row of every cell's halo in ``true`` sorted by mass, -1 outside, int32 of shape (N, N, N), where protohaloes are
        no spheres.

    Returns
    -------
    list of dict
        Of each class its ``name``, the kind of class ``by`` (``mass`` or ``radius``), its ``range``, its numbers of
        ``haloes`` and ``cells``, ``auc``, ``tpr`` and ``at_threshold``; the latter are null where there is no cell.
    """
    counts = _sort_cells(probability, label_cells(mask, true, mass_edges, zone_edges, owners), _label_count())
    negatives, positives = counts[_NO_HALO], counts[1:].reshape(len(mass_edges) + 1, len(ZONES), -1)
    limits = [*mass_edges, np.inf]
    heavy = np.histogram(true["mass"], limits)[0]
    result = []
    for i, name in enumerate(MASS_CLASSES):
        numbers = {"range": [limits[i], limits[i + 1] if i + 1 < len(mass_edges) else None], "haloes": int(heavy[i])}
        result.append({"name": name, "by": "mass"} | numbers | _as_values(positives[i + 1].sum(axis=0), negatives))
    limits = [0.0, *zone_edges, 1.0]
    for i, name in enumerate(ZONES):
        numbers = {"range": [limits[i], limits[i + 1]], "haloes": len(true)}
        result.append({"name": name, "by": "radius"} | numbers | _as_values(positives[:, i].sum(axis=0), negatives))
    return result


def _as_values(positives: np.ndarray, negatives: np.ndarray) -> dict:
    """JSON values of a curve, null where there are no positives or no negatives."""
    cells = {"cells": int(positives.sum())}
    if not (positives.any() and negatives.any()):
        return cells | {"auc": None, "tpr": None, "at_threshold": None}
    curve = roc_curve(positives, negatives)
    return cells | {"auc": curve.auc, "tpr": curve.tpr.tolist(), "at_threshold": list(curve.at_threshold)}


def roc_curve(positives: np.ndarray, negatives: np.ndarray) -> Curve:
    """Curve from the numbers of positives and negatives in bins of ascending probability, shape (bins,).

    There must be at least one of each.
    """
    tpr, fpr = (np.append(0, np.cumsum(counts[::-1]) / counts.sum()) for counts in (positives, negatives))
    auc = float(np.sum(np.diff(fpr) * (tpr[1:] + tpr[:-1])) / 2)
    above = len(positives) - _HALF  # bins from the threshold upwards
    # Where the curve rises at one false positive rate, its upper end counts.
    last = np.append(np.diff(fpr) > 0, True)
    return Curve(np.interp(FPR, fpr[last], tpr[last]), auc, (float(fpr[above]), float(tpr[above])))


def label_cells(
    mask: np.ndarray,
    true: HaloCatalogue,
    mass_edges: list[float],
    zone_edges: list[float],
    owners: np.ndarray | None = None,
) -> np.ndarray:
    """Class of every cell, uint8 of shape (N, N, N).

    0 for a cell outside the mask, 255 for a masked cell in no sphere (with ``owners``: of no halo), else 1 + zone + 3 x
    mass class, of which zone 0 is the inner one and mass class 0 holds the haloes below the lightest galaxy. Cells of a
    protohalo that lie beyond its radius are outer ones.
    """
    labels = np.where(mask == 0, np.uint8(_NO_HALO), np.uint8(_NO_CLASS))
    true = true if owners is None else true.sorted_by_mass()
    size = true.box_size_mpc / len(mask)
    classes = np.searchsorted(mass_edges, true["mass"], side="right").astype(np.uint8)
    radii = true["radius"].astype(np.float64) / size
    squares = np.square([0.0, *zone_edges])[1:]
    centres = true.centres_in_cells()
    if owners is None:
        _label(labels, np.full(mask.shape, np.inf, np.float32), centres, radii, classes, squares)
    else:
        _label_owned(labels, owners, centres, radii, classes, squares)
    return labels


def _label_count() -> int:
    return 1 + len(ZONES) * (len(MASS_CLASSES) + 1)


@njit(cache=True)
def _label(labels, closest, centres, radii, classes, zone_squares):
    n = labels.shape[0]
    zones = len(zone_squares) + 1
    for halo in range(len(radii)):
        # Cell i has its centre at i + 1/2.
        x, y, z = centres[halo] - 0.5
        r = radii[halo]
        for i in range(int(np.ceil(x - r)), int(np.floor(x + r)) + 1):
            for j in range(int(np.ceil(y - r)), int(np.floor(y + r)) + 1):
                for k in range(int(np.ceil(z - r)), int(np.floor(z + r)) + 1):
                    ratio = np.float32(((i - x) ** 2 + (j - y) ** 2 + (k - z) ** 2) / (r * r))
                    cell = i % n, j % n, k % n
                    if ratio < 1 and labels[cell] != _NO_HALO and ratio < closest[cell]:
                        closest[cell] = ratio
                        zone = np.searchsorted(zone_squares, ratio, side="right")
                        labels[cell] = 1 + zone + zones * classes[halo]


@njit(cache=True)
def _label_owned(labels, owners, centres, radii, classes, zone_squares):
    n = labels.shape[0]
    zones = len(zone_squares) + 1
    for i in range(n):
        for j in range(n):
            for k in range(n):
                halo = owners[i, j, k]
                if halo < 0 or labels[i, j, k] == _NO_HALO:
                    continue
                square, cell = 0.0, (i, j, k)
                for axis in range(3):
                    apart = abs(cell[axis] + 0.5 - centres[halo, axis])
                    square += min(apart, n - apart) ** 2
                zone = min(np.searchsorted(zone_squares, square / radii[halo] ** 2, side="right"), zones - 1)
                labels[i, j, k] = 1 + zone + zones * classes[halo]


def _sort_cells(probability: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Number of cells of each label in each bin of probability, int64 of shape (classes, bins)."""
    counts = np.zeros((classes, 2 * _HALF + 1), np.int64)
    for plane, plane_labels in zip(probability, labels, strict=True):
        _count(counts, _bins_of(plane), plane_labels)
    return counts


def _bins_of(probability: np.ndarray) -> np.ndarray:
    """Bin of each probability: its distance from 0 or from 1, whichever is closer, without its last bits."""
    # Whatever a field may hold, a bin stays within the table.
    probability = np.fmin(np.fmax(probability, np.float32(0)), np.float32(1))
    likely = probability >= np.float32(THRESHOLD)
    # Of two float32 within a factor of 2, the difference is exact.
    distance = np.where(likely, np.float32(1) - probability, probability)
    bins = (distance.view(np.uint32) >> _SHIFT).astype(np.int32)
    return np.where(likely, 2 * _HALF - bins, bins)


@njit(cache=True)
def _count(counts, bins, labels):
    classes = counts.shape[0]
    for i in range(bins.shape[0]):
        for j in range(bins.shape[1]):
            if labels[i, j] < classes:
                counts[labels[i, j], bins[i, j]] += 1
