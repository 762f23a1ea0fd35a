"""Tiles with buffers that cover a periodic box (HaloNet paper, section 3.3).

A tile is a cube read periodically; ``buffer`` cells are trimmed from each of its faces and the cores that remain tile
the box. The paper's 128^3 tiles with 32 cells of buffer leave cores of 64^3. Where tiles blend, cores are wider by some
cells of the buffer, and weights that rise and fall linearly there make the sum of all tiles' weights 1 everywhere.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise, product

import numpy as np

from halonet.grid.scratch import zeros
from halonet.settings import SettingsError


def core_starts(cells: int, tile: int, buffer: int) -> list[tuple[int, int, int]]:
    """First cell of each core, in the order of x, y, z; a core that does not divide the box is refused."""
    core = tile - 2 * buffer
    if core < 1 or cells % core:
        raise SettingsError(
            f"tile = {tile} with buffer = {buffer} leaves a core of {core} cells, which does not divide the {cells} "
            "cells along a side of the box; choose a tile whose tile - 2 buffer does"
        )
    firsts = range(0, cells, core)
    return list(product(firsts, firsts, firsts))


def periodic_window(field: np.ndarray, start: tuple[int, int, int], size: int) -> np.ndarray:
    """Cube of ``size``^3 cells of a periodic field (N, N, N) from ``start`` on, which may be negative; a copy.

    The window may be larger than the box: it then repeats. A field may have further axes, (N, N, N, C), kept whole.
    """
    window = np.empty((size,) * 3 + field.shape[3:], field.dtype)
    for inside, part in _blocks(field.shape[:3], start, size):
        window[part] = field[inside]
    return window


def map_tiles(
    function: Callable[..., np.ndarray | tuple[np.ndarray, ...]],
    field: np.ndarray,
    tile: int,
    buffer: int,
    track: Callable[[list], Iterable] = iter,
    beside: tuple[np.ndarray, ...] = (),
    blend: int = 0,
    further: Sequence = (),
) -> np.ndarray:
    """Apply ``function`` to every tile of a periodic field and put the cores of the results together.

    Parameters
    ----------
    function
        Takes a tile of shape (tile, tile, tile), and after it one of each field ``beside``; returns one of that shape,
        or trimmed alike at all faces, or where there are ``further`` results a tuple of it and one of each of them.
    field
        Periodic field, shape (N, N, N).
    tile, buffer
        Cells along a side of a tile, and cells trimmed from each of its faces; tile - 2 buffer divides N.
    track
        Wraps the list of tiles while it is worked through, to show progress.
    beside
        Further fields of the box, shape (N, N, N, ...), cut alike.
    blend
        Cells on either side of the face of a core over which neighbouring results fade into each other; at most
        ``buffer``, and at most half a core.
    further
        Fields of zeros of shape (N, N, N, ...) for the further results of ``function``: arrays, or HDF5 datasets, in
        which the results never stand in memory as a whole, with the same bits.

    Returns
    -------
    ndarray
        float32 of shape (N, N, N). Exact where ``function`` reaches no farther than ``buffer`` cells.
    """
    cells, core = len(field), tile - 2 * buffer
    result = zeros(field.shape, np.float32)
    weights = _weights(core, blend)
    for start in track(core_starts(cells, tile, buffer)):
        corner = tuple(first - buffer for first in start)
        outputs = function(*(periodic_window(each, corner, tile) for each in (field, *beside)))
        for target, output in zip((result, *further), outputs if further else (outputs,), strict=True):
            seen = output[_cube(((len(output) - core) // 2 - blend,) * 3, core + 2 * blend)]
            if blend:
                _add_periodically(target, _weighted(seen, weights), [first - blend for first in start])
            else:
                target[_cube(start, core)] = seen.astype(target.dtype, copy=False)  # HDF5 rounds otherwise
    return result


def _weights(core: int, blend: int) -> np.ndarray:
    """Weights of the cells of a core and ``blend`` cells around it, shape (core + 2 blend,) * 3."""
    ramp = (np.arange(2 * blend) + 0.5) / max(2 * blend, 1)
    along = np.concatenate([ramp, np.ones(core - 2 * blend), ramp[::-1]]).astype(np.float32)
    return along[:, None, None] * along[:, None] * along


def _weighted(cube: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """A cube of shape (n, n, n), or (n, n, n, components), times weights of shape (n, n, n)."""
    return cube * weights.reshape(weights.shape + (1,) * (cube.ndim - 3))


def _add_periodically(field: np.ndarray, cube: np.ndarray, start: list[int]) -> None:
    """Add a cube to a periodic field from ``start`` on."""
    for inside, part in _blocks(field.shape[:3], start, len(cube)):
        field[inside] += cube[part]


def _blocks(shape: Sequence[int], start: Sequence[int], size: int) -> Iterator[tuple[tuple, tuple]]:
    """Slices of a periodic field, none of which wraps, and those of a cube of ``size``^3 cells from ``start`` on."""
    pieces = []
    for first, cells in zip(start, shape, strict=True):
        cuts = [0, *range(-first % cells or cells, size, cells), size]
        pieces.append([((first + low) % cells, low, high) for low, high in pairwise(cuts)])
    for block in product(*pieces):
        yield (
            tuple(slice(to, to + high - low) for to, low, high in block),
            tuple(slice(low, high) for _, low, high in block),
        )


def _cube(start: Iterable[int], size: int) -> tuple[slice, ...]:
    return tuple(slice(first, first + size) for first in start)
