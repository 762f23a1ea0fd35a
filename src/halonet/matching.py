"""One-to-one matching of two halo catalogues of the same periodic box, and completeness and purity.

Notes
-----
Two haloes can match if each centre lies inside the other halo and their radii differ by at most a tolerance (25%) of
the larger one. Of all such pairs the closest in units of the smaller radius are joined first, each halo once.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from halonet.catalogue import LAGRANGIAN, HaloCatalogue
from halonet.checks.assumptions import assume
from halonet.checks.numbers import Number, checked
from halonet.checks.types import of_type
from halonet.plausibility.same_box import contradictions

FRACTION, CELLS = Number(least=0, most=1), Number(least=0)
COMPARED = (*LAGRANGIAN, "radius")


@dataclass(frozen=True)
class Matches:
    """Matched pairs of two catalogues, closest first.

    Attributes
    ----------
    true_rows, found_rows
        Rows of the pairs in either catalogue, int64 of shape (pairs,).
    distances
        Distance of the centres (Mpc), float64 of shape (pairs,).
    true_matched, found_matched
        Whether a halo has a partner, bool with one entry for every halo of either catalogue.
    """

    true_rows: np.ndarray
    found_rows: np.ndarray
    distances: np.ndarray
    true_matched: np.ndarray
    found_matched: np.ndarray


@dataclass(frozen=True)
class Pairs:
    """Pairs of haloes that can match, closest first: rows in either catalogue and distances (Mpc), shapes (n,)."""

    true_rows: np.ndarray
    found_rows: np.ndarray
    distances: np.ndarray

    def among(self, found: np.ndarray) -> "Pairs":
        """Pairs whose found halo is among those of a boolean mask over the found catalogue."""
        kept = found[self.found_rows]
        return Pairs(self.true_rows[kept], self.found_rows[kept], self.distances[kept])


def match_haloes(true: HaloCatalogue, found: HaloCatalogue, radius_tolerance: float = 0.25) -> Matches:
    """Match haloes one to one.

    Parameters
    ----------
    true, found
        Catalogues of the same box, compared at their Lagrangian centres and radii. Another seed, redshift or cosmology
        of theirs is said.
    radius_tolerance
        Largest difference of two radii in units of the larger one.

    Returns
    -------
    Matches
        Rows of the pairs in either catalogue, their distances (Mpc), and who of either has a partner.

    Raises
    ------
    ValueError
        If the boxes differ in size.

    Examples
    --------
    >>> import halonet
    >>> haloes = halonet.make_mock(seed=7, cells=32)
    >>> matches = halonet.match_haloes(haloes, haloes)
    >>> len(matches.true_rows) == len(haloes), float(matches.distances.max())
    (True, 0.0)
    """
    for name, haloes in (("true", true), ("found", found)):
        of_type(haloes, HaloCatalogue, name).check(name, COMPARED)
    tolerance = float(checked("radius_tolerance", radius_tolerance, FRACTION))
    # Matches of other boxes, redshifts or cosmologies may be wanted: by chance, or of one halo at two times.
    for contradiction in contradictions([("true", true.header), ("found", found.header)]):
        assume(f"{contradiction}; the haloes are matched all the same, as those of one box")
    return join_pairs(possible_pairs(true, found, tolerance), len(true), len(found))


def possible_pairs(true: HaloCatalogue, found: HaloCatalogue, radius_tolerance: float = 0.25) -> Pairs:
    """All pairs that can match, closest in units of the smaller radius first."""
    rows, columns, distances = _pairs_within(true, found)
    larger = np.maximum(true["radius"][rows], found["radius"][columns])
    smaller = np.minimum(true["radius"][rows], found["radius"][columns])
    fits = (distances <= smaller) & (larger - smaller <= radius_tolerance * larger)
    rows, columns, distances = rows[fits], columns[fits], distances[fits]
    order = np.lexsort((columns, rows, distances / smaller[fits]))
    return Pairs(rows[order], columns[order], distances[order])


def join_pairs(pairs: Pairs, true: int, found: int) -> Matches:
    """Join pairs in their order, each of the ``true`` and ``found`` haloes once."""
    true_free, found_free = np.ones(true, bool), np.ones(found, bool)
    joined = []
    for pair, (row, column) in enumerate(zip(pairs.true_rows, pairs.found_rows, strict=True)):
        if true_free[row] and found_free[column]:
            true_free[row] = found_free[column] = False
            joined.append(pair)
    kept = np.array(joined, np.int64)
    return Matches(pairs.true_rows[kept], pairs.found_rows[kept], pairs.distances[kept], ~true_free, ~found_free)


def one_sided_matches(true: HaloCatalogue, found: HaloCatalogue, radius_tolerance: float = 0.25) -> np.ndarray:
    """Whether a true halo holds the centre of any found halo whose radius differs by at most the tolerance.

    The looser reading of section 5.3 of the paper: one found halo may serve several true ones. Bool of shape (true,).
    """
    rows, columns, _ = _pairs_within(true, found)
    larger = np.maximum(true["radius"][rows], found["radius"][columns])
    smaller = np.minimum(true["radius"][rows], found["radius"][columns])
    return np.isin(np.arange(len(true)), rows[larger - smaller <= radius_tolerance * larger])


def _pairs_within(true: HaloCatalogue, found: HaloCatalogue) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of all pairs whose found centre lies inside the true halo, and their distances."""
    if true.box_size_mpc != found.box_size_mpc:
        raise ValueError(f"catalogues of boxes of {true.box_size_mpc} and {found.box_size_mpc} Mpc cannot be matched")
    if not (len(true) and len(found)):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    # In cells, where centres of cells are exact: a pair exactly at a radius must not depend on where it lies.
    centres, others = true.centres_in_cells(), found.centres_in_cells(true.cell_size)
    box, radii = true.grid_cells, true["radius"].astype(np.float64) / true.cell_size
    inside = cKDTree(others % box, boxsize=box).query_ball_point(centres % box, radii)
    rows = np.repeat(np.arange(len(true)), [len(partners) for partners in inside])
    columns = np.array([partner for partners in inside for partner in partners], np.int64)
    separation = np.abs(centres[rows] - others[columns])
    squares = (np.minimum(separation, box - separation) ** 2).sum(axis=1)
    return rows, columns, true.cell_size * np.sqrt(squares)


