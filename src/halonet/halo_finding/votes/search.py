"""Object finder: haloes from the votes of their cells, settled by competition for these votes.

Candidates are the maxima of the count of votes (:mod:`halonet.halo_finding.votes.counting`). In every round each vote
goes to the candidate that fits it best in position and radius; centre and radius of a candidate become the means of its
votes; and a candidate is dropped that lies within one with more votes, or is left with too few of its own. Its votes
are free again. The radius of a halo is the one that its votes predict, and with a weight the one that their number
amounts to: a network cannot know the radius of every halo, and predicts one nearer to the mean; the number knows
nothing of that.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from halonet.grid.slabs import Slabs
from halonet.halo_finding.votes.casting import UNIT, Votes, cast_votes, log_radii
from halonet.halo_finding.votes.competition import collect_votes
from halonet.halo_finding.votes.counting import count_votes, peaks, sum_over
from halonet.halo_finding.votes.fields import HeadFields
from halonet.settings import VoteSettings

BIN_CELLS = 8  # least side of the bins candidates are looked up in: 4 take twice as long
PIVOT_CELLS = 300  # volume that ``volume_slope`` leaves as it is
LARGE_CELLS = 1000  # from which ``large_volume_slope`` takes over
FEWEST_VOTES = 0.1  # with which a candidate goes on to the next round; the least of a halo is a setting


@dataclass(frozen=True)
class VotedHaloes:
    """Haloes, in the order of the maxima they come from, the highest first.

    Attributes
    ----------
    positions
        Centres (cells) in [0, N), float64 of shape (haloes, 3).
    radii
        Lagrangian radius (cells), float64.
    cells
        Volume of the sphere, float64.
    votes
        Sum of probabilities of the cells that vote for the halo, over the volume that they predict, float64: 1 for a
        complete one.
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

    def columns(self, cell_size: float) -> dict[str, np.ndarray]:
        """Columns of a catalogue that only this finder has; errors in Mpc."""
        return {
            "votes": self.votes,
            "centre_error": self.centre_scatter * cell_size,
            "radius_error": self.radius_scatter * self.radii * cell_size,
        }


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
        Mean position of the votes from the candidate's centre (cells), (n, 3).
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

    def radii(self, kept: np.ndarray, settings: VoteSettings) -> np.ndarray:
        """Radii (cells) of those of a boolean mask, from the voting volume and the radius that votes predict.

        ln R is a mean of the two, in which the volume, ``volume_factor`` times what votes, has ``volume_weight``. A
        weight beyond 1 takes off what the prediction errs by: it makes small haloes of dense regions too large. At last
        volumes are stretched by ``volume_slope`` about that of :data:`PIVOT_CELLS`, and what is beyond
        :data:`LARGE_CELLS` by ``large_volume_slope``.
        """
        log_radius = self.mean_log_radii(kept, settings.volume_weight, settings.volume_factor)
        pivot, knot = (np.log(3 / (4 * np.pi) * cells) / 3 for cells in (PIVOT_CELLS, LARGE_CELLS))
        stretched = log_radius + (settings.volume_slope - 1) * (log_radius - pivot)
        if settings.large_volume_slope is not None:
            stretched += (settings.large_volume_slope - settings.volume_slope) * np.maximum(log_radius - knot, 0)
        return np.exp(stretched)

    def mean_log_radii(self, kept: np.ndarray, weight: float, factor: float = 1.0) -> np.ndarray:
        """Means of the ln radius (cells) that votes predict and, with ``weight``, of ``factor`` times their volume."""
        of_volume = np.log(3 * factor / (4 * np.pi) * self.volume[kept]) / 3
        return (1 - weight) * self.log_radius[kept] + weight * of_volume

    def moved(self, kept: np.ndarray, n: int) -> Candidates:
        """The candidates of a boolean mask, moved to the mean of their votes, in a box of ``n`` cells."""
        positions = self.candidates.rests[kept] + self.shift[kept]
        whole = np.floor(positions + 0.5)
        cells = (self.candidates.cells[kept] + whole.astype(np.int64)) % n
        return Candidates(cells, positions - whole, np.exp(self.log_radius[kept]))


def find_by_votes(
    fields: HeadFields, settings: VoteSettings, centres: np.ndarray | None = None, slabs: Slabs | None = None
) -> VotedHaloes:
    """Find haloes in the fields that a network with both heads predicts; collective.

    Every rank has the fields of its planes and the votes for its cells, and all have all candidates and haloes: lists
    of the size of a catalogue.

    ``centres``, cells of shape (haloes, 3), are candidates in place of the maxima of the count of votes: a diagnostic,
    what a perfect search would lead to.
    """
    slabs = slabs or Slabs(len(fields.probability))
    votes = cast_votes(fields, settings.least_probability, slabs)
    if centres is None:
        counts = count_votes(votes, settings.scale, settings.smallest_scale_cells, slabs)
        centres = peaks(counts, settings.least_peak, slabs)
        del counts
    shares = settle(votes, candidates_at(centres, fields, slabs), settings, slabs)
    return elected(shares, settings, votes.grid_cells)


