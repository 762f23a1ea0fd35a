"""Files that a script reads and writes: what would destroy one of them is refused before anything is computed."""

import errno
import os
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from halonet.checks.errors import StorageError

# atomic_path writes under ".<name>.<process id>.part"
TEMPORARY_NAME = len("..") + len(str(2**22)) + len(".part")
# All that a network consists of; another HDF5 file in its folder may be a user's result, which a second run replaces.
NETWORK_FILES = ("model.weights.h5", "int8.h5", "*.json", "*.csv", "*.md", "*.png", "*.pdf", "events/*")


class PathError(StorageError):
    """An input that cannot be read, or an output that cannot be written or would destroy something."""


@dataclass(frozen=True)
class Given:
    """A file or folder that an option names.

    Attributes
    ----------
    option
        As it stands on the command line.
    path
        As the user wrote it.
    folder
        Whether it is a folder; None for one that may be either.
    guarded
        Of a folder that is read: patterns of the files in it that nothing may overwrite.
    """

    option: str
    path: Path
    folder: bool | None = False
    guarded: tuple[str, ...] = ()

    @property
    def real(self) -> Path:
        """Where it really is, links followed."""
        return Path(os.path.realpath(self.path))

    def __str__(self) -> str:
        return f"{self.option} {self.path}"


def check_paths(reads: Iterable[Given], writes: Iterable[Given]) -> None:
    """Check what a script is about to read and write.

    Raises
    ------
    PathError
        If an input is missing or unreadable; an output is an input, another output, a folder, pipe or device, or lies
        where nothing can be written.
    """
    reads, writes = list(reads), list(writes)
    for given in reads:
        _check_input(given)
    for index, output in enumerate(writes):
        for given in reads:
            _check_against_input(output, given)
        for other in writes[:index]:
            _check_against_output(output, other)
    for output in writes:
        _check_output(output)
    for folder, output in {_folder_of(output): output for output in reversed(writes)}.items():
        _write_one_block(folder, output)


def _check_input(given: Given) -> None:
    if not os.path.lexists(given.path):
        raise PathError(f"{given}: no such {'folder' if given.folder else 'file'}")
    if not given.path.exists():
        raise PathError(f"{given}: a link to {os.readlink(given.path)}, which does not exist")
    if given.folder is not None and given.folder != given.path.is_dir():
        raise PathError(f"{given}: {'no folder; a folder' if given.folder else 'a folder; a file'} is needed")
    if not os.access(given.path, os.R_OK):
        raise PathError(f"{given}: may not be read; its permissions forbid it")


def _same(one: Path, other: Path) -> bool:
    """Whether two paths are one file, under whatever names (links, hard links, names in other cases)."""
    if os.path.realpath(one) == os.path.realpath(other):
        return True
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _check_against_input(output: Given, given: Given) -> None:
    if _same(output.path, given.path):
        raise PathError(f"{output}: is what {given.option} reads and would be replaced; name another file to write")
    if given.folder and not output.folder:
        for pattern in given.guarded:
            for held in given.path.glob(pattern):
                if _same(output.path, held):
                    raise PathError(
                        f"{output}: is a file of {given}, which is read, and would be replaced; name another file to "
                        "write"
                    )


def _check_against_output(output: Given, other: Given) -> None:
    if _same(output.path, other.path):
        raise PathError(f"{output}: {other.option} names the same file; each output needs a name of its own")
    for outer, inner in ((output, other), (other, output)):
        if not outer.folder and inner.real.is_relative_to(outer.real):
            raise PathError(f"{inner}: lies in {outer}, which will be a file; name another folder")


def _check_output(output: Given) -> None:
    try:
        mode = os.stat(output.path).st_mode
    except FileNotFoundError:
        mode = None
    except OSError as error:
        raise PathError(f"{output}: cannot be written ({error.strerror})") from None
    if mode is not None and not output.folder and stat.S_ISDIR(mode):
        raise PathError(f"{output}: is a folder; name a file to write")
    if mode is not None and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise PathError(f"{output}: is a pipe or device, in which results cannot be written; name a file")
    if mode is not None and output.folder and not stat.S_ISDIR(mode):
        raise PathError(f"{output}: is a file; name a folder to write to")
    folder = _folder_of(output)
    if not folder.is_dir():
        raise PathError(f"{output}: {folder} is a file, no folder; name another place")
    if len(os.fsencode(output.path.name)) + TEMPORARY_NAME > (longest := os.pathconf(folder, "PC_NAME_MAX")):
        raise PathError(
            f"{output}: a name of {len(os.fsencode(output.path.name))} bytes; with what is added while it is written, "
            f"at most {longest - TEMPORARY_NAME} are possible"
        )


def _folder_of(output: Given) -> Path:
    """The folder of an output, or the nearest above it that exists already."""
    folder = output.real if output.folder else output.real.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _write_one_block(folder: Path, output: Given) -> None:
    """Write where an output will stand: permissions, a full disk and a quota all show."""
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(4096))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        reason = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror
        raise PathError(f"{output}: nothing can be written in {folder} ({reason})") from None
