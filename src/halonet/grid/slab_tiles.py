"""Tiles that cover a periodic box in slabs over ranks: each rank works on some, wherever their cells lie.

Tiles are dealt out in the order of x, so that a rank mostly works where its slab is. What a tile needs beyond it is
fetched tile by tile: no rank holds more of the box than its slab and one tile.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from halonet.grid.cubes import fetch_cubes, put_cubes
from halonet.grid.scratch import zeros
from halonet.grid.slabs import Slabs
from halonet.grid.tiles import core_starts
from halonet.mpi import wait_for_all


def map_tiles_of_slabs(
    function: Callable[..., np.ndarray | tuple[np.ndarray, ...]],
    slabs: Slabs,
    fields: Sequence[np.ndarray],
    tile: int,
    buffer: int,
    track: Callable[[list], Iterable] = iter,
    further: Sequence[np.ndarray] = (),
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

    Returns
    -------
    ndarray
        This rank's planes of the result, float32 of shape (planes, N, N).
    """
    starts, core = np.array(core_starts(slabs.cells, tile, buffer)), tile - 2 * buffer
    shares = [starts[len(starts) * r // slabs.ranks : len(starts) * (r + 1) // slabs.ranks] for r in range(slabs.ranks)]
    own, turns = shares[slabs.rank], max(map(len, shares))
    result, tracked = zeros(slabs.shape, np.float32), iter(track(list(own)))
    for turn in range(turns):
        mine = own[turn : turn + 1]
        sides = np.full(len(mine), tile)
        windows = [cube for field in fields for cube in fetch_cubes(slabs, field, mine - buffer, sides)]
        outputs: tuple[np.ndarray, ...] = ()
        if next(tracked, None) is not None:
            found = function(*windows)
            outputs = found if isinstance(found, tuple) else (found,)
        del windows
        wait_for_all(slabs.communicator)
        for index, target in enumerate((result, *further)):
            put_cubes(slabs, target, mine, [_trimmed(output, core) for output in outputs[index : index + 1]])
    next(tracked, None)  # which ends what shows the progress
    return result


def _trimmed(output: np.ndarray, core: int) -> np.ndarray:
    first = (len(output) - core) // 2
    return output[(slice(first, first + core),) * 3]
