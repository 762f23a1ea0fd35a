"""Spherical overdensity: particles, members or not, within the sphere around a halo whose mean density is a threshold.

The sphere grows from the densest member until the mean density of what it holds falls below the threshold for the first
time (Lacey & Cole 1994).
"""

import numpy as np
from numba import njit

from halonet.friends_of_friends.columns import UNIT, Columns
from halonet.friends_of_friends.members import Members

LEAST_PARTICLES = 10  # the mean density of fewer is noise, and no reason for a sphere to end
FIRST_REACH = 1.3  # radius that is searched first, in that of a sphere of as many particles at the threshold
GROWTH = 1.4  # of that radius where the density has not fallen below the threshold
_SPHERE = 4 / 3 * np.pi


def densest_members(members: Members, friends: np.ndarray) -> np.ndarray:
    """Member with the most friends of every halo, of equals the first, int64 of shape (haloes,).

    ``friends`` are those of all particles that ``members.rows`` count; members are numbered as they stand in these.
    """
    densest = np.empty(len(members.counts), np.int64)
    _densest(members.rows, members.starts, friends, densest)
    return densest


@njit(cache=True)
def _densest(rows, starts, friends, densest):
    for halo in range(len(densest)):
        best = starts[halo]
        for m in range(starts[halo], starts[halo + 1]):
            if friends[rows[m]] > friends[rows[best]]:
                best = m
        densest[halo] = best


def particles_within(columns: Columns, centres: np.ndarray, counts: np.ndarray, thresholds: list[float]) -> np.ndarray:
    """Numbers of particles within spheres of mean densities ``thresholds`` around each centre.

    Parameters
    ----------
    centres
        In units of 2^-20 cells, uint32 of shape (haloes, 3).
    counts
        Members of every halo, from which the search starts.
    thresholds
        Mean densities in units of that of all particles, rising.

    Returns
    -------
    int64 of shape (thresholds, haloes).
    """
    return search_within(columns, centres, counts, thresholds, np.inf)[0]


def search_within(
    columns: Columns, centres: np.ndarray, counts: np.ndarray, thresholds: list[float], reach: float
) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`particles_within`, where only particles within ``reach`` (cells) of the centres are there.

    Beside the numbers come the radii that were not searched, as they are larger (cells), 0 where the search has ended;
    shape (haloes,). These haloes have no numbers.
    """
    found, beyond = np.zeros((len(thresholds), len(centres)), np.int64), np.zeros(len(centres))
    levels, shape = np.asarray(thresholds, np.float64), (columns.first, columns.across, columns.side)
    _grow(
        columns.positions, columns.starts, shape, columns.period, centres, counts.astype(np.int64), levels, reach,
        found, beyond,
    )  # fmt: skip
    return found, beyond


def first_radii(counts: np.ndarray, threshold: float) -> np.ndarray:
    """Radii that are searched first (cells), from the numbers of members."""
    return FIRST_REACH * (counts / (_SPHERE * threshold)) ** (1 / 3)


@njit(cache=True)
def _grow(positions, starts, shape, period, centres, counts, thresholds, reach, found, beyond):
    side = shape[2]
    largest = (period / 2 - period / side) / UNIT
    for halo in range(len(centres)):
        radius = min(FIRST_REACH * (counts[halo] / (_SPHERE * thresholds[0])) ** (1 / 3), largest)
        while True:
            if radius > reach:
                beyond[halo] = radius
                break
            distances = np.sort(_distances(positions, starts, shape, period, centres[halo], radius * UNIT)) / UNIT
            ended = True
            for level in range(len(thresholds)):
                number = _first_below(distances, thresholds[level] * _SPHERE)
                found[level, halo] = min(number, len(distances))
                ended = ended and number <= len(distances)
            if ended or radius >= largest:
                break
            radius = min(GROWTH * radius, largest)


@njit(cache=True)
def _first_below(distances, volume_density):
    """Particles within the first sphere whose density is below the threshold; one more than all if there is none."""
    for k in range(LEAST_PARTICLES, len(distances)):
        if k + 1 < volume_density * distances[k] ** 3:
            return k
    return len(distances) + 1


@njit(cache=True)
def _distances(positions, starts, shape, period, centre, radius):
    """Distances of all particles within ``radius`` of a centre, in the unit of positions."""
    near = np.empty(64)
    count = 0
    first_column, across, side = shape
    width = period / side
    reach = int(np.ceil(radius / width))
    x, y, z = np.int64(centre[0]), np.int64(centre[1]), np.int64(centre[2])
    i, j = x * side // period, y * side // period
    limit = np.int64(np.ceil(radius))
    for di in range(-reach, reach + 1):
        row = (i + di - first_column) % side
        if row >= across:
            continue  # beyond the part: farther away than the radius
        for dj in range(-reach, reach + 1):
            column = row * side + (j + dj) % side
            first, last = starts[column], starts[column + 1]
            for shift in (-period, 0, period):
                m = _first_from(positions, first, last, z - limit + shift)
                while m < last and np.int64(positions[m, 2]) <= z + limit + shift:
                    dx, dy = abs(np.int64(positions[m, 0]) - x), abs(np.int64(positions[m, 1]) - y)
                    dx, dy, dz = min(dx, period - dx), min(dy, period - dy), np.int64(positions[m, 2]) - z - shift
                    distance = np.sqrt(np.float64(dx * dx + dy * dy + dz * dz))
                    if distance <= radius:
                        if count == len(near):
                            larger = np.empty(2 * count)
                            larger[:count] = near
                            near = larger
                        near[count] = distance
                        count += 1
                    m += 1
    return near[:count]


@njit(cache=True)
def _first_from(positions, first, last, z):
    """First of the sorted particles ``first`` to ``last`` whose z is not below a limit."""
    while first < last:
        middle = (first + last) // 2
        if np.int64(positions[middle, 2]) < z:
            first = middle + 1
        else:
            last = middle
    return first
