"""Digests beside files that nothing else protects: HDF5 has no checksum, and a changed digit in JSON is still JSON."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from halonet.storage import StorageError, read_json, write_json

DIGESTS = "digests.json"  # of the files in its folder: name -> SHA-256


def digest_of(path: str | Path) -> str:
    """SHA-256 of a whole file, as hexadecimal text."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_digests(folder: str | Path, digests: dict[str, str]) -> None:
    """Note digests of files of a folder, beside those of others that are noted already."""
    path = Path(folder) / DIGESTS
    noted = read_json(path) if path.is_file() else {}
    write_json(path, dict(sorted((noted | digests).items())))


def note_digests(folder: str | Path, names: Iterable[str]) -> None:
    """Digest files of a folder as they are now; those that are not there are passed over."""
    folder = Path(folder)
    write_digests(folder, {name: digest_of(folder / name) for name in names if (folder / name).is_file()})


def check_complete(folder: str | Path) -> None:
    """Refuse a folder that lacks a file whose digest is noted: without it another file, or a default, would be taken.

    Raises
    ------
    StorageError
        The message says how to go on without a file that was deleted on purpose.
    """
    noted = Path(folder) / DIGESTS
    known = read_json(noted) if noted.is_file() else {}
    if missing := [name for name in known if not (noted.parent / name).is_file()]:
        raise StorageError(
            f"{folder}: {', '.join(missing)} missing, whose digest stands in {noted}; copy it again, or if it was "
            f"deleted on purpose, delete its line from {DIGESTS}"
        )


def check_digest(path: str | Path) -> None:
    """Refuse a file that is not what it was when its digest was noted; one without a digest passes.

    Raises
    ------
    StorageError
        The message says how to note a file that was changed on purpose.
    """
    path = Path(path)
    noted = path.parent / DIGESTS
    if not (noted.is_file() and path.is_file()):
        return
    if (known := read_json(noted).get(path.name)) is not None and known != digest_of(path):
        raise StorageError(
            f"{path}: damaged, or changed since it was made: it is not the file whose digest stands in {noted}; copy "
            f"it again, or if it was changed on purpose, delete its line from {DIGESTS}"
        )
