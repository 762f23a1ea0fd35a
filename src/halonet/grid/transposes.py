"""Planes of constant x to columns along x and back: what a transform over slabs exchanges.

Real fields are distributed by x, modes by ky, both by the same bounds. Blocks of a field may be exchanged in rounds, so
that no more than a block is ever copied: in a round every rank has some rows of its own, maybe none.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from halonet.mpi import Communicator

if TYPE_CHECKING:
    from halonet.grid.slabs import Slabs

Rows = Sequence[tuple[int, int]]  # first row and that after the last, of every rank, from the first of its own


def rounds(slabs: "Slabs", size: int) -> list[Rows]:
    """Rows of every rank, ``size`` at a time; as many rounds for all."""
    planes = np.diff(slabs.bounds)
    starts = range(0, int(planes.max()), size)
    return [[(min(start, own), min(start + size, own)) for own in planes.tolist()] for start in starts]


def exchange(communicator: Communicator, parts: Sequence[np.ndarray], sizes: Sequence[int]) -> np.ndarray:
    """Part i to rank i, and what every rank has sent to this one, ``sizes`` values of each, side by side; collective.

    The result is flat and has the type of the parts.
    """
    sent = np.empty(sum(part.size for part in parts), parts[0].dtype)
    end = 0
    for part in parts:
        sent[end : end + part.size].reshape(part.shape)[...] = part
        end += part.size
    return exchange_flat(communicator, sent, [part.size for part in parts], sizes)


def exchange_flat(
    communicator: Communicator, sent: np.ndarray, numbers: Sequence[int], sizes: Sequence[int]
) -> np.ndarray:
    """As :func:`exchange`, of parts that lie side by side already, so many values of each."""
    arrived = np.empty(sum(sizes), sent.dtype)
    kind = np.uint16 if sent.dtype == np.float16 else sent.dtype  # MPI knows no halves
    communicator.Alltoallv((sent.view(kind), numbers), (arrived.view(kind), sizes))
    return arrived


def _pieces(arrived: np.ndarray, shapes: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
    ends = np.cumsum(_sizes(shapes))
    return [piece.reshape(shape) for piece, shape in zip(np.split(arrived, ends[:-1]), shapes, strict=True)]


def scatter_ky(slabs: "Slabs", planes: np.ndarray, rows: Rows, columns: np.ndarray) -> None:
    """Put this rank's ky of the ``rows`` of all ranks into its columns, shape (N, ky, ...); collective.

    Planes are its own rows, of shape (own rows, N, ...).
    """
    parts = [planes[:, start:stop] for start, stop in pairwise(slabs.bounds)]
    shapes = [(stop - start, *columns.shape[1:]) for start, stop in rows]
    pieces = _pieces(exchange(slabs.communicator, parts, _sizes(shapes)), shapes)
    for first, (start, stop), piece in zip(slabs.bounds, rows, pieces, strict=False):
        columns[first + start : first + stop] = piece


def gather_ky(slabs: "Slabs", columns: np.ndarray, rows: Rows) -> np.ndarray:
    """All ky of this rank's rows, shape (own rows, N, ...), of columns of shape (N, ky, ...); collective."""
    parts = [columns[first + start : first + stop] for first, (start, stop) in zip(slabs.bounds, rows, strict=False)]
    own = rows[slabs.rank][1] - rows[slabs.rank][0]
    shapes = [(own, stop - start, *columns.shape[2:]) for start, stop in pairwise(slabs.bounds)]
    return np.concatenate(_pieces(exchange(slabs.communicator, parts, _sizes(shapes)), shapes), axis=1)


def gather_x(slabs: "Slabs", columns: np.ndarray, rows: Rows) -> list[np.ndarray]:
    """Own planes, (planes, fields, rows, kz), of some ky of every rank; collective.

    They come from columns of shape (N, fields, own rows, kz).
    """
    _, fields, _, kz = columns.shape
    parts = [columns[start:stop] for start, stop in pairwise(slabs.bounds)]
    shapes = [(slabs.planes, fields, stop - start, kz) for start, stop in rows]
    return _pieces(exchange(slabs.communicator, parts, _sizes(shapes)), shapes)


def _sizes(shapes: Sequence[tuple[int, ...]]) -> list[int]:
    return [int(np.prod(shape)) for shape in shapes]
