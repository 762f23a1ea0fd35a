"""Tiles with buffers that cover a periodic box (HaloNet paper, section 3.3).

A tile is a cube, or one that is wider along y and z, read periodically; ``buffer`` cells are trimmed from each of its
faces and the cores that remain tile the box. The paper's 128^3 tiles with 32 cells of buffer leave cores of 64^3. Where
tiles blend, cores are wider by some cells of the buffer, and weights that rise and fall linearly there make the sum of
all tiles' weights 1 everywhere.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise, product

import numpy as np

from halonet.grid.scratch import zeros
from halonet.settings import SettingsError

Sides = tuple[int, int, int]


def sides_of(tile: int | Sides) -> Sides:
    """Cells of a tile along each axis; a number stands for a cube."""
    return tile if isinstance(tile, tuple) else (tile, tile, tile)


def core_of(tile: int | Sides, buffer: int) -> Sides:
    """Cells of the core of a tile along each axis."""
    x, y, z = sides_of(tile)
    return x - 2 * buffer, y - 2 * buffer, z - 2 * buffer


def core_starts(cells: int, tile: int | Sides, buffer: int) -> list[tuple[int, int, int]]:
    """First cell of each core, in the order of x, y, z; a core that does not divide the box is refused."""
    cores = core_of(tile, buffer)
    for side, core in zip(sides_of(tile), cores, strict=True):
        if core < 1 or cells % core:
            raise SettingsError(
                f"tile = {side} with buffer = {buffer} leaves a core of {core} cells, which does not divide the "
                f"{cells} cells along a side of the box; choose a tile whose tile - 2 buffer does"
            )
    x, y, z = (range(0, cells, core) for core in cores)
    return list(product(x, y, z))


def periodic_window(field: np.ndarray, start: Sequence[int], size: int | Sides) -> np.ndarray:
    """Cells of a periodic field (N, N, N) from ``start`` on, which may be negative; ``size`` along each axis; a copy.

    The window may be larger than the box: it then repeats. A field may have further axes, (N, N, N, C), kept whole.
    """
    window = np.empty(sides_of(size) + field.shape[3:], field.dtype)
    for inside, part in _blocks(field.shape[:3], start, sides_of(size)):
        window[part] = field[inside]
    return window


def map_tiles(
    function: Callable[..., np.ndarray | tuple[np.ndarray, ...]],
    field: np.ndarray,
    tile: int | Sides,
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
        Takes a tile, and after it one of each field ``beside``; returns one of its shape, or trimmed alike at all
        faces, or a tuple of it and one of each of ``further``.
    field, beside
        Periodic field, shape (N, N, N), and further ones of the box, (N, N, N, ...), cut alike.
    tile, buffer
        Cells along the sides of a tile, and cells trimmed from its faces; tile - 2 buffer divides N.
    track
        Wraps the list of tiles, to show progress.
    blend
        Cells at the faces of a core over which neighbouring results fade into each other: no more than ``buffer``.
    further
        Fields of zeros of shape (N, N, N, ...) for further results: arrays, or HDF5 datasets, with the same bits.

    Returns
    -------
    ndarray
        float32 of shape (N, N, N). Exact where ``function`` reaches no farther than ``buffer`` cells.
    """
    core, result = core_of(tile, buffer), zeros(field.shape, np.float32)
    starts, weights = core_starts(len(field), tile, buffer), _weights(core, blend)

    def windows(start: Sides) -> list[np.ndarray]:
        corner = [first - buffer for first in start]
        return [periodic_window(each, corner, tile) for each in (field, *beside)]

    def keep(start: Sides, outputs: tuple[np.ndarray, ...]) -> None:
        for target, output in zip((result, *further), outputs, strict=True):
            seen = output[_part(((len(output) - core[0]) // 2 - blend,) * 3, [side + 2 * blend for side in core])]
            if blend:
                _add_periodically(target, _weighted(seen, weights), [first - blend for first in start])
            else:
                target[_part(start, core)] = seen.astype(target.dtype, copy=False)  # HDF5 rounds otherwise

    _one_after_the_other(starts, track, windows, function, keep)
    return result


def _one_after_the_other(
    starts: list[Sides],
    track: Callable[[list], Iterable],
    windows: Callable[[Sides], list[np.ndarray]],
    function: Callable[..., np.ndarray | tuple[np.ndarray, ...]],
    keep: Callable[[Sides, tuple[np.ndarray, ...]], None],
) -> None:
    """Apply ``function`` to the ``windows`` at all ``starts`` and ``keep`` what it gives.

    Another thread copies what comes before and after it: it need not wait for that, having threads of its own.
    """
    with ThreadPoolExecutor(1) as other:
        ahead, kept = other.submit(windows, starts[0]), None
        for start, following in zip(track(starts), [*starts[1:], None], strict=True):
            inputs = ahead.result()
            if following:
                ahead = other.submit(windows, following)
            outputs = function(*inputs)
            if kept:
                kept.result()
            kept = other.submit(keep, start, outputs if isinstance(outputs, tuple) else (outputs,))
            del inputs, outputs  # or they would stay while the next are made
        if kept:
            kept.result()


def _weights(core: Sides, blend: int) -> np.ndarray:
    """Weights of the cells of a core and of ``blend`` cells around it."""
    ramp = (np.arange(2 * blend) + 0.5) / max(2 * blend, 1)
    x, y, z = (np.concatenate([ramp, np.ones(side - 2 * blend), ramp[::-1]]).astype(np.float32) for side in core)
    return x[:, None, None] * y[:, None] * z


def _weighted(cube: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """A field of cells, which may have components, times weights of cells."""
    return cube * weights.reshape(weights.shape + (1,) * (cube.ndim - 3))


def _add_periodically(field: np.ndarray, cube: np.ndarray, start: list[int]) -> None:
    """Add a cube to a periodic field from ``start`` on."""
    for inside, part in _blocks(field.shape[:3], start, cube.shape[:3]):
        field[inside] += cube[part]


def _blocks(shape: Sequence[int], start: Sequence[int], sides: Sequence[int]) -> Iterator[tuple[tuple, tuple]]:
    """Slices of a periodic field, none of which wraps, and those of a window of these ``sides`` from ``start`` on."""
    pieces = []
    for first, cells, size in zip(start, shape, sides, strict=True):
        cuts = [0, *range(-first % cells or cells, size, cells), size]
        pieces.append([((first + low) % cells, low, high) for low, high in pairwise(cuts)])
    for block in product(*pieces):
        yield (
            tuple(slice(to, to + high - low) for to, low, high in block),
            tuple(slice(low, high) for _, low, high in block),
        )


def _part(start: Sequence[int], sides: Sequence[int]) -> tuple[slice, ...]:
    return tuple(slice(first, first + size) for first, size in zip(start, sides, strict=True))
