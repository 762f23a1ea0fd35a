"""Object finder: haloes from the votes of their cells, settled by competition for these votes.

Candidates are the maxima of the count of votes (:mod:`halonet.halo_finding.votes`). In every round each vote goes to
the candidate that fits it best in place and radius; centre and radius of a candidate become the means of its votes; and
a candidate is dropped that lies within one with more votes, or is left with too few of its own. Its votes are free
again.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy.spatial import KDTree

from halonet.halo_finding.votes import HeadFields, Votes, cast_votes, count_votes, log_radii, peaks
from halonet.settings import VoteSettings

UNIT = 1 << 30  # fixed-point unit of sums over the votes of a candidate
BIN_CELLS = 4  # least side of the bins candidates are looked up in


@dataclass(frozen=True)
class VotedHaloes:
    """Haloes, those with most votes first.

    Attributes
    ----------
    positions
        Centres (cells) in [0, N), float64 of shape (haloes, 3).
    radii
        Lagrangian radius (cells), float64.
    cells
        Volume of the sphere, float64.
    votes
        Sum of probabilities of the cells that vote for the halo, over its volume, float64: 1 for a complete one.
    centre_scatter
        Root mean square distance of the votes from the centre along one axis (cells), float64.
    radius_scatter
        Standard deviation of the predicted ln radius over the votes, float64.
    """

    positions: np.ndarray
    radii: np.ndarray
    cells: np.ndarray
    votes: np.ndarray
    centre_scatter: np.ndarray
    radius_scatter: np.ndarray

    def __len__(self) -> int:
        return len(self.cells)


@dataclass(frozen=True)
class Candidates:
    """Candidates for haloes: nearest cell (int64, (n, 3)), rest of the centre (cells, float64) and radius (cells)."""

    cells: np.ndarray
    rests: np.ndarray
    radii: np.ndarray


@dataclass(frozen=True)
class Shares:
    """Candidates with what their votes say: means over the votes, weighted by probability.

    Attributes
    ----------
    candidates
        As they were when the votes were given out.
    volume
        Sum of probabilities of the voting cells, float64 of shape (n,).
    shift
        Mean place of the votes from the candidate's centre (cells), (n, 3).
    log_radius
        Mean of the predicted ln radius.
    centre_scatter, radius_scatter
        As in :class:`VotedHaloes`.
    """

    candidates: Candidates
    volume: np.ndarray
    shift: np.ndarray
    log_radius: np.ndarray
    centre_scatter: np.ndarray
    radius_scatter: np.ndarray

    @property
    def votes(self) -> np.ndarray:
        """Votes in units of a complete halo."""
        return self.volume / _sphere(np.exp(self.log_radius))

    def moved(self, kept: np.ndarray, n: int) -> Candidates:
        """The candidates of a boolean mask, moved to the mean of their votes, in a box of ``n`` cells."""
        places = self.candidates.rests[kept] + self.shift[kept]
        whole = np.floor(places + 0.5)
        cells = (self.candidates.cells[kept] + whole.astype(np.int64)) % n
        return Candidates(cells, places - whole, np.exp(self.log_radius[kept]))


def find_by_votes(fields: HeadFields, settings: VoteSettings, centres: np.ndarray | None = None) -> VotedHaloes:
    """Find haloes in the fields that a network with both heads predicts.

    ``centres``, cells of shape (haloes, 3), are candidates in place of the maxima of the count of votes: a diagnostic,
    what a perfect search would lead to.
    """
    votes = cast_votes(fields, settings.least_probability)
    if centres is None:
        centres = peaks(count_votes(votes, settings.scale, settings.smallest_scale_cells), settings.least_peak)
    return settle(votes, candidates_at(centres, fields), settings)


def candidates_at(cells: np.ndarray, fields: HeadFields) -> Candidates:
    """Candidates in the middle of these cells, with the radius that these predict."""
    return Candidates(cells, np.zeros(cells.shape), np.exp(log_radii(fields, tuple(cells.T)).astype(np.float64)))


def settle(votes: Votes, candidates: Candidates, settings: VoteSettings) -> VotedHaloes:
    """Let candidates compete for the votes, for so many rounds as the settings say."""
    n = votes.grid_cells
    for _ in range(settings.rounds):
        shares = collect(votes, candidates, settings.reach, settings.radius_weight)
        kept = shares.votes >= 0.5 * settings.least_votes
        candidates = shares.moved(kept, n)
        outside = _outside_larger_ones(candidates, shares.volume[kept], settings.exclusion, n)
        candidates = Candidates(*(column[outside] for column in vars(candidates).values()))
    shares = collect(votes, candidates, settings.reach, settings.radius_weight)
    kept = shares.votes >= settings.least_votes
    return _haloes(shares, kept, n)


def _haloes(shares: Shares, kept: np.ndarray, n: int) -> VotedHaloes:
    final = shares.moved(kept, n)
    positions = (final.cells + final.rests + 0.5) % n
    scatters = shares.centre_scatter[kept], shares.radius_scatter[kept]
    return VotedHaloes(positions, final.radii, _sphere(final.radii), shares.votes[kept], *scatters)


def _sphere(radii):
    return 4 / 3 * np.pi * radii**3


def _outside_larger_ones(candidates, volumes, exclusion, n):
    """Which candidates are not within ``exclusion`` radii of one that has more votes and is kept itself."""
    positions = (candidates.cells + candidates.rests + 0.5) % n
    within = KDTree(positions, boxsize=n).query_ball_point(positions, exclusion * candidates.radii)
    kept = np.ones(len(volumes), bool)
    for candidate in np.argsort(-volumes, kind="stable"):
        if kept[candidate]:
            kept[within[candidate]] = False
            kept[candidate] = True
    return kept


def collect(votes: Votes, candidates: Candidates, reach: float, radius_weight: float) -> Shares:
    """Give every vote to the candidate that fits it best, and sum up what the candidates got.

    Parameters
    ----------
    reach
        Farthest a vote may be from its candidate, in radii that the vote itself predicts.
    radius_weight
        A difference of ln radius counts as so many radii of distance.
    """
    bins = _binned(candidates.cells, votes.grid_cells)
    sums = np.zeros((len(candidates.radii), 7), np.int64)
    _collect(
        votes.cells, votes.offsets, votes.probability, votes.log_radius, candidates.cells, candidates.rests,
        np.log(candidates.radii), *bins, votes.grid_cells, reach, radius_weight, sums,
    )  # fmt: skip
    volume, *moments = (sums / UNIT).T
    mean = np.array(moments) / np.maximum(volume, 1 / UNIT)
    shift, log_radius = mean[:3].T, mean[3]
    centre_scatter = np.sqrt(np.maximum(mean[4] - (shift**2).sum(axis=1), 0) / 3)
    return Shares(
        candidates, volume, shift, log_radius, centre_scatter, np.sqrt(np.maximum(mean[5] - log_radius**2, 0))
    )


def _binned(cells: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Candidates by bins of the box: first member of each bin, members, bins a side."""
    side = max(n // BIN_CELLS, 1)
    index = cells * side // n
    flat = (index[:, 0] * side + index[:, 1]) * side + index[:, 2]
    starts = np.zeros(side**3 + 1, np.int64)
    np.cumsum(np.bincount(flat, minlength=side**3), out=starts[1:])
    return starts, np.argsort(flat, kind="stable"), side


@njit(cache=True)
def _collect(
    cells, offsets, probability, log_radius, centres, rests, log_radii, starts, members, side, n, reach, weight, sums
):
    cell, rest, gap = np.empty(3, np.int64), np.empty(3), np.empty(3)
    for vote in range(len(probability)):
        for axis in range(3):
            whole = np.floor(offsets[vote, axis] + np.float32(0.5))
            cell[axis] = (cells[vote, axis] + np.int64(whole)) % n
            rest[axis] = offsets[vote, axis] - whole
        scale = reach * np.exp(np.float64(log_radius[vote]))
        best = _nearest(
            cell, rest, log_radius[vote], scale, reach, centres, rests, log_radii, starts, members, side, n, weight, gap
        )
        if best < 0:
            continue
        p, here = np.float64(probability[vote]) * UNIT, np.float64(log_radius[vote])
        sums[best, 0] += np.int64(p)
        square = 0.0
        for axis in range(3):
            sums[best, 1 + axis] += np.int64(np.floor(p * gap[axis]))
            square += gap[axis] ** 2
        sums[best, 4] += np.int64(np.floor(p * here))
        sums[best, 5] += np.int64(p * square)
        sums[best, 6] += np.int64(p * here**2)


@njit(cache=True)
def _nearest(cell, rest, log_radius, limit, reach, centres, rests, log_radii, starts, members, side, n, weight, gap):
    """Candidate within ``limit`` cells that fits a vote best, or -1; its vector to the vote is left in ``gap``."""
    best, least = -1, np.inf
    k = int(limit) + 2
    first, count = np.empty(3, np.int64), np.empty(3, np.int64)
    for axis in range(3):
        low, high = (cell[axis] - k) * side // n, (cell[axis] + k) * side // n
        first[axis], count[axis] = low, min(high - low + 1, side)
    for a in range(first[0], first[0] + count[0]):
        for b in range(first[1], first[1] + count[1]):
            row = ((a % side) * side + b % side) * side
            for c in range(first[2], first[2] + count[2]):
                for index in range(starts[row + c % side], starts[row + c % side + 1]):
                    candidate, square = members[index], 0.0
                    for axis in range(3):
                        square += (
                            _between(cell[axis], centres[candidate, axis], n) + rest[axis] - rests[candidate, axis]
                        ) ** 2
                    if square > limit**2:
                        continue
                    misfit = square * (reach / limit) ** 2 + (weight * (log_radius - log_radii[candidate])) ** 2
                    if misfit < least:
                        best, least = candidate, misfit
    if best >= 0:
        for axis in range(3):
            gap[axis] = _between(cell[axis], centres[best, axis], n) + rest[axis] - rests[best, axis]
    return best


@njit(cache=True)
def _between(cell, centre, n):
    """Cells from ``centre`` to ``cell`` along an axis of a periodic box, the shorter way."""
    gap = cell - centre
    if 2 * gap > n:
        return gap - n
    return gap + n if 2 * gap < -n else gap
