"""How a process gets memory from the system, and gives it back.

The C library keeps most of what is freed for later, in a heap that shrinks from its end alone. That is fast, and what
lies free between two arrays still counts as the process's. And what the system gives comes in pages, each cleared when
it is first written: of 4 KiB that may take longer than all that is done with a field. Each function here does nothing
where system or C library is another.
"""

import ctypes
import mmap

import numpy as np

TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX = -1, -3, -4  # of mallopt, from malloc.h
LARGE = 2**18  # bytes of an array with a mapping of its own


def keep() -> None:
    """Let this process keep the memory it gives back.

    Otherwise every large array of a forward pass comes as fresh pages, which the system clears: a quarter of the time
    of a prediction.
    """
    _set(MMAP_MAX, 0)  # no array is a mapping of its own
    _set(TRIM_THRESHOLD, -1)  # the heap does not shrink


def map_arrays() -> None:
    """Give every array of more than :data:`LARGE` bytes a mapping of its own, which ends with it.

    By itself glibc raises that size up to 32 MiB, so that arrays of a rank lie in the heap where those of a whole box
    would not, with gaps between them that nothing fits into.
    """
    _set(MMAP_THRESHOLD, LARGE)
    _set(TRIM_THRESHOLD, LARGE)


def give_back() -> None:
    """Give whole pages that are free, wherever they lie in the heap, back to the system."""
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)


def in_large_pages(array: np.ndarray) -> np.ndarray:
    """The same array, for a field of a box that was not written yet: the system may give pages of 2 MiB for it.

    numpy asks for them by itself, but not for zeros.
    """
    if hasattr(mmap, "MADV_HUGEPAGE"):
        advise(array, mmap.MADV_HUGEPAGE)
    return array


def advise(array: np.ndarray, advice: int) -> None:
    """Tell the system how the whole pages of a contiguous array are used: an advice of :mod:`mmap`."""
    madvise, size = getattr(ctypes.CDLL(None), "madvise", None), mmap.PAGESIZE
    if madvise is None or not array.flags.c_contiguous:
        return
    first = -(-array.ctypes.data // size) * size
    length = (array.ctypes.data + array.nbytes) // size * size - first
    if length > 0:
        madvise(ctypes.c_void_p(first), ctypes.c_size_t(length), ctypes.c_int(advice))


def _set(parameter: int, value: int) -> None:
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(parameter, value)
