"""Connected regions of slabs over ranks: those of one process (:mod:`halonet.halo_finding.paper.regions`).

Each rank floods the fragments of regions in its planes. Fragments that meet across a border of slabs are one region.
Ranks tell each other the labels of their outermost planes, and lists: size, weight and centre of every fragment, and of
one that reaches a border how many of its cells are in each plane of each axis, from which the centre of the region
follows. All of it is integers, whose sums know no order.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from halonet.grid.scratch import zeros
from halonet.grid.slabs import Slabs
from halonet.halo_finding.paper.regions import PROBABILITY_STEPS, Regions, nearest_centre

SIZE, WEIGHT, FIRST, CENTRE, TOUCHES = 0, 1, 2, slice(3, 6), 6  # columns of fragments


@dataclass(frozen=True)
class _Arcs:
    """Cells per plane of fragments at borders: number of the fragment, axis, first plane and planes, and counts."""

    spans: np.ndarray
    counts: np.ndarray


def regions_of_slabs(probability: np.ndarray, claimed: np.ndarray, threshold: float, slabs: Slabs) -> Regions:
    """All regions of the box on every rank, from this rank's planes, shape (planes, N, N); collective."""
    candidates = zeros(probability.shape, bool)
    for plane, probable, taken in zip(candidates, probability, claimed, strict=True):
        plane[...] = (probable > np.float32(threshold)) & ~taken
    faces = np.full((2, slabs.cells, slabs.cells), -1, np.int64)
    stack = np.empty(np.count_nonzero(candidates) + 1, np.int64)
    own, spans, counts = _flood_slab(
        probability, *slabs.neighbour_planes(probability), candidates, slabs.start, stack, faces
    )
    before = slabs.gather(np.array([len(own)]))[: slabs.rank].sum()
    spans[:, 0] += before
    faces[faces >= 0] += before
    below, _ = slabs.neighbour_planes(faces)
    met = (below >= 0) & (faces[0] >= 0)
    pairs = np.unique(np.stack([below[met], faces[0][met]], axis=1), axis=0)
    return _joined(
        slabs.gather(own), slabs.gather(pairs), _Arcs(slabs.gather(spans), slabs.gather(counts)), slabs.cells
    )


def _joined(fragments: np.ndarray, pairs: np.ndarray, arcs: _Arcs, n: int) -> Regions:
    """Regions of fragments, of which ``pairs`` belong together."""
    number = len(fragments)
    links = coo_matrix((np.ones(len(pairs), bool), pairs.T), shape=(number, number))
    regions, region = connected_components(links, directed=False) if number else (0, np.empty(0, np.int64))
    sizes, weights = np.zeros((2, regions), np.int64)
    np.add.at(sizes, region, fragments[:, SIZE])
    np.add.at(weights, region, fragments[:, WEIGHT])
    first = np.full(regions, n**3)
    np.minimum.at(first, region, fragments[:, FIRST])
    centres = np.empty((regions, 3), np.int64)
    centres[region] = fragments[:, CENTRE]
    _centre_joined(centres, sizes, first, region, np.bincount(region, minlength=regions), arcs, n)
    order = np.lexsort((first, -weights, -sizes))
    return Regions(centres[order], sizes[order])


def _centre_joined(
    centres: np.ndarray,
    sizes: np.ndarray,
    first: np.ndarray,
    region: np.ndarray,
    members: np.ndarray,
    arcs: _Arcs,
    n: int,
) -> None:
    """Centres of the regions of several fragments, in place."""
    of_span = region[arcs.spans[:, 0]]
    ends = np.cumsum(arcs.spans[:, 3])
    rows = np.flatnonzero(members[of_span] > 1)
    rows = rows[np.argsort(of_span[rows], kind="stable")]
    joined, starts = np.unique(of_span[rows], return_index=True)
    along = np.zeros((3, n), np.int64)
    for one, some in zip(joined.tolist(), np.split(rows, starts[1:]), strict=False):
        for row in some.tolist():
            _, axis, start, length = arcs.spans[row].tolist()
            planes = np.arange(start, start + length) % n
            along[axis, planes] += arcs.counts[ends[row] - length : ends[row]]
        origin = np.unravel_index(first[one], (n, n, n))
        for axis in range(3):  # which empties them
            centres[one, axis] = nearest_centre(along[axis], origin[axis], sizes[one])


