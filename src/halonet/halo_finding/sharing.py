"""Masses from shared probability: an improved second half of the halo finder.

The paper's finder gives a halo all cells within the radius at which its shells become too thin, first come, first
served: where haloes overlap, the first takes from its neighbours, and every radius hangs on one shell. Here all haloes
of the finder claim cells at once. A cell goes to the halo with the smallest power distance d^2 - R^2, so that two
spheres part at the plane of their intersection, as Peak Patch shares out overlaps; and the volume of a halo is the sum
of the probabilities of its cells, which uses all of them. Radii and centres follow from the shares, and after a few
rounds change no more. A halo that keeps next to nothing gives its cells back.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from halonet.halo_finding.finder import FoundHaloes


@dataclass(frozen=True)
class SharedHaloes:
    """Haloes after sharing, in the order in which they were found.

    Attributes
    ----------
    positions
        Centres (cells) in [0, N), float64 of shape (haloes, 3).
    radii
        Radius of the sphere of the halo's volume (cells), float64.
    cells
        Volume: sum of the probabilities of the halo's cells, float64.
    peak_thresholds
        Of the region the halo was found in, float64.
    """

    positions: np.ndarray
    radii: np.ndarray
    cells: np.ndarray
    peak_thresholds: np.ndarray

    def __len__(self) -> int:
        return len(self.cells)


def share_probability(
    probability: np.ndarray, found: FoundHaloes, reach: float, rounds: int, minimum_cells: float
) -> SharedHaloes:
    """Share the probability among haloes.

    Parameters
    ----------
    probability
        Float32 of shape (N, N, N), periodic.
    found
        Haloes of the paper's finder, as a start.
    reach
        Distance from its centre, in its radius, up to which a halo claims cells.
    rounds
        Number of rounds of sharing.
    minimum_cells
        Haloes that keep less than half of this many cells are dropped, and others take their cells.

    Notes
    -----
    Memory: 8 bytes per cell. Every sum runs over a halo's own cells in the order of their offsets from its centre, so
    a box shifted by whole cells gives the shifted haloes to the last bit.
    """
    n = len(probability)
    cells, fractions = found.centres.copy(), np.zeros(found.centres.shape)
    radii, rows = (3 / (4 * np.pi) * found.cells) ** (1 / 3), np.arange(len(found))
    volumes = found.cells.astype(np.float64)
    owner, score = np.empty(probability.shape, np.int32), np.empty(probability.shape, np.float32)
    for _ in range(rounds):
        owner.fill(-1)
        score.fill(np.inf)
        reaches = np.minimum(reach * radii, (n - 1) // 2 - 1)
        _claim(cells, fractions, radii, reaches, owner, score)
        volumes, moments = _collect(probability, cells, fractions, reaches, owner)
        kept = volumes >= 0.5 * minimum_cells
        volumes, rows = volumes[kept], rows[kept]
        moved = fractions[kept] + moments[kept] / volumes[:, None]
        whole = np.floor(moved + 0.5)
        cells, fractions = (cells[kept] + whole.astype(np.int64)) % n, moved - whole
        radii = (3 / (4 * np.pi) * volumes) ** (1 / 3)
    return SharedHaloes((cells + fractions + 0.5) % n, radii, volumes, found.peak_thresholds[rows])


@njit(cache=True)
def _claim(cells, fractions, radii, reaches, owner, score):
    """Give every cell to the halo of the smallest power distance; the earlier one where two are equal."""
    n = owner.shape[0]
    for halo in range(len(cells)):
        fx, fy, fz = fractions[halo]
        squared_radius, limit = radii[halo] ** 2, reaches[halo] ** 2
        k = int(reaches[halo] + 1)
        for i in range(-k, k + 1):
            x = (cells[halo, 0] + i) % n
            for j in range(-k, k + 1):
                y = (cells[halo, 1] + j) % n
                across = (i - fx) ** 2 + (j - fy) ** 2
                if across > limit:
                    continue
                for m in range(-k, k + 1):
                    distance = across + (m - fz) ** 2
                    z = (cells[halo, 2] + m) % n
                    power = np.float32(distance - squared_radius)
                    if distance <= limit and power < score[x, y, z]:
                        score[x, y, z], owner[x, y, z] = power, halo


@njit(cache=True)
def _collect(probability, cells, fractions, reaches, owner):
    """Volume of each halo, and the sum of probability times offset from its centre, shape (haloes, 3)."""
    n = owner.shape[0]
    volumes, moments = np.zeros(len(cells)), np.zeros((len(cells), 3))
    for halo in range(len(cells)):
        fx, fy, fz = fractions[halo]
        k = int(reaches[halo] + 1)
        for i in range(-k, k + 1):
            x = (cells[halo, 0] + i) % n
            for j in range(-k, k + 1):
                y = (cells[halo, 1] + j) % n
                for m in range(-k, k + 1):
                    z = (cells[halo, 2] + m) % n
                    if owner[x, y, z] == halo:
                        value = np.float64(probability[x, y, z])
                        volumes[halo] += value
                        moments[halo, 0] += value * (i - fx)
                        moments[halo, 1] += value * (j - fy)
                        moments[halo, 2] += value * (m - fz)
    return volumes, moments
