"""Constants of the vote finder from boxes of known truth; never from test boxes.

All combinations of a few values of each are tried, and the one is taken whose haloes have the highest harmonic mean of
completeness and purity, averaged over the boxes. The least votes of a halo are tried on the haloes of one search: they
only tell which of them are kept.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import product

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.halo_finding.haloes import to_catalogue
from halonet.halo_finding.vote_finder import VotedHaloes, candidates_at, settle
from halonet.halo_finding.votes import HeadFields, cast_votes, count_votes, peaks
from halonet.matching import completeness_and_purity, harmonic_mean, join_pairs, possible_pairs
from halonet.settings import CosmologySettings, VoteSettings

SCALES = (0.45, 0.6, 0.8)
REACHES = (0.7, 0.85, 1.0)
EXCLUSIONS = (0.6, 1.0)  # predicted radii are unsure: many true centres lie within them
LEAST_VOTES = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7)


@dataclass(frozen=True)
class VoteBox:
    """A box of known truth: what a network with heads predicts for it, and its true haloes."""

    fields: HeadFields
    true: HaloCatalogue


@dataclass(frozen=True)
class Trial:
    """Constants, with the matched fractions that their haloes reach and the harmonic mean of these."""

    settings: VoteSettings
    completeness: float
    purity: float
    score: float


def try_constants(
    boxes: Iterable[VoteBox], settings: VoteSettings, cosmology: CosmologySettings, cells: float
) -> list[Trial]:
    """Try all combinations on all boxes, taken one at a time, by their haloes of at least ``cells`` cells.

    What is not tried stays as in ``settings``.
    """
    constants = [
        settings.model_copy(update=dict(zip(("scale", "reach", "exclusion", "least_votes"), values, strict=True)))
        for values in product(SCALES, REACHES, EXCLUSIONS, LEAST_VOTES)
    ]
    measured = [list(_try_on(box, settings, cosmology, cells)) for box in boxes]
    means = np.mean(measured, axis=0).tolist()
    return [Trial(each, *matched, harmonic_mean(*matched)) for each, matched in zip(constants, means, strict=True)]


def _try_on(
    box: VoteBox, settings: VoteSettings, cosmology: CosmologySettings, cells: float
) -> Iterator[tuple[float, float]]:
    """Completeness and purity of all combinations, in their order."""
    votes = cast_votes(box.fields, settings.least_probability)
    for scale in SCALES:
        counts = count_votes(votes, scale, settings.smallest_scale_cells)
        candidates = candidates_at(peaks(counts, settings.least_peak), box.fields)
        for reach, exclusion in product(REACHES, EXCLUSIONS):
            chosen = {"reach": reach, "exclusion": exclusion, "least_votes": LEAST_VOTES[0]}
            found = settle(votes, candidates, settings.model_copy(update=chosen))
            yield from _compare(found, box.true, cosmology, cells)


def _compare(
    found: VotedHaloes, true: HaloCatalogue, cosmology: CosmologySettings, cells: float
) -> Iterator[tuple[float, float]]:
    """Completeness and purity of the haloes of at least so many votes, for each of :data:`LEAST_VOTES`."""
    catalogue = to_catalogue(found, true.grid_cells, true.header, cosmology, minimum_cells=1)
    pairs = possible_pairs(true, catalogue)
    for least in LEAST_VOTES:
        kept = found.votes >= least
        matches = join_pairs(pairs.among(kept), len(true), len(catalogue))
        matches = replace(matches, found_matched=matches.found_matched[kept])
        yield completeness_and_purity(true, catalogue.select(kept), matches, cells)


def best_trial(trials: list[Trial]) -> Trial:
    """The trial of the highest score; of equals, the first."""
    return max(trials, key=lambda trial: trial.score)


def vote_record(trials: list[Trial], chosen: Trial) -> dict:
    """What a thresholds file holds: the constants in force and the evidence behind them."""
    listed = [asdict(trial) | {"settings": trial.settings.model_dump()} for trial in trials]
    return {"votes": chosen.settings.model_dump(), "chosen": listed[trials.index(chosen)], "trials": listed}
