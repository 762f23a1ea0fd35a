"""What lies in an HDF5 file is what it is taken for: a plain array of real numbers that stands in the file itself."""

import math
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from halonet.checks.errors import StorageError

# Registered filters of plugins, by number (https://github.com/HDFGroup/hdf5_plugins).
TRUTHS = ("central",)  # columns that may be true or false
FILTERS = {307: "bzip2", 32000: "lzf", 32001: "blosc", 32004: "lz4", 32008: "bitshuffle", 32013: "zfp", 32015: "zstd",
           32017: "sz", 32018: "fcidecomp", 32026: "blosc2"}  # fmt: skip


def dataset_of(path: str | Path, group: h5py.Group, name: str) -> h5py.Dataset:
    """The dataset ``name`` of a group, which can be read and holds real numbers.

    Raises
    ------
    StorageError
        If it is missing, a broken link, a group or a type; if it holds text, complex numbers or records; if its numbers
        lie in another file that is missing, or behind a filter that is not installed. The message names the remedy.
    """
    where = f"{path}: " + f"{group.name}/{name}".lstrip("/")
    link = group.get(name, getlink=True)
    if link is None:
        raise StorageError(f"{path}: no dataset {name!r}; it holds {', '.join(sorted(group)) or 'nothing'}")
    try:
        held = group[name]
    except RuntimeError:
        raise StorageError(f"{where} is a link that leads back to itself; copy the data into the file") from None
    except (KeyError, OSError):
        aim = f"{link.filename}, {link.path}" if isinstance(link, h5py.ExternalLink) else getattr(link, "path", "?")
        raise StorageError(f"{where} is a link to {aim}, which is not there; copy the data into the file") from None
    if not isinstance(held, h5py.Dataset):
        what = f"a group of {', '.join(sorted(held)) or 'nothing'}" if isinstance(held, h5py.Group) else "a named type"
        raise StorageError(f"{where} is {what}; a dataset of that name is needed")
    _check_type(where, held)
    _check_filters(where, held)
    _check_sources(path, where, held)
    return held


def _check_type(where: str, held: h5py.Dataset) -> None:
    kind = held.dtype.kind
    if held.shape is None:
        raise StorageError(f"{where} is an empty dataset without a shape; numbers are needed")
    if (held.dtype.names and set(held.dtype.names) == {"r", "i"}) or kind == "c":
        raise StorageError(f"{where} holds complex numbers; write its real part")
    if held.dtype.names:
        raise StorageError(f"{where} is one table with the columns {', '.join(held.dtype.names)}; numbers are needed")
    if kind not in "buif":
        raise StorageError(f"{where} holds {'text' if kind in 'SUO' else held.dtype}; write it as numbers")


def _check_filters(where: str, held: h5py.Dataset) -> None:
    """Refuse compression whose plugin is missing, for which HDF5's own message is that the file cannot be read."""
    plist = held.id.get_create_plist()
    for index in range(plist.get_nfilters()):
        number, _, _, label = plist.get_filter(index)
        if not h5py.h5z.filter_avail(number):
            name = FILTERS.get(number) or label.decode(errors="replace") or "unknown"
            raise StorageError(
                f"{where} is compressed with the filter {name} ({number}), which is not installed: repack it with gzip "
                f"(h5repack -f GZIP=1), or install its plugin (pip install hdf5plugin) where the data were made"
            )


def _check_sources(path: str | Path, where: str, held: h5py.Dataset) -> None:
    """Refuse numbers that lie elsewhere: of a missing source HDF5 reads zeros, of a raw file whatever stands there."""
    if held.external:
        files = ", ".join(str(name) for name, _, _ in held.external)
        raise StorageError(f"{where} keeps its numbers in {files}, outside of the file; copy them into it (h5repack)")
    if held.is_virtual:
        folder = Path(held.file.filename).parent
        for source in held.virtual_sources():
            if source.file_name != "." and not (folder / source.file_name).is_file():
                raise StorageError(
                    f"{where} is a virtual dataset, whose source {source.file_name} is not there; its numbers would "
                    "read as zeros: put the source beside the file, or copy the data into it"
                )
            _check_source(where, held if source.file_name == "." else None, folder / source.file_name, source.dset_name)


def _check_source(where: str, own: h5py.Dataset | None, path: Path, name: str) -> None:
    file = own.file if own is not None else h5py.File(path, "r")
    try:
        if name not in file:
            raise StorageError(f"{where} is a virtual dataset; its source {path.name} has no dataset {name}")
    finally:
        if own is None:
            file.close()


def read_numbers(path: str | Path, held: h5py.Dataset, selection: object = ...) -> np.ndarray:
    """Read a dataset that :func:`dataset_of` gave; a damaged one is named."""
    try:
        return np.asarray(held[selection])
    except (OSError, TypeError, ValueError) as error:
        raise StorageError(f"{path}: {held.name} cannot be read, the file is damaged ({error})") from None


def check_range(
    path: str | Path, name: str, values: np.ndarray, low: float, high: float, unit: str, why: str = ""
) -> None:
    """Refuse values that are not finite or outside of [low, high]; the first of them is named."""
    wrong = ~((values >= low) & (values <= high))  # NaN is neither
    if wrong.any():
        first = values[np.unravel_index(int(wrong.argmax()), values.shape)]
        bounds = f"from {low:g} to {high:g}" if math.isfinite(high) else f"of at least {low:g}"
        possible = f"{bounds} are possible" if unit == "1" else f"{bounds} {unit} are possible{why}"
        raise StorageError(
            f"{path}: {name} = {first:.9g} in {int(wrong.sum())} of {values.size} values (the first); values {possible}"
        )


def columns_of(path: str | Path, file: h5py.File, name: str, known: Mapping[str, object]) -> dict[str, np.ndarray]:
    """Known columns of a table: a group with one dataset each, or one dataset of records; numbers of one row each."""
    if file.get(name, getlink=True) is None:
        raise StorageError(f"{path}: no group {name!r}; it holds {', '.join(sorted(file)) or 'nothing'}")
    try:
        table = file.get(name)
    except RuntimeError:
        raise StorageError(f"{path}: {name} is a link that leads back to itself; a group is needed") from None
    if isinstance(table, h5py.Dataset) and table.dtype.names:
        _check_filters(f"{path}: {name}", table)
        records = read_numbers(path, table)
        columns = {column: records[column] for column in table.dtype.names if column in known}
    elif isinstance(table, h5py.Group):
        names = [column for column in table if column in known]
        columns = {column: read_numbers(path, dataset_of(path, table, column)) for column in names}
    else:
        raise StorageError(f"{path}: {name} is neither a group of columns nor a table; a group is needed")
    for column, values in columns.items():
        if values.dtype.kind not in "buif":
            raise StorageError(f"{path}: {name}/{column} holds no real numbers ({values.dtype})")
        if values.dtype.kind == "b" and column not in TRUTHS:
            raise StorageError(f"{path}: {name}/{column} holds truth values (True, False); numbers are needed")
        if values.dtype.itemsize > 8:  # of a longer kind than the functions know that compute with it
            columns[column] = values = values.astype(np.float64)
        if values.ndim != 1:
            raise StorageError(
                f"{path}: {name}/{column} has shape {values.shape}; one number a halo is needed, shape (haloes,)"
            )
    return columns
