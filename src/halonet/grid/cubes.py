"""Cubes of a periodic field that lies in slabs over ranks: fetched from whoever has their planes, and put back there.

A rank that needs the surroundings of some cells gets those and no more, in place of all the planes that they touch. A
cube is cut into runs of planes, each of one owner; a run of a cube is one piece of memory, as x is its slowest axis.
"""

from collections.abc import Sequence

import numpy as np
from numba import njit

from halonet.grid.slabs import Slabs
from halonet.grid.transposes import exchange, exchange_flat

RANK, CUBE, FIRST, COUNT, DONE = range(5)  # columns of runs: owner, cube, plane, planes, planes of the cube before it


def fetch_cubes(slabs: Slabs, field: np.ndarray, starts: np.ndarray, sides: np.ndarray) -> list[np.ndarray]:
    """Cubes that this rank wants, of shape (side, side, side, ...); collective.

    Parameters
    ----------
    field
        This rank's planes, shape (planes, N, N, ...).
    starts
        First cells, int64 of shape (cubes, 3): periodic, may be negative.
    sides
        Cells along a side, int64 of shape (cubes,). A cube may be larger than the box: it then repeats.
    """
    runs, cells, values = _runs_by_rank(slabs, starts, sides), _flat(field), int(np.prod(field.shape[3:]))
    wanted, offsets = _requests(runs, starts, sides), np.append(0, np.cumsum(sides**3 * values))
    cubes, own = np.empty(offsets[-1], cells.dtype), runs[:, RANK] == slabs.rank
    if slabs.ranks > 1:
        ends = np.searchsorted(runs[:, RANK], np.arange(1, slabs.ranks))
        asked = [rows if rank != slabs.rank else rows[:0] for rank, rows in enumerate(np.split(wanted, ends))]
        asked = slabs.communicator.alltoall(asked)
        numbers = [_cells_of(rows) * values for rows in asked]
        sizes = _by_rank(runs[~own], runs[~own, COUNT] * sides[runs[~own, CUBE]] ** 2 * values, slabs.ranks)
        sent = _packed(cells, slabs.start, np.concatenate(asked))
        arrived = exchange_flat(slabs.communicator, sent, numbers, sizes)
        del sent
        _assemble(arrived, runs[~own], sides, values, offsets, cubes)
    for run, row in zip(runs[own], wanted[own], strict=True):  # which need not be sent
        at = offsets[run[CUBE]] + run[DONE] * sides[run[CUBE]] ** 2 * values
        _copy(cells, slabs.start, row[None], cubes[at : at + run[COUNT] * sides[run[CUBE]] ** 2 * values], True)
    shapes = [(side,) * 3 + field.shape[3:] for side in sides.tolist()]
    pieces = np.split(cubes.view(field.dtype), offsets[1:-1])
    return [piece.reshape(shape) for piece, shape in zip(pieces, shapes, strict=False)]


def put_cubes(slabs: Slabs, field: np.ndarray, starts: np.ndarray, cubes: Sequence[np.ndarray]) -> None:
    """Write this rank's cubes, (side, side, side, ...) each, where they belong, on whatever rank that is; collective.

    Parameters
    ----------
    field
        This rank's planes, shape (planes, N, N, ...), to be filled. Cubes that overlap are written in any order.
    starts
        First cells, int64 of shape (cubes, 3).
    """
    sides = np.array([len(cube) for cube in cubes], np.int64)
    runs, values = _runs_by_rank(slabs, starts, sides), int(np.prod(field.shape[3:]))
    rows, sizes = _requests(runs, starts, sides), runs[:, COUNT] * sides[runs[:, CUBE]] ** 2 * values
    pieces = [cubes[cube][done : done + count].reshape(-1) for _, cube, _, count, done in runs.tolist()]
    content = np.concatenate([np.empty(0, field.dtype), *pieces]).astype(field.dtype, copy=False)
    if slabs.ranks > 1:
        ends = np.searchsorted(runs[:, RANK], np.arange(1, slabs.ranks))
        parts = np.split(content, np.cumsum(_by_rank(runs, sizes, slabs.ranks))[:-1])
        told = slabs.communicator.alltoall(np.split(rows, ends))
        received = [_cells_of(rows) * values for rows in told]
        content, rows = exchange(slabs.communicator, parts, received), np.concatenate(told)
    _copy(_flat(field), slabs.start, rows, _numbers(content), False)


