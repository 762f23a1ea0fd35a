"""Spheres fitted to the probability: an improved second half of the halo finder.

The paper's finder gives a halo all cells within the radius at which its shells become too thin, first come, first
served: where haloes overlap, the first takes from its neighbours, and every radius hangs on one shell. Here the haloes
it finds become spheres whose union is to look like the probability, all fitted together, with the rules by which Peak
Patch merges haloes:

- a halo centred within a larger one is dropped;
- where two spheres overlap, each has the cells on its side of the plane in which they intersect. These are the cells
  with the smallest power distance d^2 - R^2;
- the volume of a halo is the sum of the probabilities of its own cells, plus what its sphere covers beyond those
  planes, since Peak Patch haloes overlap;
- a halo is dropped when too little of its volume is its own: most of these are splinters of the rim of a larger one,
  which gets their cells back in the next round.

Centres and radii follow from these cells, and after a few rounds hardly change.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy.spatial import KDTree

from halonet.grid.scratch import zeros
from halonet.grid.slabs import Slabs
from halonet.grid.surroundings import around_centres
from halonet.halo_finding.paper.search import FoundHaloes
from halonet.settings import SphereFitSettings


@dataclass(frozen=True)
class FittedHaloes:
    """Haloes after the fit, in the order in which they were found.

    Attributes
    ----------
    positions
        Centres (cells) in [0, N), float64 of shape (haloes, 3).
    radii
        Radius of the sphere of the halo's volume (cells), float64.
    cells
        Volume, float64.
    peak_thresholds
        Of the region the halo was found in, float64.
    """

    positions: np.ndarray
    radii: np.ndarray
    cells: np.ndarray
    peak_thresholds: np.ndarray

    def __len__(self) -> int:
        return len(self.cells)

    def columns(self, cell_size: float) -> dict[str, np.ndarray]:
        """Columns of a catalogue that only this finder has."""
        return {"peak_threshold": self.peak_thresholds}


def fit_spheres(
    probability: np.ndarray,
    found: FoundHaloes,
    settings: SphereFitSettings,
    minimum_cells: float,
    slabs: Slabs | None = None,
) -> FittedHaloes:
    """Fit the spheres of all haloes to the probability; collective.

    Parameters
    ----------
    probability
        Float32 of shape (N, N, N), periodic: this rank's planes.
    found
        Haloes of the paper's finder, as a start: all of them, on every rank.
    settings
        With numbers where they may be ``calibrated``.
    minimum_cells
        Haloes whose own cells hold less than half of this are dropped, and others take the cells.
    slabs
        Of the box, where several ranks have it; the spheres are those of one, to the last bit.

    Notes
    -----
    Memory: 8 bytes per cell. Every sum runs over a halo's own cells in the order of their offsets from its centre, so
    a box shifted by whole cells gives the shifted haloes to the last bit.
    """
    slabs = slabs or Slabs(len(probability))
    n = slabs.cells
    cells, fractions = found.centres.copy(), np.zeros(found.centres.shape)
    volumes, rows = found.cells.astype(np.float64), np.arange(len(found))
    owner, score = zeros(probability.shape, np.int32), zeros(probability.shape, np.float32)
    for _ in range(settings.rounds):
        kept = _outside_larger_ones((cells + fractions + 0.5) % n, _radii(volumes), n)
        cells, fractions, volumes, rows = cells[kept], fractions[kept], volumes[kept], rows[kept]
        radii = _radii(volumes)
        reaches = np.minimum(settings.reach * radii, (n - 1) // 2 - 1)
        owner.fill(-1)
        score.fill(np.inf)
        _claim(cells, fractions, radii, reaches, slabs.start, owner, score)
        own, volumes, moments = _collected(slabs, (probability, owner), cells, fractions, radii, reaches)
        kept = own >= np.maximum(0.5 * minimum_cells, settings.own_fraction * volumes)
        volumes, rows = volumes[kept], rows[kept]
        moved = fractions[kept] + moments[kept] / volumes[:, None]
        whole = np.floor(moved + 0.5)
        cells, fractions = (cells[kept] + whole.astype(np.int64)) % n, moved - whole
    return FittedHaloes((cells + fractions + 0.5) % n, _radii(volumes), volumes, found.peak_thresholds[rows])


def _collected(
    slabs: Slabs,
    fields: tuple[np.ndarray, np.ndarray],
    cells: np.ndarray,
    fractions: np.ndarray,
    radii: np.ndarray,
    reaches: np.ndarray,
) -> tuple[np.ndarray, ...]:
    """What :func:`_collect` finds for all haloes, each by the rank that has its centre; collective."""
    mine = slabs.own_rows(cells[:, 0])
    own, volumes, moments = np.zeros(len(mine)), np.zeros(len(mine)), np.zeros((len(mine), 3))

    def collect(rows: np.ndarray, around: Sequence[np.ndarray], first: int, places: np.ndarray) -> None:
        number = mine[rows]
        sphere = (places, fractions[number], radii[number], reaches[number])
        own[rows], volumes[rows], moments[rows] = _collect(around[0], around[1], first, number, *sphere)

    # One cell more than the loops look at, so that they never leave a cube.
    around_centres(slabs, fields, cells[mine], reaches[mine].astype(np.int64) + 2, collect)
    return tuple(slabs.merge(mine, values) for values in (own, volumes, moments))


def _radii(volumes: np.ndarray) -> np.ndarray:
    return (3 / (4 * np.pi) * volumes) ** (1 / 3)


def _outside_larger_ones(positions: np.ndarray, radii: np.ndarray, n: int) -> np.ndarray:
    """Which haloes are not centred within a larger one that is kept itself, bool of shape (haloes,)."""
    within = KDTree(positions, boxsize=n).query_ball_point(positions, radii)
    kept = np.ones(len(radii), bool)
    for halo in np.argsort(-radii, kind="stable"):
        if kept[halo]:
            kept[within[halo]] = False
            kept[halo] = True
    return kept


@njit(cache=True)
def _span(squared, offset):
    """First and last whole number m of |m - offset| <= sqrt(squared), or one more on either side."""
    half = np.sqrt(squared)
    return int(np.floor(offset - half)), int(np.ceil(offset + half)) + 1


@njit(cache=True)
def _wrapped(index, n):
    """Periodic index of a cell at most one box away; a division would cost more than all else in these loops."""
    if index < 0:
        return index + n
    return index - n if index >= n else index


@njit(cache=True)
def _claim(cells, fractions, radii, reaches, first, owner, score):
    """Give every cell of the planes from the ``first`` on to the halo of the smallest power distance.

    Where two are equal it is the earlier one.
    """
    planes, n, _ = owner.shape
    for halo in range(len(cells)):
        fx, fy, fz = fractions[halo]
        squared_radius, limit = radii[halo] ** 2, reaches[halo] ** 2
        k = int(reaches[halo] + 1)
        for i in range(-k, k + 1):
            x = _wrapped(cells[halo, 0] + i, n) - first
            if x < 0 or x >= planes:
                continue
            for j in range(-k, k + 1):
                y = _wrapped(cells[halo, 1] + j, n)
                across = (i - fx) ** 2 + (j - fy) ** 2
                if across > limit:
                    continue
                for m in range(*_span(limit - across, fz)):
                    distance = across + (m - fz) ** 2
                    z = _wrapped(cells[halo, 2] + m, n)
                    power = np.float32(distance - squared_radius)
                    if distance <= limit and power < score[x, y, z]:
                        score[x, y, z], owner[x, y, z] = power, halo


@njit(cache=True)
def _collect(probability, owner, first, numbers, cells, fractions, radii, reaches):
    """Probability of each halo's own cells; its volume, with what it covers of others; volume times offset."""
    n = owner.shape[1]
    own, volumes, moments = np.zeros(len(cells)), np.zeros(len(cells)), np.zeros((len(cells), 3))
    for halo in range(len(cells)):
        fx, fy, fz = fractions[halo]
        squared_radius, limit = radii[halo] ** 2, reaches[halo] ** 2
        k = int(reaches[halo] + 1)
        probable, volume, along = 0.0, 0.0, np.zeros(3)
        for i in range(-k, k + 1):
            x = _wrapped(cells[halo, 0] + i, n) - first
            for j in range(-k, k + 1):
                y = _wrapped(cells[halo, 1] + j, n)
                across = (i - fx) ** 2 + (j - fy) ** 2
                if across > limit:
                    continue
                for m in range(*_span(limit - across, fz)):
                    z = _wrapped(cells[halo, 2] + m, n)
                    if owner[x, y, z] == numbers[halo]:
                        weight = np.float64(probability[x, y, z])
                        probable += weight
                    elif across + (m - fz) ** 2 <= squared_radius:
                        weight = 1.0
                    else:
                        continue
                    volume += weight
                    along[0] += weight * (i - fx)
                    along[1] += weight * (j - fy)
                    along[2] += weight * (m - fz)
        own[halo], volumes[halo], moments[halo] = probable, volume, along
    return own, volumes, moments
