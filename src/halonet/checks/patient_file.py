"""A file for h5py that outlives a full disk: HDF5 crashes where it cannot write, so that it is told only afterwards."""

import errno
import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from halonet.checks.errors import StorageError

FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota is used up",
    errno.EFBIG: "no file may be that large",
}


class PatientFile(io.RawIOBase):
    """Binary file that keeps the first error of writing, and takes all that follows for written.

    Parameters
    ----------
    path
        File to create.

    Attributes
    ----------
    error
        What the system said when something could not be written; None while all is well.
    """

    def __init__(self, path: str | Path):
        self._file = open(path, "w+b", buffering=0)  # noqa: SIM115 (closed in close)
        self.error: OSError | None = None

    def readable(self) -> bool:  # noqa: D102
        return True

    def writable(self) -> bool:  # noqa: D102
        return True

    def seekable(self) -> bool:  # noqa: D102
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:  # noqa: D102
        return self._file.seek(offset, whence)

    def tell(self) -> int:  # noqa: D102
        return self._file.tell()

    def readinto(self, buffer: Any, /) -> int:
        """Read; what was lost, or never written, is zero."""
        read = self._file.readinto(buffer) or 0
        buffer[read:] = bytes(len(buffer) - read)
        return len(buffer)

    def write(self, buffer: Any, /) -> int:
        """Write all of it, or note why not."""
        done = 0
        while self.error is None and done < len(buffer):
            try:
                done += self._file.write(buffer[done:])
            except OSError as error:
                self.error = error
        return len(buffer)

    def truncate(self, size: int | None = None, /) -> int:
        """Cut or lengthen the file, or note why not."""
        if self.error is None:
            try:
                return self._file.truncate(size)
            except OSError as error:
                self.error = error
        return size or 0

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


@contextmanager
def patient_hdf5(temporary: str | Path, path: str | Path) -> Iterator[h5py.File]:
    """New HDF5 file at ``temporary``; what could not be written is an error that names ``path``, at the end."""
    with PatientFile(temporary) as patient:
        try:
            with h5py.File(patient, "w") as file:
                yield file
        except Exception:
            if patient.error is None:
                raise
        if patient.error is not None:  # whatever HDF5 has made of what was lost
            raise disk_error(path, patient.error)


def temporary_name(path: str | Path) -> Path:
    """Name beside ``path`` under which this process writes what is to have that name; of a link, what it names."""
    path = Path(os.path.realpath(path))
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def disk_error(path: str | Path, error: OSError) -> StorageError:
    """Error of a file that could not be written, in one line."""
    reason = FULL.get(error.errno or 0, error.strerror or str(error))
    return StorageError(f"{path}: cannot be written, {reason}; nothing new stands under that name")


def check_room(path: str | Path, needed: int) -> None:
    """Refuse to begin what the disk has no room for; a file that has so far the name counts as used.

    Raises
    ------
    StorageError
        The message says how much is needed, and how much is free.
    """
    folder = Path(path).resolve().parent
    while not folder.is_dir():
        folder = folder.parent
    if needed > (free := shutil.disk_usage(folder).free):
        raise StorageError(f"{path}: needs {needed / 1e6:.0f} MB, and {folder} has {free / 1e6:.0f} MB free")
