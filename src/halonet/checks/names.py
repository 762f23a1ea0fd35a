"""Names of files that stand beside another one, by what that one is called."""

import os
from pathlib import Path

from halonet.checks.errors import StorageError

ENDINGS = (".h5", ".hdf5", ".json")  # what a name ends with in this project; a point elsewhere is part of the name


def beside(path: str | Path, ending: str) -> Path:
    """``path`` with ``ending`` in place of its own, where it has one of :data:`ENDINGS`, and behind its name elsewhere.

    ``mock_z0.5`` and ``mock_z0.7`` are two names, and so are those beside them.
    """
    path = _named(path)
    return path.with_name(stem_of(path) + ending)


def stem_of(path: str | Path) -> str:
    """Name of a file without its ending of :data:`ENDINGS`."""
    path = Path(path)
    return path.stem if path.suffix in ENDINGS else path.name


def beside_alone(path: str | Path, ending: str) -> Path:
    """As :func:`beside`; the whole name is kept where a file with another ending would share the new name."""
    path = _named(path)
    others = {stem_of(path) + other for other in ("", *ENDINGS)} - {path.name}
    if any(path.with_name(other).is_file() for other in others):
        return path.with_name(path.name + ending)
    return beside(path, ending)


def _named(path: str | Path) -> Path:
    """A path that ends with a name, as that of a file does and ``.`` does not."""
    path = Path(path)
    if not path.name:
        raise StorageError(f"{path}: a folder; a file is needed")
    return path


def split_dataset(text: str) -> tuple[str, str | None]:
    """File and dataset of ``FILE:DATASET``; a file may have colons in its name, too."""
    file, colon, dataset = text.rpartition(":")
    if not colon or os.path.exists(text) or not os.path.exists(file):
        return text, None
    return file, dataset
