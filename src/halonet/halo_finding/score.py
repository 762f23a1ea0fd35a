"""Search for the constants of a halo finder by how its haloes agree with the truth of calibration boxes.

One constant is varied at a time with the others held, until no change is for the better.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.halo_finding.clustering import power_of_most_massive
from halonet.matching import completeness_and_purity, harmonic_mean, match_haloes, mean_over_boxes
from halonet.settings import HaloFindingSettings

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ABUNDANCE_CUTS = np.array([1, 2, 3, 5, 10])  # in units of the smallest compared halo, where abundances are compared

Constants = TypeVar("Constants", bound="DataclassInstance")  # a frozen one


def numbers_above(haloes: HaloCatalogue, cells: float) -> list[int]:
    """Haloes above each of the :data:`ABUNDANCE_CUTS`, in units of ``cells``."""
    return [int((haloes["cells"] >= cut).sum()) for cut in cells * ABUNDANCE_CUTS]


def abundance_errors(true: np.ndarray, found: np.ndarray) -> np.ndarray:
    """``|ln(found / true)|`` of the numbers of haloes above cuts, arrays of one shape."""
    return np.abs(np.log(np.maximum(found, 0.5) / np.maximum(true, 0.5)))


def abundance_error(true: np.ndarray, found: np.ndarray) -> float:
    """Mean over cuts of ``|ln(found / true)|`` of the numbers of haloes above them, shape (cuts,) each."""
    return float(abundance_errors(true, found).mean())


def match_score(completeness: float, purity: float, lesser: bool = False) -> float:
    """Harmonic mean of completeness and purity, or the lesser of both, to rank by: 0 where no halo can match."""
    score = harmonic_mean(completeness, purity)
    if np.isnan(score):
        return 0.0
    return min(completeness, purity) if lesser and score > 0 else score


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
        As the score, of the matched fractions of large haloes; None where they do not count on their own, or there are
        none.
    tolerance
        Error of the mass function at a cut that does not count.
    abundance_excess
        Mean over the cuts of what is left of their errors; None where all of them count.
    lesser
        Whether the lesser of completeness and purity is the score, in place of their harmonic mean.
    power_error
        Mean |ln(found / true)| of the power of the most massive haloes, as many as there are true ones above the
        smallest compared halo and, where large ones count on their own, above the smallest of these; None where
        clustering does not count.
    power_excess
        Mean of what is left of these errors beyond the one that does not count.
    """

    completeness: float
    purity: float
    abundance_error: float
    large_score: float | None = None
    tolerance: float = 0.0
    abundance_excess: float | None = None
    lesser: bool = False
    power_error: float | None = None
    power_excess: float = 0.0

    @property
    def score(self) -> float:
        """Of completeness and purity, or its mean with that of large haloes; 0 where no halo counts."""
        score = match_score(self.completeness, self.purity, self.lesser)
        return score if self.large_score is None else (score + self.large_score) / 2

    @property
    def agreement(self) -> float:
        """The score less the errors of the mass function, and of clustering, beyond their tolerances."""
        excess = self.abundance_error if self.abundance_excess is None else self.abundance_excess
        return self.score - excess - self.power_excess


Measured = TypeVar("Measured", bound=Agreement)


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
        self.lesser = settings.calibration_score == "lesser"
        self.power_tolerance = settings.calibration_power
        self.matched: list[list[tuple[float, float]]] = []
        self.numbers: list[list[list[list[int]]]] = []
        self.powers: list[list[list[float]]] = []

    def add(self, true: HaloCatalogue, found: HaloCatalogue) -> None:
        """Compare the haloes of one more box."""
        matches = match_haloes(true, found)
        self.matched.append([completeness_and_purity(true, found, matches, cells) for cells in self.cells])
        self.numbers.append([[numbers_above(haloes, cells) for haloes in (true, found)] for cells in self.cells])
        if self.power_tolerance is not None:
            numbers = [int((true["cells"] >= cells).sum()) for cells in self.cells]
            pairs = [[power_of_most_massive(haloes, number) for haloes in (true, found)] for number in numbers]
            self.powers.append(pairs)

    @property
    def agreement(self) -> Agreement:
        """Over all boxes: the mean of the matched fractions, and the numbers of haloes together."""
        matched = [mean_over_boxes(fractions) for fractions in zip(*self.matched, strict=True)]
        known = bool(matched[1:]) and not np.isnan(harmonic_mean(*matched[1]))
        large = match_score(matched[1][0], matched[1][1], self.lesser) if known else None
        errors = np.array([abundance_errors(*numbers) for numbers in np.sum(self.numbers, axis=0)])
        excess = float(np.maximum(errors - self.tolerance, 0).mean())
        (completeness, purity), error = matched[0], float(errors.mean())
        clustering = self._clustering()
        return Agreement(completeness, purity, error, large, self.tolerance, excess, self.lesser, *clustering)

    def _clustering(self) -> tuple[float | None, float]:
        """Error of the power, and its excess; boxes together, cuts without a halo left out."""
        if self.power_tolerance is None:
            return None, 0.0
        true, found = np.nansum(self.powers, axis=0).T
        known = (true > 0) & (found > 0)
        if not known.any():
            return None, 0.0
        errors = np.abs(np.log(found[known] / true[known]))
        return float(errors.mean()), float(np.maximum(errors - self.power_tolerance, 0).mean())


def search_constants(
    start: Constants,
    choices: Mapping[str, Sequence],
    compare: Callable[[list[Constants]], dict[Constants, Measured]],
) -> dict[Constants, Measured]:
    """Agreement of all constants that were tried on the way from ``start`` to the best.

    Parameters
    ----------
    choices
        Values to try for each of its fields, among them that of ``start``.
    compare
        Agreement of each of several constants, which have not been tried before.
    """
    results: dict[Constants, Measured] = {}
    best, before = start, None
    while best != before:
        before = best
        for name, values in choices.items():
            trials = [replace(best, **{name: value}) for value in values]
            results |= compare([trial for trial in trials if trial not in results])
            best = max((best, *trials), key=lambda trial: results[trial].agreement)
    return results


def best_of(results: Mapping[Constants, Agreement]) -> Constants:
    """Constants of the best agreement; the first tried where two are equal."""
    return max(results, key=lambda constants: results[constants].agreement)


def evidence(results: dict) -> dict:
    """What a thresholds file holds of a search: the ``chosen`` constants and all ``candidates``, with agreement."""
    rows = {
        constants: asdict(constants) | asdict(result) | {"score": result.score, "agreement": result.agreement}
        for constants, result in results.items()
    }
    return {"chosen": rows[best_of(results)], "candidates": list(rows.values())}
