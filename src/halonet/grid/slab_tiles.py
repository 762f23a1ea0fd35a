"""Tiles that cover a periodic box in slabs over ranks: each rank works on some, wherever their cells lie.

Tiles are dealt out in the order of x, so that a rank mostly works where its slab is. What a tile needs beyond it is
fetched tile by tile: no rank holds more of the box than its slab and one tile.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import product

import numpy as np

from halonet.grid.cubes import fetch_cubes, put_cubes
from halonet.grid.scratch import zeros
from halonet.grid.slabs import Slabs
from halonet.grid.tiles import Sides, core_of, core_starts, sides_of
from halonet.mpi import wait_for_all


def map_tiles_of_slabs(
    function: Callable[..., np.ndarray | tuple[np.ndarray, ...]],
    slabs: Slabs,
    fields: Sequence[np.ndarray],
    tile: int | Sides,
    buffer: int,
    track: Callable[[list], Iterable] = iter,
    further: Sequence[np.ndarray] = (),
    unread: Callable[[np.ndarray], object] = lambda planes: None,
) -> np.ndarray:
    """As :func:`halonet.grid.tiles.map_tiles` without blending, over ranks and with its bits; collective.

    Parameters
    ----------
    fields
        This rank's planes of the field and of those beside it, shape (planes, N, N, ...).
    track
        Wraps the list of tiles of this rank.
    further
        This rank's planes of zeros for the further results.
    unread
        Called after every tile with what is left of the fields to be read: True for planes of this rank that no rank
        wants any more, bool of shape (planes,).

    Returns
    -------
    ndarray
        This rank's planes of the result, float32 of shape (planes, N, N).
    """
    starts, core = np.array(core_starts(slabs.cells, tile, buffer)), core_of(tile, buffer)
    shares = [starts[len(starts) * r // slabs.ranks : len(starts) * (r + 1) // slabs.ranks] for r in range(slabs.ranks)]
    own, turns = shares[slabs.rank], max(map(len, shares))
    result, tracked = zeros(slabs.shape, np.float32), iter(track(list(own)))
    for turn in range(turns):
        mine = own[turn : turn + 1]
        windows = [window for field in fields for window in _fetched(slabs, field, mine - buffer, sides_of(tile))]
        outputs: tuple[np.ndarray, ...] = ()
        if next(tracked, None) is not None:
            found = function(*windows)
            outputs = found if isinstance(found, tuple) else (found,)
        del windows
        wait_for_all(slabs.communicator)
        for index, target in enumerate((result, *further)):
            _put(slabs, target, mine, [_trimmed(output, core) for output in outputs[index : index + 1]], core)
        outputs = ()
        unread(_unread(slabs, [start for share in shares for start in share[turn + 1 :, 0]], tile, buffer))
    next(tracked, None)  # which ends what shows the progress
    return result


def _fetched(slabs: Slabs, field: np.ndarray, starts: np.ndarray, sides: Sides) -> list[np.ndarray]:
    """The window that this rank wants, or none, put together from cubes; collective."""
    side, corners = min(sides), _corners(sides)
    places = (starts[:, None] + corners).reshape(-1, 3)
    cubes = fetch_cubes(slabs, field, places, np.full(len(places), side))
    if len(cubes) == len(starts):
        return cubes
    window = np.empty(sides + field.shape[3:], field.dtype)
    for (x, y, z), cube in zip(corners.tolist(), cubes, strict=True):
        window[x : x + side, y : y + side, z : z + side] = cube
    return [window]


def _put(slabs: Slabs, field: np.ndarray, starts: np.ndarray, windows: list[np.ndarray], sides: Sides) -> None:
    """Put this rank's window, if it has one, where it belongs, as cubes; collective."""
    side, corners = min(sides), _corners(sides)
    cubes = [
        np.ascontiguousarray(window[x : x + side, y : y + side, z : z + side], field.dtype)
        for window in windows
        for x, y, z in corners.tolist()
    ]
    put_cubes(slabs, field, (starts[:, None] + corners).reshape(-1, 3), cubes)


def _unread(slabs: Slabs, left: list[int], tile: int | Sides, buffer: int) -> np.ndarray:
    """Which planes of this rank no tile reads, if cores begin at ``left``; bool of shape (planes,)."""
    unread = np.ones(slabs.cells, bool)
    for start in left:
        unread[np.arange(start - buffer, start - buffer + sides_of(tile)[0]) % slabs.cells] = False
    return unread[slabs.start : slabs.stop]


def _corners(sides: Sides) -> np.ndarray:
    """First cells of cubes, as large as fit, that cover a window; where they overlap they have the same cells."""
    side = min(sides)
    firsts = [sorted({*range(0, along - side, side), along - side}) for along in sides]
    return np.array(list(product(*firsts)))


def _trimmed(output: np.ndarray, core: Sides) -> np.ndarray:
    first = (len(output) - core[0]) // 2
    x, y, z = (slice(first, first + side) for side in core)
    return output[x, y, z]
