"""Search for the constants of a halo finder by how its haloes agree with the truth of calibration boxes.

One constant is varied at a time with the others held, until no change is for the better.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.matching import completeness_and_purity, harmonic_mean, match_haloes, mean_over_boxes
from halonet.settings import HaloFindingSettings

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ABUNDANCE_CUTS = np.array([1, 2, 3, 5, 10])  # in units of the smallest compared halo, where abundances are compared

Constants = TypeVar("Constants", bound="DataclassInstance")  # a frozen one


def numbers_above(haloes: HaloCatalogue, cells: float) -> list[int]:
    """Haloes above each of the :data:`ABUNDANCE_CUTS`, in units of ``cells``."""
    return [int((haloes["cells"] >= cut).sum()) for cut in cells * ABUNDANCE_CUTS]


def abundance_error(true: np.ndarray, found: np.ndarray) -> float:
    """Mean over cuts of ``|ln(found / true)|`` of the numbers of haloes above them, shape (cuts,) each."""
    return float(np.abs(np.log(np.maximum(found, 0.5) / np.maximum(true, 0.5))).mean())


def match_score(completeness: float, purity: float) -> float:
    """Harmonic mean of completeness and purity, to rank by: 0 where there is no halo to match."""
    score = harmonic_mean(completeness, purity)
    return 0.0 if np.isnan(score) else score


@dataclass(frozen=True)
class Agreement:
    """How found haloes above the smallest compared one agree with the truth.

    Attributes
    ----------
    completeness, purity
        Matched fractions, mean over the boxes in which they exist; NaN where in none.
    abundance_error
        Mean over :data:`ABUNDANCE_CUTS` of |ln(found / true)|, in units of the
        smallest compared halo and, where large haloes count on their own, of the smallest of these.
    large_score
        Harmonic mean of the matched fractions of large haloes; None where they do not count on their own, or there are
        none.
    tolerance
        Error of the mass function that does not count.
    """

    completeness: float
    purity: float
    abundance_error: float
    large_score: float | None = None
    tolerance: float = 0.0

    @property
    def score(self) -> float:
        """Harmonic mean of completeness and purity, or its mean with that of large haloes; 0 where no halo counts."""
        score = match_score(self.completeness, self.purity)
        return score if self.large_score is None else (score + self.large_score) / 2

    @property
    def agreement(self) -> float:
        """The score less the error of the mass function beyond the tolerance."""
        return self.score - max(0.0, self.abundance_error - self.tolerance)


class Comparison:
    """Found beside true haloes, box by box.

    Parameters
    ----------
    settings
        Of the calibration: volumes (cells) above which haloes, and large ones, are compared.
    """

    def __init__(self, settings: HaloFindingSettings):
        self.cells = [settings.calibration_cells]
        if settings.calibration_large_cells is not None:
            self.cells.append(settings.calibration_large_cells)
        self.tolerance = settings.calibration_abundance
        self.matched: list[list[tuple[float, float]]] = []
        self.numbers: list[list[list[list[int]]]] = []

    def add(self, true: HaloCatalogue, found: HaloCatalogue) -> None:
        """Compare the haloes of one more box."""
        matches = match_haloes(true, found)
        self.matched.append([completeness_and_purity(true, found, matches, cells) for cells in self.cells])
        self.numbers.append([[numbers_above(haloes, cells) for haloes in (true, found)] for cells in self.cells])

    @property
    def agreement(self) -> Agreement:
        """Over all boxes: the mean of the matched fractions, and the numbers of haloes together."""
        matched = [mean_over_boxes(fractions) for fractions in zip(*self.matched, strict=True)]
        large = harmonic_mean(*matched[1]) if matched[1:] else np.nan
        errors = [abundance_error(*numbers) for numbers in np.sum(self.numbers, axis=0)]
        completeness, purity = matched[0]
        return Agreement(
            completeness, purity, float(np.mean(errors)), None if np.isnan(large) else large, self.tolerance
        )


def search_constants(
    start: Constants,
    choices: Mapping[str, Sequence],
    compare: Callable[[list[Constants]], dict[Constants, Agreement]],
) -> dict[Constants, Agreement]:
    """Agreement of all constants that were tried on the way from ``start`` to the best.

    Parameters
    ----------
    choices
        Values to try for each of its fields, among them that of ``start``.
    compare
        Agreement of each of several constants, which have not been tried before.
    """
    results: dict[Constants, Agreement] = {}
    best, before = start, None
    while best != before:
        before = best
        for name, values in choices.items():
            trials = [replace(best, **{name: value}) for value in values]
            results |= compare([trial for trial in trials if trial not in results])
            best = max(trials, key=lambda trial: results[trial].agreement)
    return results


def best_of(results: dict[Constants, Agreement]) -> Constants:
    """Constants of the best agreement; the first tried where two are equal."""
    return max(results, key=lambda constants: results[constants].agreement)


def evidence(results: dict) -> dict:
    """What a thresholds file holds of a search: the ``chosen`` constants and all ``candidates``, with agreement."""
    rows = {
        constants: asdict(constants) | asdict(result) | {"score": result.score, "agreement": result.agreement}
        for constants, result in results.items()
    }
    return {"chosen": rows[best_of(results)], "candidates": list(rows.values())}
