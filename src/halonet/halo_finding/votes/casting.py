"""Casting votes: every cell points to the centre of its halo.

Votes of nearly the same radius that fall into one cell are one from there on, with their moments: a quarter of the
number, and where exactly in the cell they fall is kept on average. Over ranks each has the votes that fall into its
planes, whoever has the cells that cast them.

Sums over votes are taken in integers (fixed-point numbers), whose order does not matter: a box shifted by whole cells
gives the shifted sums to the last bit, and so does any number of threads and ranks.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numba import njit

from halonet.grid.halves import as_float32
from halonet.grid.lists import send_rows
from halonet.grid.slabs import Slabs
from halonet.grid.threads import in_threads
from halonet.halo_finding.votes.fields import HeadFields

UNIT = 1 << 30  # fixed-point unit of sums over votes
THREADS = 2  # among which sums over votes are shared
# Of votes: 1.5 to 55 cells, beyond any halo, as untrained networks may say.
LOG_RADII = (np.float32(0.4), np.float32(4.0))
SAME_LOG_RADIUS = np.float32(0.15)  # width of bins of ln radius, as much as networks err: 25 bins, bits of an integer


@dataclass(frozen=True)
class Votes:
    """Votes for cells of a periodic box, those of one cell and nearly one radius together; one entry (row) for each.

    Attributes
    ----------
    cells
        Cell that is voted for, int32 of shape (votes, 3).
    rests
        Mean vector from its centre to the position that is voted for (cells), float32 of shape (votes, 3).
    log_radius
        Mean natural logarithm of the predicted radius in cells, float32.
    moments
        Sums over the cells that vote, in units of 1 / :data:`UNIT`, int64 of shape (votes, 7): probability p, p times
        rest (3), p ln radius, p rest^2 and p (ln radius)^2.
    grid_cells
        Cells along a side of the box.
    """

    cells: np.ndarray
    rests: np.ndarray
    log_radius: np.ndarray
    moments: np.ndarray
    grid_cells: int

    def __len__(self) -> int:
        return len(self.log_radius)

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """All but the size of the box, as compiled loops take it."""
        return self.cells, self.rests, self.log_radius, self.moments


def cast_votes(fields: HeadFields, least_probability: float, slabs: Slabs | None = None) -> Votes:
    """Votes of all cells of at least ``least_probability`` for this rank's cells; collective.

    Memory: 8 bytes per cell beside the votes.
    """
    slabs, least = slabs or Slabs(len(fields.probability)), np.float32(least_probability)
    n, count = slabs.cells, slabs.planes * slabs.cells**2
    visitors = _visitors(fields, slabs, least) if slabs.ranks > 1 else None
    bins = np.zeros(count, np.uint32)  # of ln radius that votes for a cell have, each a bit
    _share(fields, slabs, visitors, _mark, _mark_visitors, least, bins)
    numbers = np.bitwise_count(bins)
    ends = np.cumsum(numbers, dtype=np.int32)
    moments = np.zeros((ends[-1], 7), np.int64)
    _share(fields, slabs, visitors, _add, _add_visitors, least, bins, ends, moments)
    voted = np.flatnonzero(bins)
    cells = np.stack(np.unravel_index(np.repeat(voted, numbers[voted]), slabs.shape), axis=1).astype(np.int32)
    cells[:, 0] += slabs.start
    means = (moments[:, 1:5] / np.maximum(moments[:, :1], 1)).astype(np.float32)
    return Votes(cells, means[:, :3], means[:, 3], moments, n)


def _share(
    fields: HeadFields,
    slabs: Slabs,
    visitors: tuple[np.ndarray, ...] | None,
    of_plane: Callable[..., object],
    of_visitors: Callable[..., object],
    *arguments: object,
) -> None:
    """Go through all votes in several threads, each of which works on those for cells in planes of its own."""
    reach = _reach(fields, slabs.threads)

    def work(own: tuple[int, int]) -> None:
        place = (own, slabs.start, slabs.cells)
        # Each looks only at planes whose votes may fall into its own.
        first, count = own[0] - slabs.start - reach, own[1] - own[0] + 2 * reach
        seen = (np.arange(slabs.planes) - first) % slabs.cells < count
        for x, *plane in _planes(fields, np.flatnonzero(seen)):
            of_plane(slabs.start + x, *plane, *place, *arguments)
        if visitors is not None:
            of_visitors(*visitors, *place, *arguments)

    cuts = slabs.start + np.linspace(0, slabs.planes, THREADS + 1).astype(int)
    in_threads(work, pairwise(cuts), THREADS)


def _reach(fields: HeadFields, threads: int) -> int:
    """Planes that a vote may cross."""
    farthest = np.zeros(len(fields.probability))

    def look(plane: int) -> None:
        along = as_float32(fields.centre_offset[plane, ..., 0])
        farthest[plane] = max(along.max(), -along.min())

    in_threads(look, range(len(farthest)), threads)
    return int(min(farthest.max(initial=0.0), fields.probability.shape[1])) + 1


def _planes(
    fields: HeadFields, planes: Iterable[int] | None = None
) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """Number, probability, offsets and ln radius of planes; conversions of whole fields would take more memory."""
    for x in range(len(fields.probability)) if planes is None else planes:
        yield x, fields.probability[x], as_float32(fields.centre_offset[x]), log_radii(fields, x)


def _visitors(fields: HeadFields, slabs: Slabs, least: np.float32) -> tuple[np.ndarray, ...]:
    """Votes that cells of other ranks cast for this rank's: cells, probabilities, offsets, ln radii; collective."""
    columns: list[list[np.ndarray]] = [[], [], [], []]
    for x, probability, offset, log_radius in _planes(fields):
        plane = (slabs.start + x + np.floor(offset[..., 0] + np.float32(0.5)).astype(np.int64)) % slabs.cells
        abroad = (probability >= least) & ((plane < slabs.start) | (plane >= slabs.stop))
        y, z = np.nonzero(abroad)
        cells = np.stack([np.full(len(y), slabs.start + x), y, z], axis=1).astype(np.int32)
        for column, part in zip(columns, (cells, probability[abroad], offset[abroad], log_radius[abroad]), strict=True):
            column.append(part)
    cells, probability, offset, log_radius = (np.concatenate(parts) for parts in columns)
    planes = (cells[:, 0] + np.floor(offset[:, 0] + np.float32(0.5)).astype(np.int64)) % slabs.cells
    owners = slabs.owners[planes]
    rows = [np.flatnonzero(owners == rank) for rank in range(slabs.ranks)]
    return tuple(send_rows(slabs, rows, (cells, probability, offset, log_radius)))