@njit(cache=True)
def _flood_slab(probability, below, above, candidates, first_plane, stack, faces):
    """Fragments, spans and counts; ``candidates`` is consumed, and labels are left in ``faces``."""
    planes, n, _ = candidates.shape
    counts = np.zeros((3, n), np.int64)
    fragments, spans, arcs = [(0, 0, 0, 0, 0, 0, 0)], [(0, 0, 0, 0)], [0]  # numba learns their types from the first
    origin = np.empty(3, np.int64)
    for x in range(planes):
        for y in range(n):
            for z in range(n):
                if not candidates[x, y, z]:
                    continue
                label = len(fragments) - 1
                place = (first_plane, label)
                size, weight, touches = _flood_fragment(
                    probability, below, above, candidates, place, (x * n + y) * n + z, stack, counts, faces
                )
                origin[0], origin[1], origin[2] = x + first_plane, y, z
                if touches:
                    for axis in range(3):
                        _add_arc(counts[axis], origin[axis], label, axis, spans, arcs)
                cx, cy = nearest_centre(counts[0], origin[0], size), nearest_centre(counts[1], origin[1], size)
                cz, lowest = nearest_centre(counts[2], origin[2], size), ((x + first_plane) * n + y) * n + z
                fragments.append((size, weight, lowest, cx, cy, cz, touches))
    return _table(fragments, 7), _table(spans, 4), np.array(arcs[1:])


@njit(cache=True)
def _table(rows, width):
    """Rows but for the first as an array."""
    table = np.empty((len(rows) - 1, width), np.int64)
    for i in range(1, len(rows)):
        for j in range(width):
            table[i - 1, j] = rows[i][j]
    return table


@njit(cache=True)
def _add_arc(counts, origin, label, axis, spans, arcs):
    """Note the planes around ``origin`` that a fragment has cells in."""
    n, low, high = counts.size, 0, 0
    while low < n - 1 and counts[(origin - low - 1) % n]:
        low += 1
    while high < n - 1 - low and counts[(origin + high + 1) % n]:
        high += 1
    spans.append((label, axis, origin - low, low + high + 1))
    for plane in range(origin - low, origin + high + 1):
        arcs.append(counts[plane % n])


@njit(cache=True)
def _flood_fragment(probability, below, above, candidates, place, start, stack, counts, faces):
    """As for a whole box, but not across the borders of the slab."""
    planes, n, _ = candidates.shape
    first_plane, label = place
    top, size, weight, touches = 1, 0, 0, 0
    stack[0] = start
    candidates[start // (n * n), start // n % n, start % n] = False
    while top:
        top -= 1
        cell = stack[top]
        x, y, z = cell // (n * n), cell // n % n, cell % n
        size += 1
        counts[0, x + first_plane] += 1
        counts[1, y] += 1
        counts[2, z] += 1
        if x == 0:
            faces[0, y, z], touches = label, 1
        if x == planes - 1:
            faces[1, y, z], touches = label, 1
        for face in range(6):
            i, j, k = x, y, z
            step = 1 if face < 3 else n - 1
            if face % 3 == 0:
                i = x + (1 if face < 3 else -1)
            elif face % 3 == 1:
                j = (y + step) % n
            else:
                k = (z + step) % n
            if i < 0:
                there = below[j, k]
            elif i == planes:
                there = above[j, k]
            else:
                there = probability[i, j, k]
                if candidates[i, j, k]:
                    candidates[i, j, k] = False
                    stack[top] = (i * n + j) * n + k
                    top += 1
            weight += np.int64(there * np.float64(PROBABILITY_STEPS))
    return size, weight, touches
