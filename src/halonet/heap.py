"""Whether a process keeps memory that it has freed, or gives it back to the system.

The C library keeps most of what is freed for later, in a heap that shrinks from its end alone. That is fast, and what
lies free between two arrays still counts as the process's. Each function here does nothing where system or C library
is another.
"""

import ctypes

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


def _set(parameter: int, value: int) -> None:
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(parameter, value)
