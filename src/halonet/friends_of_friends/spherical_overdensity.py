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


def densest_members(members: Members, friends: np.ndarray) -> np.ndarray:
    """Member with the most friends of every halo, of equals the first, int64 of shape (haloes,)."""
    densest = np.empty(len(members.counts), np.int64)
    _densest(members.particles, members.starts, friends, densest)
    return densest


@njit(cache=True)
def _densest(particles, starts, friends, densest):
    for halo in range(len(densest)):
        best = particles[starts[halo]]
        for m in range(starts[halo], starts[halo + 1]):
            if friends[particles[m]] > friends[best]:
                best = particles[m]
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
    found = np.zeros((len(thresholds), len(centres)), np.int64)
    levels = np.asarray(thresholds, np.float64)
    _grow(
        columns.positions, columns.starts, columns.side, columns.period, centres, counts.astype(np.int64), levels, found
    )  # fmt: skip
    return found


@njit(cache=True)
def _grow(positions, starts, side, period, centres, counts, thresholds, found):
    sphere = 4 / 3 * np.pi
    largest = (period / 2 - period / side) / UNIT
    for halo in range(len(centres)):
        radius = min(FIRST_REACH * (counts[halo] / (sphere * thresholds[0])) ** (1 / 3), largest)
        while True:
            distances = np.sort(_distances(positions, starts, side, period, centres[halo], radius * UNIT)) / UNIT
            ended = True
            for level in range(len(thresholds)):
                number = _first_below(distances, thresholds[level] * sphere)
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
def _distances(positions, starts, side, period, centre, radius):
    """Distances of all particles within ``radius`` of a centre, in the unit of positions."""
    near = np.empty(64)
    count = 0
    width = period / side
    reach = int(np.ceil(radius / width))
    x, y, z = np.int64(centre[0]), np.int64(centre[1]), np.int64(centre[2])
    i, j = x * side // period, y * side // period
    limit = np.int64(np.ceil(radius))
    for di in range(-reach, reach + 1):
        for dj in range(-reach, reach + 1):
            column = (i + di) % side * side + (j + dj) % side
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
