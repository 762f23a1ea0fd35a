"""Haloes matched by the cells they share, where the cells of true protohaloes are known.

Notes
-----
Two haloes are partners if each holds more than half of the other's cells. No third halo can, so the rule is one to one
by itself; it asks neither for centres nor for radii. A predicted halo is a sphere, and of several a cell belongs to the
one it is deepest in (:func:`halonet.dataset.targets.find_membership`). A protohalo is none: what
the spheres of the true haloes themselves reach is measured beside.
"""

from collections.abc import Sized
from dataclasses import dataclass

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.dataset.targets import find_membership
from halonet.matching import Matches, completeness_and_purity, fraction
from halonet.owners import NO_HALO
from halonet.statistics.objects import count_by_mass, sums_by_mass
from halonet.statistics.spread import defined


@dataclass(frozen=True)
class SharedCells:
    """Cells that haloes of two partitions of a box have in common.

    Attributes
    ----------
    true_rows, found_rows, cells
        Pairs of haloes that share cells, and how many, int64 of shape (pairs,).
    true_cells, found_cells
        Cells of every halo of either partition, int64.
    """

    true_rows: np.ndarray
    found_rows: np.ndarray
    cells: np.ndarray
    true_cells: np.ndarray
    found_cells: np.ndarray

    def matches(self) -> Matches:
        """Pairs of which each holds more than half of the other's cells; their distances are not known."""
        larger = np.maximum(self.true_cells[self.true_rows], self.found_cells[self.found_rows])
        kept = 2 * self.cells > larger
        rows, columns = self.true_rows[kept], self.found_rows[kept]
        distances = np.full(len(rows), np.nan)
        return Matches(rows, columns, distances, _among(rows, self.true_cells), _among(columns, self.found_cells))

    def covered(self) -> np.ndarray:
        """Fraction of every true halo's cells in the found halo that holds most of them, float64 of shape (true,)."""
        most = np.zeros(len(self.true_cells), np.int64)
        np.maximum.at(most, self.true_rows, self.cells)
        return most / np.maximum(self.true_cells, 1)


def share_cells(owners: np.ndarray, others: np.ndarray, haloes: int, found: int) -> SharedCells:
    """Count shared cells.

    Parameters
    ----------
    owners, others
        Row of every cell's halo in either partition, :data:`halonet.owners.NO_HALO` outside, int32 of shape (N, N, N).
    haloes, found
        Numbers of haloes of either.
    """
    keys, counts = [], []
    sizes = np.zeros(haloes, np.int64), np.zeros(found, np.int64)
    for plane, other in zip(owners, others, strict=True):  # by planes: all pairs of a box at once would take its memory
        for size, rows in zip(sizes, (plane, other), strict=True):
            size += np.bincount(rows[rows != NO_HALO], minlength=len(size))
        both = (plane != NO_HALO) & (other != NO_HALO)
        key, count = np.unique(plane[both].astype(np.int64) * found + other[both], return_counts=True)
        keys.append(key)
        counts.append(count)
    pairs, place = np.unique(np.concatenate(keys), return_inverse=True)
    cells = np.zeros(len(pairs), np.int64)
    np.add.at(cells, place, np.concatenate(counts))
    return SharedCells(*np.divmod(pairs, max(found, 1)), cells, *sizes)


def compare_cells(owners: np.ndarray, true: HaloCatalogue, found: HaloCatalogue, minimum_cells: float) -> dict:
    """Completeness and purity by shared cells.

    Parameters
    ----------
    owners
        Halo of every cell, shape (N, N, N): its row in ``true`` sorted by mass.
    minimum_cells
        Smallest halo that counts (cells).

    Returns
    -------
    dict
        JSON values: ``completeness`` and ``purity`` above ``minimum_cells``; ``spheres``, the completeness of the true
        haloes' own spheres; in bins of mass the numbers ``true_matched``, ``found_matched`` and ``spheres_matched``,
        and sums of the fraction of a true halo's cells in the found halo that holds most of them, ``covered``.
    """
    true, found = true.sorted_by_mass(), found.sorted_by_mass()
    shared = share_cells(owners, find_membership(found).rows, len(true), len(found))
    matches = shared.matches()
    completeness, purity = completeness_and_purity(true, found, matches, minimum_cells)
    spheres = share_cells(owners, find_membership(true).rows, len(true), len(true)).matches()
    own = _among(spheres.true_rows[spheres.true_rows == spheres.found_rows], true)
    compared = true["cells"] >= minimum_cells
    return {
        "completeness": defined(completeness),
        "purity": defined(purity),
        "spheres": defined(fraction(own[compared])),
        "true_matched": count_by_mass(true, matches.true_matched),
        "found_matched": count_by_mass(found, matches.found_matched),
        "spheres_matched": count_by_mass(true, own),
        "covered": sums_by_mass(true["cells"], shared.covered()),
    }


def _among(rows: np.ndarray, haloes: Sized) -> np.ndarray:
    """Whether each of the haloes is one of some rows."""
    return np.isin(np.arange(len(haloes)), rows)
