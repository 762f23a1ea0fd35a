"""Fields of a whole box that need not fit in memory.

A stage asks :func:`zeros` for a field it works on by windows. Within :func:`on_disk` the field lives in a file of a
folder: the operating system keeps in memory what is in use and there is room for, and writes the rest out. The file has
no name, so that nothing is left behind however the process ends.
"""

import ctypes
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

_folder: ContextVar[Path | None] = ContextVar("folder", default=None)


@contextmanager
def on_disk(folder: str | Path | None) -> Iterator[None]:
    """Let :func:`zeros` put its arrays into ``folder``; None leaves them in memory."""
    before = _folder.set(None if folder is None else Path(folder))
    try:
        yield
    finally:
        _folder.reset(before)


def zeros(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """Array of zeros, in memory or on disk.

    Raises
    ------
    OSError
        If the folder cannot be written, or has no room for the array.
    """
    folder = _folder.get()
    if folder is None:
        return np.zeros(shape, dtype)
    with TemporaryFile(dir=folder, prefix="halonet-") as file:
        # Room is taken now: a full disk found while writing to memory would kill the process without a word.
        os.posix_fallocate(file.fileno(), 0, int(np.prod(shape)) * np.dtype(dtype).itemsize)
        return np.asarray(np.memmap(file, dtype, "r+", shape=shape))


def forget(planes: np.ndarray) -> None:
    """Give the memory of planes that nobody will read again back to the system; what they hold is lost.

    Nothing happens where the system cannot do it. Of a field on disk only what is in memory goes.
    """
    advise, size = getattr(ctypes.CDLL(None), "madvise", None), mmap.PAGESIZE
    if advise is None or not planes.flags.c_contiguous:
        return
    first = -(-planes.ctypes.data // size) * size
    length = (planes.ctypes.data + planes.nbytes) // size * size - first
    if length > 0:
        advise(ctypes.c_void_p(first), ctypes.c_size_t(length), ctypes.c_int(mmap.MADV_DONTNEED))