def _numbers(field: np.ndarray) -> np.ndarray:
    """The same memory as numbers that compiled loops know."""
    return field.view(np.uint16) if field.dtype == np.float16 else field


def _flat(field: np.ndarray) -> np.ndarray:
    """A field as (planes, N, N, values)."""
    return _numbers(field).reshape(*field.shape[:3], int(np.prod(field.shape[3:])))


def _runs_by_rank(slabs: Slabs, starts: np.ndarray, sides: np.ndarray) -> np.ndarray:
    runs = _runs(starts, sides, slabs.owners, np.array(slabs.bounds))
    return runs[np.argsort(runs[:, RANK], kind="stable")]


def _requests(runs: np.ndarray, starts: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """What an owner must know of each run: first plane, planes, y, z and side, int64 of shape (runs, 5)."""
    cubes = runs[:, CUBE]
    return np.stack([runs[:, FIRST], runs[:, COUNT], starts[cubes, 1], starts[cubes, 2], sides[cubes]], axis=1)


def _by_rank(runs: np.ndarray, numbers: np.ndarray, ranks: int) -> list[int]:
    return [int(numbers[runs[:, RANK] == rank].sum()) for rank in range(ranks)]


def _cells_of(rows: np.ndarray) -> int:
    return int((rows[:, 1] * rows[:, 4] ** 2).sum())


def _packed(cells: np.ndarray, first: int, rows: np.ndarray) -> np.ndarray:
    content = np.empty(_cells_of(rows) * cells.shape[3], cells.dtype)
    _copy(cells, first, rows, content, True)
    return content


@njit(cache=True)
def _runs(starts, sides, owners, bounds):
    n, found = len(owners), 0
    runs = np.empty((0, 5), np.int64)
    for turn in range(2):  # they are counted first
        if turn == 1:
            runs = np.empty((found, 5), np.int64)
        found = 0
        for cube in range(len(sides)):
            done = 0
            while done < sides[cube]:
                plane = (starts[cube, 0] + done) % n
                count = min(bounds[owners[plane] + 1] - plane, sides[cube] - done)
                if turn == 1:
                    runs[found, 0], runs[found, 1], runs[found, 2] = owners[plane], cube, plane
                    runs[found, 3], runs[found, 4] = count, done
                found += 1
                done += count
    return runs


@njit(cache=True)
def _copy(cells, first, rows, content, out):
    """Copy runs of cubes ``out`` of a field, or into it; ``content`` holds them one after another."""
    n, values, at = cells.shape[1], cells.shape[3], 0
    for row in range(len(rows)):
        side = rows[row, 4]
        for x in range(rows[row, 0] - first, rows[row, 0] - first + rows[row, 1]):
            for j in range(side):
                y = (rows[row, 2] + j) % n
                for k in range(side):
                    z = (rows[row, 3] + k) % n
                    for value in range(values):
                        if out:
                            content[at] = cells[x, y, z, value]
                        else:
                            cells[x, y, z, value] = content[at]
                        at += 1


@njit(cache=True)
def _assemble(arrived, runs, sides, values, offsets, cubes):
    at = 0
    for run in range(len(runs)):
        cube, area = runs[run, 1], sides[runs[run, 1]] ** 2 * values
        to, size = offsets[cube] + runs[run, 4] * area, runs[run, 3] * area
        cubes[to : to + size] = arrived[at : at + size]
        at += size
