"""Datasets of one file that all ranks write at once: the first lays the file out, each puts its planes in their place.

No field passes through one rank, and HDF5 need not be built for MPI. What makes it possible is that the place of an
uncompressed dataset, or of each of its chunks, is known before anything is written. Ranks write to parts of the file
that do not overlap, which every file system for many nodes allows.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from halonet.checks.errors import StorageError
from halonet.checks.patient_file import disk_error, temporary_name
from halonet.grid.slabs import Slabs


def laid_out() -> h5py.h5p.PropDCID:
    """Properties of a dataset whose place in the file is known as soon as it is created: argument ``dcpl`` of h5py."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    return properties


def check_together(slabs: Slabs, check: Callable[..., None], *arguments: Any) -> None:
    """Let every rank check what it has: what one refuses all refuse, with its words; collective."""
    refusal = None
    try:
        check(*arguments)
    except StorageError as error:
        refusal = error
    refusals = slabs.communicator.allgather(refusal) if slabs.ranks > 1 else [refusal]
    if first := next(filter(None, refusals), None):
        raise first


def write_through_first(data: h5py.Dataset | None, planes: np.ndarray, slabs: Slabs, layer: int) -> None:
    """As :func:`write_planes` for a dataset that the first rank compresses, a ``layer`` of chunks at a time."""
    for start, group in slabs.collect(planes, layer):
        assert data is not None  # it comes to the first rank alone
        data[start : start + len(group)] = group


@dataclass(frozen=True)
class Places:
    """Where the parts of a dataset stand in a file.

    Attributes
    ----------
    file
        Path of the file.
    side
        Cells along a side of a chunk; of a dataset in one piece 0.
    offsets
        Of the chunks, int64 of shape (chunks, chunks, chunks), or of the one piece, shape (1, 1, 1); bytes.
    """

    file: str
    side: int
    offsets: np.ndarray

    @classmethod
    def of(cls, file: str | Path, data: h5py.Dataset) -> "Places":
        """Those of a dataset that was created as :func:`laid_out` has it."""
        data.file.flush()
        if data.chunks is None:
            return cls(str(file), 0, np.full((1, 1, 1), data.id.get_offset()))
        side = data.chunks[0]
        offsets = np.empty([-(-cells // side) for cells in data.shape[:3]], np.int64)

        def note(chunk: Any) -> None:
            offsets[tuple(first // side for first in chunk.chunk_offset[:3])] = chunk.byte_offset

        data.id.chunk_iter(note)
        return cls(str(file), side, offsets)


def write_planes(data: h5py.Dataset | None, planes: np.ndarray, slabs: Slabs, path: str | Path) -> None:
    """Write the planes of all ranks, shape (N / ranks, N, N, ...) each, to a dataset; collective.

    Parameters
    ----------
    data
        Dataset of shape (N, N, N, ...) and the type of the planes, created with :func:`laid_out`; on the first rank.
    path
        Name that its file is to have (:func:`halonet.storage.new_hdf5`).

    Raises
    ------
    StorageError
        On every rank, where one of them cannot write.
    """
    if slabs.ranks == 1:
        assert data is not None  # as of the first rank
        data[...] = planes
        return
    places = slabs.communicator.bcast(None if data is None else Places.of(temporary_name(path), data))
    failure = None
    try:
        _put(places, np.ascontiguousarray(planes), slabs)
    except OSError as error:
        failure = error
    if first := next(filter(None, slabs.communicator.allgather(failure)), None):
        raise disk_error(path, first)


def _put(places: Places, planes: np.ndarray, slabs: Slabs) -> None:
    """Write this rank's planes."""
    handle = os.open(places.file, os.O_WRONLY)
    try:
        if not places.side:
            _put_bytes(handle, planes, places.offsets[0, 0, 0] + slabs.start * planes[0].nbytes)
        else:
            _put_chunks(handle, places, planes, slabs)
        os.fsync(handle)
    finally:
        os.close(handle)


def _put_chunks(handle: int, places: Places, planes: np.ndarray, slabs: Slabs) -> None:
    """Write the planes chunk by chunk; of a chunk that two ranks share each writes its own planes."""
    side = places.side
    for i in range(slabs.start // side, -(-slabs.stop // side)):
        first, last = max(i * side, slabs.start), min((i + 1) * side, slabs.stop)
        layer = planes[first - slabs.start : last - slabs.start]
        part = np.zeros((len(layer), side, side), planes.dtype)
        for j, k in np.ndindex(places.offsets.shape[1:]):
            inside = layer[:, j * side : (j + 1) * side, k * side : (k + 1) * side]
            part[:, : inside.shape[1], : inside.shape[2]] = inside
            part[:, inside.shape[1] :], part[:, :, inside.shape[2] :] = 0, 0  # beyond the box, as HDF5 has it
            _put_bytes(handle, part, places.offsets[i, j, k] + (first - i * side) * part[0].nbytes)


def _put_bytes(handle: int, values: np.ndarray, offset: int) -> None:
    buffer, offset = values.data.cast("B"), int(offset)
    while len(buffer):
        done = os.pwrite(handle, buffer, offset)
        buffer, offset = buffer[done:], offset + done
