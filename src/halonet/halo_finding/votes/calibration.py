"""Constants of the vote finder from boxes of known truth; never from test boxes.

They are judged together by the haloes they lead to. Some only tell what becomes of the candidates that one competition
for the votes has left, so that a competition serves all their values. Those of the sizes follow from the numbers of
true haloes: :mod:`halonet.halo_finding.votes.sizes`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.halo_finding.haloes import to_catalogue
from halonet.halo_finding.score import Agreement, Comparison, best_of, evidence, search_constants
from halonet.halo_finding.votes.casting import cast_votes
from halonet.halo_finding.votes.counting import count_votes, peaks
from halonet.halo_finding.votes.fields import HeadFields
from halonet.halo_finding.votes.search import Shares, candidates_at, elected, settle
from halonet.halo_finding.votes.sizes import AS_THEY_VOTE, Sizes, fit_sizes
from halonet.settings import CosmologySettings, HaloFindingSettings, VoteSettings


@dataclass(frozen=True)
class VoteBox:
    """A box of known truth: what a network with heads predicts for it, and its true haloes."""

    fields: HeadFields
    true: HaloCatalogue


@dataclass(frozen=True)
class VoteConstants:
    """What is searched for, as in :class:`~halonet.settings.VoteSettings`."""

    scale: float
    reach: float
    radius_weight: float
    exclusion: float
    least_votes: float
    volume_weight: float

    @property
    def competition(self) -> tuple[float, ...]:
        """Those that change the competition for the votes."""
        return self.scale, self.reach, self.radius_weight, self.exclusion

    def settings(self, sizes: Sizes = AS_THEY_VOTE) -> VoteSettings:
        """Settings of the vote finder with these constants; the others are the finder's own."""
        return VoteSettings(**asdict(self), **asdict(sizes))


@dataclass(frozen=True)
class VoteAgreement(Agreement):
    """Agreement of constants, with the sizes that were fitted to the numbers of haloes."""

    sizes: Sizes = AS_THEY_VOTE


CHOICES = {
    "scale": (0.45, 0.5, 0.55, 0.6, 0.7, 0.8),
    "reach": (0.5, 0.6, 0.7, 0.85, 1.0),
    "radius_weight": (0.5, 1.0, 2.0, 3.0),
    "exclusion": (0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9, 1.0),  # predicted radii are unsure: true centres lie within them
    "least_votes": (0.1, 0.15, 0.2, 0.225, 0.25, 0.275, 0.3, 0.325, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7),
    "volume_weight": (0.2, 0.4, 0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4),
}
# Near the best of a grid for the network n-body: from afar the search may end beside it.
START = VoteConstants(0.6, 0.6, 2.0, 0.75, 0.2, 1.0)


def calibrate_votes(
    boxes: Callable[[], Iterable[VoteBox]], settings: HaloFindingSettings, cosmology: CosmologySettings
) -> dict[VoteConstants, VoteAgreement]:
    """Search for the constants of the best agreement with the truth.

    Parameters
    ----------
    boxes
        Gives the boxes, one at a time, whenever it is called.

    Returns
    -------
    results
        Of all constants that were tried; :func:`~halonet.halo_finding.score.best_of` has the end of the search.
    """
    competitions: dict[tuple, list[tuple[Shares, HaloCatalogue]]] = {}

    def compare(trials: list[VoteConstants]) -> dict[VoteConstants, VoteAgreement]:
        new = [trial for trial in trials if trial.competition not in competitions]
        for box in boxes() if new else ():
            for trial, shares in _compete(box, {trial.competition: trial for trial in new}.values()):
                competitions.setdefault(trial.competition, []).append((shares, box.true))
        return {trial: _judge(trial, competitions[trial.competition], settings, cosmology) for trial in trials}

    return search_constants(START, CHOICES, compare)


def _compete(box: VoteBox, trials: Iterable[VoteConstants]) -> Iterator[tuple[VoteConstants, Shares]]:
    """What each of several competitions in one box ends with; votes are counted once for each scale."""
    fixed, candidates = VoteSettings(), {}
    votes = cast_votes(box.fields, fixed.least_probability)
    for trial in trials:
        if trial.scale not in candidates:
            counts = count_votes(votes, trial.scale, fixed.smallest_scale_cells)
            candidates[trial.scale] = candidates_at(peaks(counts, fixed.least_peak), box.fields)
        yield trial, settle(votes, candidates[trial.scale], trial.settings())


def _judge(
    trial: VoteConstants,
    competitions: list[tuple[Shares, HaloCatalogue]],
    settings: HaloFindingSettings,
    cosmology: CosmologySettings,
) -> VoteAgreement:
    sizes = _sizes(trial, competitions, settings.calibration_cells)
    comparison = Comparison(settings)
    for shares, true in competitions:
        haloes = elected(shares, trial.settings(sizes), true.grid_cells)
        comparison.add(true, to_catalogue(haloes, true.grid_cells, true.header, cosmology, minimum_cells=1))
    return VoteAgreement(**vars(comparison.agreement), sizes=sizes)


def _sizes(trial: VoteConstants, competitions: list[tuple[Shares, HaloCatalogue]], smallest: float) -> Sizes:
    """Sizes by the numbers of haloes in all boxes together."""
    least, weight = trial.least_votes, trial.volume_weight
    radii = [shares.mean_log_radii(shares.votes >= least, weight) for shares, _ in competitions]
    log_volumes = np.log(4 / 3 * np.pi) + 3 * np.concatenate(radii)
    true = np.concatenate([haloes["cells"] for _, haloes in competitions])
    return fit_sizes(log_volumes, true, weight, smallest)


def vote_record(results: dict[VoteConstants, VoteAgreement]) -> dict:
    """What a thresholds file holds: the constants in force and the evidence behind them."""
    best, rows = best_of(results), evidence(results)
    for row in rows["candidates"]:  # the chosen one is among them
        row.update(row.pop("sizes"))
    return {"votes": best.settings(results[best].sizes).model_dump()} | rows