def candidates_at(cells: np.ndarray, fields: HeadFields, slabs: Slabs | None = None) -> Candidates:
    """Candidates in the middle of these cells, shape (candidates, 3), with the radius that these predict."""
    slabs = slabs or Slabs(len(fields.probability))
    rows = slabs.own_rows(cells[:, 0])
    x, y, z = cells[rows].T
    log_radius = slabs.merge(rows, log_radii(fields, (x - slabs.start, y, z)))
    return Candidates(cells, np.zeros(cells.shape), np.exp(log_radius.astype(np.float64)))


def settle(votes: Votes, candidates: Candidates, settings: VoteSettings, slabs: Slabs | None = None) -> Shares:
    """Let candidates compete for the votes, for so many rounds as the settings say: those that are left, with votes."""
    n = votes.grid_cells
    slabs = slabs or Slabs(n)
    for _ in range(settings.rounds):
        shares = collect(votes, candidates, settings.reach, settings.radius_weight, slabs)
        kept = shares.votes >= FEWEST_VOTES
        candidates = shares.moved(kept, n)
        outside = _outside_larger_ones(candidates, shares.volume[kept], settings.exclusion, n, slabs.threads)
        candidates = Candidates(*(column[outside] for column in vars(candidates).values()))
    return collect(votes, candidates, settings.reach, settings.radius_weight, slabs)


def elected(shares: Shares, settings: VoteSettings, n: int) -> VotedHaloes:
    """Haloes of the candidates that have votes enough, in a box of ``n`` cells."""
    kept = shares.votes >= settings.least_votes
    final = shares.moved(kept, n)
    positions = (final.cells + final.rests + 0.5) % n
    radii = shares.radii(kept, settings)
    scatters = shares.centre_scatter[kept], shares.radius_scatter[kept]
    return VotedHaloes(positions, radii, _sphere(radii), shares.votes[kept], *scatters)


def _sphere(radii: np.ndarray) -> np.ndarray:
    return 4 / 3 * np.pi * radii**3


def _outside_larger_ones(
    candidates: Candidates, volumes: np.ndarray, exclusion: float, n: int, threads: int
) -> np.ndarray:
    """Which candidates are not within ``exclusion`` radii of one that has more votes and is kept itself."""
    positions = (candidates.cells + candidates.rests + 0.5) % n
    within = KDTree(positions, boxsize=n).query_ball_point(positions, exclusion * candidates.radii, workers=threads)
    kept = np.ones(len(volumes), bool)
    for candidate in np.argsort(-volumes, kind="stable"):
        if kept[candidate]:
            kept[within[candidate]] = False
            kept[candidate] = True
    return kept


def collect(votes: Votes, candidates: Candidates, reach: float, radius_weight: float, slabs: Slabs) -> Shares:
    """Give every vote to the candidate that fits it best, and sum up what the candidates got; collective.

    Parameters
    ----------
    reach
        Farthest a vote may be from its candidate, in radii that the vote itself predicts.
    radius_weight
        A difference of ln radius counts as so many radii of distance.
    """
    n = votes.grid_cells
    starts, members, around = _binned(candidates.cells, n)
    # Side by side as they stand in the bins: a vote looks at all of a bin.
    rivals = (candidates.cells[members], candidates.rests[members], np.log(candidates.radii[members]))
    in_bins = sum_over(
        votes.arrays,
        np.zeros((len(candidates.radii), 7), np.int64),
        lambda part, sums: collect_votes(part, rivals, (starts, around), n, reach, radius_weight, sums),
    )
    sums = np.empty_like(in_bins)
    sums[members] = in_bins
    if slabs.ranks > 1:
        own, sums = sums, np.empty_like(sums)
        slabs.communicator.Allreduce(own, sums)
    volume, *moments = (sums / UNIT).T
    mean = np.array(moments) / np.maximum(volume, 1 / UNIT)
    shift, log_radius = mean[:3].T, mean[3]
    centre_scatter = np.sqrt(np.maximum(mean[4] - (shift**2).sum(axis=1), 0) / 3)
    radius_scatter = np.sqrt(np.maximum(mean[5] - log_radius**2, 0))
    return Shares(candidates, volume, shift, log_radius, centre_scatter, radius_scatter)


def _binned(cells: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Candidates by bins of the box: first member of each bin, members, and bins around one side by side thrice."""
    side = max(n // BIN_CELLS, 1)
    index = cells * side // n
    flat = (index[:, 0] * side + index[:, 1]) * side + index[:, 2]
    starts = np.zeros(side**3 + 1, np.int64)
    np.cumsum(np.bincount(flat, minlength=side**3), out=starts[1:])
    return starts, np.argsort(flat, kind="stable"), np.arange(-side, 2 * side) % side
