"""Friends of friends over ranks: each links its part of the box; then they agree on the groups that reach further.

Of two friends in the planes of different ranks either rank has both, since parts overlap by the linking length. So a
rank knows all friends of its own particles, and the groups of the box are those of the parts joined by the particles
that parts share. Every group takes the smallest index that any rank knows of it, until no rank learns of a smaller one.
"""

from dataclasses import dataclass

import numpy as np

from halonet.friends_of_friends.columns import UNIT, sort_into_columns
from halonet.friends_of_friends.groups import link
from halonet.friends_of_friends.members import Members
from halonet.friends_of_friends.parts import Part, ends_of_parts, fetch_part, fetch_positions
from halonet.friends_of_friends.spherical_overdensity import GROWTH, first_radii, search_within
from halonet.grid.fixed_point import FRACTION_BITS
from halonet.grid.lists import send_rows
from halonet.grid.slabs import Slabs
from halonet.particles import Particles


def find_groups_of_slabs(slabs: Slabs, particles: Particles, linking_length: float) -> tuple[np.ndarray, np.ndarray]:
    """Groups of the particles of a box; collective.

    Parameters
    ----------
    particles
        Of this rank's Lagrangian cells.
    linking_length
        Largest distance of two friends (cells).

    Returns
    -------
    roots, friends
        Smallest index in the box of each particle's group, of :func:`halonet.friends_of_friends.parts.index_type`, and
        its number of friends, int32; shape (n,).
    """
    part, positions = fetch_part(slabs, particles, int(np.ceil(linking_length * UNIT)))
    columns = sort_into_columns(positions, slabs.cells, linking_length, part.ends)
    del positions
    groups = link(columns, linking_length)
    roots, friends = _agreed(slabs, part, groups.roots), groups.friends
    del columns, groups
    rows = _by_home(slabs, part.indices, part.own)
    indices, roots, friends = send_rows(slabs, rows, [part.indices, roots, friends])
    del part, rows
    places = indices - indices.dtype.type(slabs.start * slabs.cells**2)
    return _placed(roots, places), _placed(friends, places)


def _placed(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    placed = np.empty_like(values)
    placed[places] = values
    return placed


def _by_home(slabs: Slabs, indices: np.ndarray, rows: np.ndarray) -> list[np.ndarray]:
    """Some rows by the rank of the Lagrangian cells of their indices."""
    homes = slabs.owners.astype(np.int32)[indices[rows] // slabs.cells**2]
    return [rows[homes == rank] for rank in range(slabs.ranks)]


def _agreed(slabs: Slabs, part: Part, roots: np.ndarray) -> np.ndarray:
    """Smallest index in the box of the group of every particle of a part, from the rows of the roots that it knows."""
    smallest, borrowed = part.indices.copy(), np.concatenate(part.borrowed)
    np.minimum.at(smallest, roots, part.indices)
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
    haloes = _large(slabs, roots, friends, minimum)
    inside = np.isin(roots, haloes)
    rows = _by_home(slabs, roots, np.flatnonzero(inside).astype(np.int32))
    first = slabs.start * slabs.cells**2
    indices = np.arange(first, first + len(roots), dtype=roots.dtype)
    roots, indices = send_rows(slabs, rows, [roots, indices])
    order = np.argsort(roots, kind="stable").astype(np.int32)  # of a group the indices stay in rising order
    starts = np.concatenate([[0], np.cumsum(np.unique(roots, return_counts=True)[1])])
    members = Members(indices[order], starts, order)
    del roots, indices
    return Gathered(members, *send_rows(slabs, rows, [*fields, friends]))


def _large(slabs: Slabs, roots: np.ndarray, friends: np.ndarray, minimum: int) -> np.ndarray:
    """Roots of those groups with particles of this rank that have at least ``minimum`` of all ranks; collective."""
    own, counts = np.unique(roots[friends > 0] if minimum > 1 else roots, return_counts=True)
    rows = _by_home(slabs, own, np.arange(len(own)))
    back = _way_back(slabs, rows)
    asked, parts = send_rows(slabs, rows, [own, counts])
    _, group, counts = np.unique(asked, return_inverse=True, return_counts=True)
    totals = np.bincount(group, weights=parts, minlength=len(counts))
    (large,) = send_rows(slabs, back, [totals[group] >= minimum])
    return own[np.concatenate(rows)[large]]


def _way_back(slabs: Slabs, rows: list[np.ndarray]) -> list[np.ndarray]:
    """Rows by which answers to what :func:`halonet.grid.lists.send_rows` sends of ``rows`` go to who asked."""
    numbers = slabs.communicator.alltoall([len(own) for own in rows])
    ends = np.cumsum(numbers)
    return [np.arange(end - number, end) for end, number in zip(ends, numbers, strict=True)]


def particles_within_of_slabs(
    slabs: Slabs,
    particles: Particles,
    centres: np.ndarray,
    counts: np.ndarray,
    thresholds: list[float],
    width: float,
) -> np.ndarray:
    """As :func:`halonet.friends_of_friends.spherical_overdensity.particles_within`, for each rank's own; collective.

    Parameters
    ----------
    particles
        Of this rank's Lagrangian cells.
    centres, counts
        Of this rank's haloes, wherever they are.
    width
        Of the columns that particles are sorted into (cells).
    """
    there = slabs.owners[centres[:, 0].astype(np.int64) >> FRACTION_BITS]
    rows = [np.flatnonzero(there == rank) for rank in range(slabs.ranks)]
    back = _way_back(slabs, rows)
    centres, counts = send_rows(slabs, rows, [centres, np.asarray(counts, np.int64)])
    found = np.zeros((len(counts), len(thresholds)), np.int64)
    todo, wanted = np.arange(len(counts)), GROWTH * first_radii(counts, thresholds[0])
    while (reach := slabs.largest(wanted)) > 0:
        margin = int(np.ceil(reach * UNIT))
        (positions,) = fetch_positions(slabs, particles, margin)
        columns = sort_into_columns(positions, slabs.cells, width, ends_of_parts(slabs, margin)[slabs.rank])
        del positions
        ended, beyond = search_within(columns, centres[todo], counts[todo], thresholds, reach)
        found[todo] = ended.T
        todo, wanted = todo[beyond > 0], GROWTH * beyond[beyond > 0]
        del columns
    (found,) = send_rows(slabs, back, [found])
    result = np.empty((len(there), len(thresholds)), np.int64)
    result[np.concatenate(rows)] = found
    return result.T
