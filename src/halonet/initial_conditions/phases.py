"""White noise of other generators: real-space fields of unit variance in the files that codes write.

Notes
-----
Noise n[x, y, z] is that of the cell at ((x, y, z) + 1/2) cell sizes, and the density is FFT^-1(sqrt(P / a^3) FFT(n)):
where the noise is high, so is the density. No convention of the transform enters, since the filter is real and even.

- numpy (``.npy``): an array of shape (N, N, N), indexed [x, y, z].
- HDF5: a dataset of this shape, named behind a colon where the file holds several.
- GRAFIC (Bertschinger 2001): Fortran records; a header of four integers (sides and seed), then one record a plane of
  constant z, x running fastest. MUSIC and monofonIC read it with the opposite sign unless ``grafic_sign = yes``.
- MUSIC's own cache of a level (``wnoise_0007.bin``): three integers, then planes of constant x, z running fastest.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from halonet.checks.arrays import check_unmasked
from halonet.checks.errors import StorageError
from halonet.checks.hdf5 import dataset_of, read_numbers
from halonet.checks.names import split_dataset
from halonet.grid.slabs import Slabs
from halonet.provenance import file_digest
from halonet.storage import open_hdf5

USUAL_NAMES = ("phases", "white_noise", "noise")  # of datasets that are taken where a file holds others, too
NUMPY, HDF5, ZIP = b"\x93NUMPY", b"\x89HDF\r\n\x1a\n", b"PK\x03\x04"
GRAFIC_HEADER = 16  # bytes of four integers
KINDS = "numpy, HDF5, GRAFIC's Fortran records and MUSIC's wnoise files are read"


@dataclass(frozen=True)
class Phases:
    """A cube of white noise.

    Attributes
    ----------
    source
        What messages call it.
    cells
        Along a side.
    read
        Planes from one x to another, float32 of shape (planes, N, N).
    digest
        Of the file or array, for provenance.
    """

    source: str
    cells: int
    read: Callable[[int, int], np.ndarray]
    digest: Callable[[], str]

    def planes_of(self, slabs: Slabs, sign: int = 1) -> np.ndarray:
        """The planes of a rank times ``sign``, float32 of shape (N / ranks, N, N); others than N cells are refused."""
        if slabs.cells != self.cells:
            raise StorageError(f"{self.source}: phases of {self.cells}^3 cells; {slabs.cells}^3 are asked for")
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused
            noise = np.array(self.read(slabs.start, slabs.stop), np.float32, order="C")
        if not np.isfinite(noise).all():
            raise StorageError(f"{self.source}: {np.count_nonzero(~np.isfinite(noise))} values are not finite")
        return -noise if sign < 0 else noise


def open_phases(given: str | Path | np.ndarray) -> Phases:
    """White noise of an array, or of a file, ``FILE`` or ``FILE:DATASET``; its numbers are read later, by planes.

    Raises
    ------
    StorageError
        If it is no cube of real numbers in one of the formats that are known.
    """
    if isinstance(given, np.ndarray):
        check_unmasked(given, "phases")
        cube = _checked(given, "phases")
        content = np.ascontiguousarray(cube, np.float32)
        return Phases("phases", len(cube), lambda i, j: cube[i:j], lambda: _digest(content))
    path, dataset = split_dataset(str(given))
    try:
        with open(path, "rb") as file:
            head = file.read(GRAFIC_HEADER + 16)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}; phases are a file, or FILE:DATASET") from None
    if head.startswith(HDF5):
        return _of_hdf5(path, dataset)
    if dataset is not None:
        raise StorageError(f"{path}: is no HDF5 file and has no dataset {dataset!r}; give the file alone")
    if head.startswith(NUMPY):
        cube = _of_numpy(path)
    elif head.startswith(ZIP):
        raise StorageError(f"{path}: is an archive of arrays (.npz); save the noise alone with numpy.save")
    else:
        cube = _of_records(path, head)
    cube = _checked(cube, path)
    return Phases(path, len(cube), lambda i, j: cube[i:j], lambda: file_digest(path))


def _digest(content: np.ndarray) -> str:
    return hashlib.sha256(content.tobytes()).hexdigest()[:16]


def _checked(cube: np.ndarray, source: str) -> np.ndarray:
    """The cube, of real numbers and equal sides."""
    if cube.dtype.kind == "c":
        raise StorageError(f"{source}: complex numbers; phases are the real noise of the cells, not its modes")
    if cube.dtype.kind not in "fiu":
        raise StorageError(f"{source}: holds {cube.dtype}, not numbers")
    if cube.ndim != 3 or len(set(cube.shape)) != 1 or not len(cube):
        raise StorageError(f"{source}: phases have shape {cube.shape}; a cube (N, N, N) is needed")
    return cube


def _of_numpy(path: str) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise StorageError(f"{path}: cannot be read as an array of numbers ({error})") from None


def _of_hdf5(path: str, dataset: str | None) -> Phases:
    with open_hdf5(path) as file:
        name = dataset or _only_dataset(path, file)
        shape = dataset_of(path, file, name).shape
    if len(shape) != 3 or len(set(shape)) != 1 or not shape[0]:
        raise StorageError(f"{path}: {name} has shape {shape}; a cube (N, N, N) is needed")

    def read(start: int, stop: int) -> np.ndarray:
        with open_hdf5(path) as file:
            return read_numbers(path, dataset_of(path, file, name), slice(start, stop))

    return Phases(f"{path}: {name}", shape[0], read, lambda: file_digest(path))


def _only_dataset(path: str, file: h5py.File) -> str:
    held = [name for name in file if isinstance(file.get(name), h5py.Dataset)]
    usual = [name for name in USUAL_NAMES if name in held]
    if len(held) != 1 and not usual:
        found = ", ".join(held) or "no dataset"
        raise StorageError(f"{path}: holds {found}; name the one of the noise, {path}:DATASET")
    return (usual or held)[0]


def _of_records(path: str, head: bytes) -> np.ndarray:
    """A binary file of GRAFIC or MUSIC, as a view of shape (N, N, N) of the file, indexed [x, y, z]."""
    size = os.path.getsize(path)
    for order in "<>" if len(head) >= GRAFIC_HEADER else "":
        sides = [int(side) for side in np.frombuffer(head, f"{order}u4", 3)]
        for kind in (f"{order}f4", f"{order}f8"):
            if len(set(sides)) == 1 and size == 12 + sides[0] ** 3 * np.dtype(kind).itemsize:
                return np.memmap(path, kind, "r", 12, tuple(sides))
        for marker in (f"{order}i8", f"{order}i4"):  # whose first half may read 16, too
            width = np.dtype(marker).itemsize
            if np.frombuffer(head, marker, 1)[0] == GRAFIC_HEADER and len(head) >= width + 12:
                sides = [int(side) for side in np.frombuffer(head, f"{order}i4", 3, width)]
                return _of_grafic(path, sides, marker, size)
    raise StorageError(f"{path}: of no known kind; {KINDS}")


def _of_grafic(path: str, sides: list[int], marker: str, size: int) -> np.ndarray:
    x, y, z = sides
    if min(sides) < 1:
        raise StorageError(f"{path}: GRAFIC header with the sides {sides}; positive ones are needed")
    header = GRAFIC_HEADER + 2 * np.dtype(marker).itemsize
    for kind in ("f4", "f8"):
        record = np.dtype([("before", marker), ("plane", f"{marker[0]}{kind}", (y, x)), ("after", marker)])
        if size == header + z * record.itemsize:
            records = np.memmap(path, record, "r", header, (z,))
            expected = record["plane"].itemsize
            if (records["before"] != expected).any() or (records["after"] != expected).any():
                raise StorageError(f"{path}: a record is not {expected} bytes long, as its header says; it is damaged")
            return records["plane"].transpose(2, 1, 0)
    raise StorageError(f"{path}: has {size} bytes, which are not those of GRAFIC records of {x} x {y} x {z} numbers")