@njit(cache=True, nogil=True)
def _voted(y, z, plane, offset, log_radius, n):
    """Cell that a cell votes for, in a plane that is known, as one number, and the bin of its ln radius."""
    flat = (plane * n + (y + _nearest(offset[1])) % n) * n + (z + _nearest(offset[2])) % n
    return flat, np.uint32((log_radius - LOG_RADII[0]) / SAME_LOG_RADIUS)


@njit(cache=True, nogil=True)
def _nearest(step):
    return np.int64(np.floor(step + np.float32(0.5)))  # which does not depend on where the box begins


@njit(cache=True, nogil=True)
def _mark(x, probability, offset, log_radius, planes, first, n, least, bins):
    for y in range(n):
        for z in range(n):
            plane = (x + _nearest(offset[y, z, 0])) % n
            if probability[y, z] >= least and planes[0] <= plane < planes[1]:
                flat, bin_ = _voted(y, z, plane - first, offset[y, z], log_radius[y, z], n)
                bins[flat] |= np.uint32(1) << bin_


@njit(cache=True, nogil=True)
def _mark_visitors(cells, probability, offset, log_radius, planes, first, n, least, bins):
    for vote in range(len(cells)):
        plane = (cells[vote, 0] + _nearest(offset[vote, 0])) % n
        if planes[0] <= plane < planes[1]:
            flat, bin_ = _voted(cells[vote, 1], cells[vote, 2], plane - first, offset[vote], log_radius[vote], n)
            bins[flat] |= np.uint32(1) << bin_


@njit(cache=True, nogil=True)
def _add(x, probability, offset, log_radius, planes, first, n, least, bins, ends, moments):
    rest = np.empty(3)
    for y in range(n):
        for z in range(n):
            plane = (x + _nearest(offset[y, z, 0])) % n
            if probability[y, z] >= least and planes[0] <= plane < planes[1]:
                flat, bin_ = _voted(y, z, plane - first, offset[y, z], log_radius[y, z], n)
                vote = (probability[y, z], offset[y, z], log_radius[y, z])
                _add_one(flat, bin_, vote, bins, ends, moments, rest)


@njit(cache=True, nogil=True)
def _add_visitors(cells, probability, offset, log_radius, planes, first, n, least, bins, ends, moments):
    rest = np.empty(3)
    for row in range(len(cells)):
        plane = (cells[row, 0] + _nearest(offset[row, 0])) % n
        if planes[0] <= plane < planes[1]:
            flat, bin_ = _voted(cells[row, 1], cells[row, 2], plane - first, offset[row], log_radius[row], n)
            vote = (probability[row], offset[row], log_radius[row])
            _add_one(flat, bin_, vote, bins, ends, moments, rest)


@njit(cache=True, nogil=True)
def _add_one(flat, bin_, vote, bins, ends, moments, rest):
    """Add a vote, probability, offset and ln radius, to the row of its cell and bin; ``rest`` is room to work in."""
    probability, offset, log_radius = vote
    row, others = ends[flat] - 1, bins[flat] >> (bin_ + np.uint32(1))
    while others:  # bins of larger radii come after it
        row -= others & np.uint32(1)
        others >>= np.uint32(1)
    p, here = UNIT * np.float64(probability), np.float64(log_radius)
    for axis in range(3):
        rest[axis] = offset[axis] - _nearest(offset[axis])
        moments[row, 1 + axis] += np.int64(np.floor(p * rest[axis]))
    moments[row, 0] += np.int64(p)
    moments[row, 4] += np.int64(np.floor(p * here))
    moments[row, 5] += np.int64(p * (rest[0] ** 2 + rest[1] ** 2 + rest[2] ** 2))
    moments[row, 6] += np.int64(p * here**2)


def log_radii(fields: HeadFields, cells: int | tuple[np.ndarray, ...]) -> np.ndarray:
    """Predicted ln radius (of cells) of some cells, clipped to what any halo has; float32.

    ``cells`` is what indexes a field (N, N, N): the number of a plane, or arrays of x, y and z.
    """
    return np.clip(as_float32(fields.log_radius[cells]), *LOG_RADII)