def completeness_and_purity(
    true: HaloCatalogue, found: HaloCatalogue, matches: Matches, cells: float
) -> tuple[float, float]:
    """Matched fractions of the true and of the found haloes of at least ``cells`` cells; NaN where there are none.

    Parameters
    ----------
    true, found
        Catalogues of the same box.
    matches
        Of :func:`match_haloes`.
    cells
        Least volume of the haloes that count. Partners may be smaller: a halo just above the cut does not lose its
        partner to the cut.

    Returns
    -------
    completeness, purity
        Between 0 and 1; NaN where no halo is that large, of which there is no fraction.

    Raises
    ------
    ValueError
        If the matches are of other catalogues.

    Examples
    --------
    >>> import halonet
    >>> haloes = halonet.make_mock(seed=7, cells=32)
    >>> halonet.completeness_and_purity(haloes, haloes, halonet.match_haloes(haloes, haloes), cells=100)
    (1.0, 1.0)
    """
    of_type(matches, Matches, "matches")
    for name, haloes in (("true", true), ("found", found)):
        of_type(haloes, HaloCatalogue, name).check(name, ("cells",))
    cells = float(checked("cells", cells, CELLS))
    if (len(matches.true_matched), len(matches.found_matched)) != (len(true), len(found)):
        raise ValueError(
            f"matches are of {len(matches.true_matched)} true and {len(matches.found_matched)} found haloes, the "
            f"catalogues have {len(true)} and {len(found)}; match these first"
        )
    completeness = matches.true_matched[true["cells"] >= cells]
    purity = matches.found_matched[found["cells"] >= cells]
    return fraction(completeness), fraction(purity)


def fraction(which: np.ndarray) -> float:
    """How many of a set are (bool, shape (n,)), of 1; NaN for an empty set."""
    return float(which.mean()) if len(which) else np.nan


def mean_over_boxes(fractions: npt.ArrayLike) -> list[float]:
    """Means of fractions, shape (boxes, n), over the boxes in which they exist; NaN where in none."""
    table = np.asarray(fractions, float)
    known = np.isfinite(table)
    sums, boxes = np.where(known, table, 0).sum(axis=0), known.sum(axis=0)
    return np.divide(sums, boxes, out=np.full(len(sums), np.nan), where=boxes > 0).tolist()


def harmonic_mean(completeness: float, purity: float) -> float:
    """Harmonic mean of completeness and purity (F1).

    It is 0 where nothing matches, also where only one of them exists: of haloes that are there none has a partner. NaN
    where neither does.
    """
    if np.isnan(completeness) or np.isnan(purity):
        return np.nan if np.isnan(completeness) and np.isnan(purity) else 0.0
    total = completeness + purity
    return 2 * completeness * purity / total if total else 0.0
