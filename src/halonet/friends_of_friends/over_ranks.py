"""Friends of friends over ranks: each links its part of the box; then they agree on the groups that reach further.

Of two friends in the planes of different ranks either rank has both, since parts overlap by the linking length. So a
rank knows all friends of its own particles, and the groups of the box are those of the parts joined by the particles
that parts share. Every group takes the smallest index that any rank knows of it, until no rank learns of a smaller one.
"""

from dataclasses import dataclass

import numpy as np

from halonet.friends_of_friends.columns import UNIT, sort_into_columns
from halonet.friends_of_friends.groups import find_groups
from halonet.friends_of_friends.members import Members
from halonet.friends_of_friends.parts import Part, fetch_part
from halonet.friends_of_friends.spherical_overdensity import GROWTH, first_radii, search_within
from halonet.grid.fixed_point import FRACTION_BITS
from halonet.grid.lists import send_rows
from halonet.grid.slabs import Slabs


def find_groups_of_slabs(slabs: Slabs, positions: np.ndarray, linking_length: float) -> tuple[np.ndarray, np.ndarray]:
    """Groups of the particles of a box; collective.

    Parameters
    ----------
    positions
        Of the particles of this rank's Lagrangian cells, in units of 2^-20 cells, uint32 of shape (n, 3).
    linking_length
        Largest distance of two friends (cells).

    Returns
    -------
    roots, friends
        Smallest index in the box of each particle's group, int64, and its number of friends, int32; shape (n,).
    """
    part = fetch_part(slabs, positions, int(np.ceil(linking_length * UNIT)))
    groups = find_groups(part.positions, slabs.cells, linking_length, part.ends)
    agreed = _agreed(slabs, part, groups.roots)
    owners = slabs.owners[part.indices[part.own] // slabs.cells**2]
    rows = [part.own[owners == rank] for rank in range(slabs.ranks)]
    indices, roots, friends = send_rows(slabs, rows, [part.indices, agreed, groups.friends])
    order = np.empty(len(positions), np.int64)
    order[indices - slabs.start * slabs.cells**2] = np.arange(len(indices))
    return roots[order], friends[order]


def _agreed(slabs: Slabs, part: Part, roots: np.ndarray) -> np.ndarray:
    """Smallest index in the box of the group of every particle of a part, from the rows of the roots that it knows."""
    smallest, borrowed = part.indices.copy(), np.concatenate(part.borrowed)
    while True:
        (said,) = send_rows(slabs, part.lent, [smallest[roots]])
        new = said < smallest[roots[borrowed]]
        if not any(slabs.communicator.allgather(bool(new.any()))):
            return smallest[roots]
        np.minimum.at(smallest, roots[borrowed[new]], said[new])


@dataclass(frozen=True)
class Gathered:
    """Haloes whose smallest index is in this rank's Lagrangian cells, with all their members.

    Attributes
    ----------
    members
        In the order of their smallest indices.
    displacements, velocities, friends
        Of all particles that were sent, which ``members.rows`` count: float32 of shape (n, 3), int32 of shape (n,).
    """

    members: Members
    displacements: np.ndarray
    velocities: np.ndarray
    friends: np.ndarray


def gather_members(
    slabs: Slabs,
    roots: np.ndarray,
    friends: np.ndarray,
    fields: tuple[np.ndarray, np.ndarray],
    minimum: int,
) -> Gathered:
    """Bring the members of every group of at least ``minimum`` to the rank of its smallest index; collective.

    Parameters
    ----------
    roots, friends
        As :func:`find_groups_of_slabs` gives them.
    fields
        Displacements and velocities of the particles of this rank's Lagrangian cells, float32 of shape (n, 3).
    """
    candidates = np.flatnonzero(friends) if minimum > 1 else np.arange(len(friends))
    homes = slabs.owners[roots[candidates] // slabs.cells**2]
    rows = [candidates[homes == rank] for rank in range(slabs.ranks)]
    first = slabs.start * slabs.cells**2
    columns = (roots, first + np.arange(len(roots)), *fields, friends)
    roots, indices, displacements, velocities, friends = send_rows(slabs, rows, columns)
    order = np.argsort(roots, kind="stable")  # of a group the indices stay in rising order
    counts = np.unique(roots, return_counts=True)[1]
    kept = counts >= minimum
    order = order[np.repeat(kept, counts)]
    starts = np.concatenate([[0], np.cumsum(counts[kept])])
    return Gathered(Members(indices[order], starts, order), displacements, velocities, friends)


def particles_within_of_slabs(
    slabs: Slabs,
    positions: np.ndarray,
    centres: np.ndarray,
    counts: np.ndarray,
    thresholds: list[float],
    width: float,
) -> np.ndarray:
    """As :func:`halonet.friends_of_friends.spherical_overdensity.particles_within`, for each rank's own; collective.

    Parameters
    ----------
    positions
        Of the particles of this rank's Lagrangian cells, uint32 of shape (n, 3).
    centres, counts
        Of this rank's haloes, wherever they are.
    width
        Of the columns that particles are sorted into (cells).
    """
    there = slabs.owners[centres[:, 0].astype(np.int64) >> FRACTION_BITS]
    rows = [np.flatnonzero(there == rank) for rank in range(slabs.ranks)]
    numbers = slabs.communicator.alltoall([len(own) for own in rows])
    centres, counts = send_rows(slabs, rows, [centres, np.asarray(counts, np.int64)])
    found = np.zeros((len(counts), len(thresholds)), np.int64)
    todo, wanted = np.arange(len(counts)), GROWTH * first_radii(counts, thresholds[0])
    while (reach := slabs.largest(wanted)) > 0:
        part = fetch_part(slabs, positions, int(np.ceil(reach * UNIT)))
        columns = sort_into_columns(part.positions, slabs.cells, width, part.ends)
        ended, beyond = search_within(columns, centres[todo], counts[todo], thresholds, reach)
        found[todo] = ended.T
        todo, wanted = todo[beyond > 0], GROWTH * beyond[beyond > 0]
    ends = np.cumsum(numbers)
    back = [np.arange(end - number, end) for end, number in zip(ends, numbers, strict=True)]
    (found,) = send_rows(slabs, back, [found])
    result = np.empty((len(there), len(thresholds)), np.int64)
    result[np.concatenate(rows)] = found
    return result.T
