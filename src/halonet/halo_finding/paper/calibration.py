"""Thresholds of the halo finder from boxes of known truth (paper, section 4, Fig. 5); never from test boxes.

The shell threshold is the mean probability in the shell at the radius of a true halo, as a function of that radius. It
ends the haloes of known centres at their true radius on average; found centres are a little off, and what is left of a
halo's rim can pass for another one. So a shift of the fitted line can be searched for together with the list of peak
thresholds: of all that find nearly as many true haloes with nearly as few false ones as the best, the one with the
truest mass function is taken. How the constants of fitted spheres are found stands in fit_calibration.py.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product

import numpy as np

from halonet.halo_finding.calibration_boxes import CalibrationBox, CalibrationError
from halonet.halo_finding.haloes import to_catalogue
from halonet.halo_finding.paper.search import find_haloes
from halonet.halo_finding.score import abundance_error, match_score, numbers_above
from halonet.matching import completeness_and_purity, join_pairs, mean_over_boxes, possible_pairs
from halonet.settings import CosmologySettings, ShellThresholdSettings
from halonet.spheres import centre_cells, mean_at_radius

# Each ladder of peak thresholds stands for all its beginnings. The first continues the paper's list. Wider steps split
# fewer haloes into a core and a rim.
LADDERS = (
    (0.9999, 0.99, 0.975, 0.95, 0.925, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5),
    (0.9999, 0.99, 0.93, 0.86, 0.75, 0.6),
    (0.99, 0.9, 0.8, 0.65, 0.5),
    (0.98, 0.93, 0.87, 0.8, 0.7, 0.5),
    (0.98, 0.88, 0.75, 0.6),
    (0.97, 0.91, 0.83, 0.7, 0.5),
    (0.96, 0.89, 0.8, 0.65, 0.5),
)
RADIUS_BIN = 0.5  # cells
HALOES_BESIDE_BREAK = 10  # fewer would let a single odd halo bend the line
SHELL_ERROR = 0.01  # error of a bin beyond counting noise: a straight line is not the truth


@dataclass(frozen=True)
class EdgeProfile:
    """Mean probability in the shell at the radius of true haloes, in bins of the radius; arrays of shape (bins,).

    Attributes
    ----------
    radius
        Mean radius of the haloes of a bin (cells).
    mean, deviation
        Mean and standard deviation over haloes of the mean probability in the shell at their radius.
    haloes
        Number of haloes.
    """

    radius: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    haloes: np.ndarray


def edge_probabilities(box: CalibrationBox, least_central: float) -> np.ndarray:
    """Radius (cells) of true haloes and mean probability in the shell there, shape (haloes, 2).

    Haloes whose central probability is below ``least_central`` are left out: where the network sees no halo, the
    probability at its radius says nothing about where a found halo ends.
    """
    radii = box.true["radius"].astype(np.float64) / box.true.cell_size
    centres = centre_cells(box.true.positions(), box.true.cell_size, box.true.grid_cells)
    seen = box.probability[tuple(centres.T)] >= least_central
    return np.stack([radii[seen], mean_at_radius(box.probability, centres[seen], radii[seen])], axis=1)


def stack_edges(edges: np.ndarray) -> EdgeProfile:
    """Average the edge probabilities of :func:`edge_probabilities`, shape (haloes, 2), in bins of radius."""
    bins = np.floor(edges[:, 0] / RADIUS_BIN).astype(np.int64)
    rows = []
    for index in np.unique(bins):
        radius, value = edges[bins == index].T
        rows.append((radius.mean(), value.mean(), value.std(), len(value)))
    radius, mean, deviation, haloes = np.array(rows).reshape(-1, 4).T
    return EdgeProfile(radius, mean, deviation, haloes.astype(np.int64))


def fit_shell_threshold(profile: EdgeProfile) -> ShellThresholdSettings:
    """Fit a continuous, piecewise linear threshold; the break is the one of least chi square.

    Raises
    ------
    CalibrationError
        If there are too few true haloes to place a break between their radii.
    """
    haloes = np.cumsum(profile.haloes)
    possible = profile.radius[(haloes >= HALOES_BESIDE_BREAK) & (haloes[-1:] - haloes >= HALOES_BESIDE_BREAK)]
    if len(possible) < 2:
        raise CalibrationError(
            f"{haloes[-1] if len(haloes) else 0} true haloes in {len(haloes)} bins of radius are too few to fit the "
            f"shell threshold, which needs {HALOES_BESIDE_BREAK} on either side of its break: give more boxes "
            "(calibration_boxes), let less certain haloes count (calibration_centre) or train the network for longer"
        )
    radius, mean = profile.radius, profile.mean
    # The scatter of a bin of few haloes is not known from that bin.
    deviation = np.sqrt(np.average(profile.deviation**2, weights=profile.haloes))
    weights = 1 / np.sqrt(deviation**2 / profile.haloes + SHELL_ERROR**2)
    fits = []
    for break_radius in np.arange(possible[0], possible[-1], 0.1):
        basis = np.stack([np.ones_like(radius), radius, np.maximum(radius - break_radius, 0)], axis=1)
        solution = np.linalg.lstsq(basis * weights[:, None], mean * weights, rcond=None)[0]
        chi_square = (((basis @ solution - mean) * weights) ** 2).sum()
        fits.append((chi_square, break_radius, *solution))
    _, break_radius, value, slope, change = (float(number) for number in min(fits, key=lambda fit: fit[0]))
    return ShellThresholdSettings(
        inner_slope=slope,
        inner_value=value,
        outer_slope=slope + change,
        outer_value=value - change * break_radius,
        break_cells=break_radius,
    )


def shifted(threshold: ShellThresholdSettings, shift: float) -> ShellThresholdSettings:
    """Shell threshold raised by ``shift`` at every radius."""
    values = {name: getattr(threshold, name) + shift for name in ("inner_value", "outer_value")}
    return threshold.model_copy(update=values)


@dataclass(frozen=True)
class Candidate:
    """Thresholds and how their haloes above the smallest compared one agree with the truth.

    Attributes
    ----------
    shift
        Added to the fitted shell threshold.
    completeness, purity, score
        Matched fractions, and their harmonic mean.
    abundance_error
        Mean over :data:`ABUNDANCE_CUTS` of |ln(found / true)| of the numbers of haloes above the cut.
    """

    peak_thresholds: tuple[float, ...]
    shift: float
    completeness: float
    purity: float
    score: float
    abundance_error: float


def compare_thresholds(
    boxes: Iterable[CalibrationBox],
    shell_threshold: ShellThresholdSettings,
    shifts: Sequence[float],
    cosmology: CosmologySettings,
    cells: float,
) -> list[Candidate]:
    """Compare the haloes of at least ``cells`` cells that every beginning of every ladder finds with the truth.

    Matched fractions are averaged over boxes, numbers of haloes added up. Boxes are taken one at a time.
    """
    searches = list(product(shifts, LADDERS))
    measured = [
        [
            list(_compare_beginnings(box, ladder, shifted(shell_threshold, shift), cosmology, cells))
            for shift, ladder in searches
        ]
        for box in boxes
    ]
    candidates = []
    for (shift, ladder), *per_box in zip(searches, *measured, strict=True):
        for length, results in enumerate(zip(*per_box, strict=True), 1):
            candidates.append(_candidate(ladder[:length], shift, results))
    return candidates


def _candidate(peak_thresholds: tuple[float, ...], shift: float, results: Sequence[tuple]) -> Candidate:
    """Put the comparisons of one search with several boxes together."""
    completeness, purity = mean_over_boxes([result[:2] for result in results])
    true, found = np.sum([result[2] for result in results], axis=0)
    score = match_score(completeness, purity)
    return Candidate(peak_thresholds, shift, completeness, purity, score, abundance_error(true, found))


def _compare_beginnings(
    box: CalibrationBox,
    ladder: tuple[float, ...],
    shell_threshold: ShellThresholdSettings,
    cosmology: CosmologySettings,
    cells: float,
) -> Iterator[tuple[float, float, np.ndarray]]:
    """Completeness, purity and numbers above the cuts (true, found) for every beginning of a ladder.

    One search with the whole ladder serves all its beginnings, because later thresholds change no earlier halo.
    """
    found = find_haloes(box.probability, ladder, shell_threshold)
    catalogue = to_catalogue(found, len(box.probability), box.true.header, cosmology, minimum_cells=1)
    pairs = possible_pairs(box.true, catalogue)
    for threshold in ladder:
        kept = found.peak_thresholds >= threshold
        matches = join_pairs(pairs.among(kept), len(box.true), len(catalogue))
        part, matches = catalogue.select(kept), replace(matches, found_matched=matches.found_matched[kept])
        numbers = [numbers_above(haloes, cells) for haloes in (box.true, part)]
        yield *completeness_and_purity(box.true, part, matches, cells), np.array(numbers)


def best_candidate(candidates: list[Candidate], tolerance: float) -> Candidate:
    """Of the candidates whose score is within ``tolerance`` of the best, the one with the truest mass function."""
    best = max(candidate.score for candidate in candidates)
    eligible = [candidate for candidate in candidates if candidate.score >= best - tolerance]
    return min(eligible, key=lambda candidate: (candidate.abundance_error, -candidate.score))


def calibration_record(
    profile: EdgeProfile, fitted: ShellThresholdSettings, candidates: list[Candidate], chosen: Candidate
) -> dict:
    """What a thresholds file holds: the thresholds in force and the evidence behind them."""
    return {
        "peak_thresholds": list(chosen.peak_thresholds),
        "shell_threshold": shifted(fitted, chosen.shift).model_dump(),
        "chosen": asdict(chosen),
        "edge_profile": {name: values.tolist() for name, values in asdict(profile).items()},
        "candidates": [asdict(candidate) for candidate in candidates],
    }
