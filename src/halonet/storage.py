"""HDF5 layouts of fields, and writing that never leaves half a file under a final name."""

import glob
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from halonet.checks.attribute_values import units_said
from halonet.checks.attributes import BOX_SIZE, REDSHIFT, SEED, attributes_of, header_values
from halonet.checks.errors import StorageError as StorageError  # most modules know it from here
from halonet.checks.field_values import check_finite, check_mask, check_probability, check_unit
from halonet.checks.hdf5 import dataset_of, read_numbers
from halonet.checks.numbers import checked, without_nan
from halonet.checks.patient_file import FULL, check_room, disk_error, patient_hdf5, temporary_name
from halonet.checks.types import of_type
from halonet.grid.shared_writing import check_together, laid_out, write_planes, write_through_first
from halonet.grid.slabs import Slabs

log = logging.getLogger("halonet")
CHUNK_CELLS = 32  # divides every sub-volume in use, so that reading one touches whole chunks only


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Temporary name beside ``path`` that becomes ``path`` when the block ends well and vanishes when it does not."""
    path = Path(os.path.realpath(path))  # a link stays one, and what it names is written
    if path.exists() and not path.is_file():
        raise StorageError(f"{path}: is no plain file, and is not replaced by one; name another file to write")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path)
    try:
        yield temporary
        with open(temporary, "rb") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if error.errno in FULL:
            raise disk_error(path, error) from None
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_hdf5(path: str | Path, room: int = 0) -> Iterator[h5py.File]:
    """New HDF5 file, which gets its name when the block ends well; a full disk is one error, and crashes nothing.

    ``room`` is the number of bytes that will be written, where it is known: without them nothing is begun.
    """
    check_room(path, room)
    with atomic_path(path) as temporary, patient_hdf5(temporary, path) as file:
        yield file


@contextmanager
def new_shared_hdf5(path: str | Path, slabs: Slabs, room: int = 0) -> Iterator[h5py.File | None]:
    """As :func:`new_hdf5` on the first rank; None on the others."""
    with new_hdf5(path, room) if slabs.rank == 0 else nullcontext() as file:
        yield file


def clear_leftovers(path: str | Path) -> None:
    """Delete what processes that died while they wrote ``path`` have left; for who holds its lock."""
    path = Path(os.path.realpath(path))  # as atomic_path does
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        leftover.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text)


def write_json(path: str | Path, values: object) -> None:
    """Write a JSON file atomically; NaN, a number that does not exist, is null there, and infinity is refused."""
    try:
        text = json.dumps(without_nan(values), indent=2, allow_nan=False) + "\n"
    except ValueError as error:
        raise StorageError(f"{path}: a value is infinite, which JSON has no word for ({error})") from None
    write_text(path, text)


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON file; a damaged one is named."""
    try:
        return json.loads(Path(path).read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise StorageError(f"{path}: cannot be read as JSON ({error})") from None


@dataclass(frozen=True)
class FieldHeader:
    """Root attributes of a field file.

    Attributes
    ----------
    box_size_mpc
        Side of the periodic box (Mpc).
    redshift
        Output redshift the density is extrapolated to; None where a user's file does not say.
    cosmology
        Settings of the cosmology; None where a user's file does not say.
    seed
        Seed of the white noise, where there was one.
    provenance
        See :mod:`halonet.provenance`.
    """

    box_size_mpc: float
    redshift: float | None = None
    cosmology: dict[str, Any] | None = None
    seed: int | None = None
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, number in {"box_size_mpc": BOX_SIZE, "redshift": REDSHIFT, "seed": SEED}.items():
            value = getattr(self, name)
            if value is not None or name == "box_size_mpc":
                taken = checked(f"header: {name}", value, number)
                if not isinstance(value, int | float):
                    object.__setattr__(self, name, taken)
        for name, kind in {"cosmology": Mapping | None, "provenance": Mapping}.items():
            values = of_type(getattr(self, name), kind, f"header: {name}")
            object.__setattr__(self, name, values if values is None else dict(values))

    def known_redshift(self) -> float:
        """Redshift, for what cannot do without; StorageError where the file does not say."""
        if self.redshift is None:
            raise StorageError("the redshift is needed; the root attribute redshift is missing")
        return self.redshift

    def known_cosmology(self) -> dict[str, Any]:
        """Settings of the cosmology, for what cannot do without; StorageError where the file does not say."""
        if self.cosmology is None:
            raise StorageError("the cosmology is needed; the root attribute cosmology is missing")
        return self.cosmology


@contextmanager
def open_hdf5(path: str | Path) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading; a missing, truncated or foreign one is named."""
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        reason = "no such file" if not Path(path).exists() else f"no complete HDF5 file ({error})"
        if Path(path).is_dir():
            reason = "a folder; a file is needed"
        elif "unable to lock file" in str(error):
            reason = "another process is writing it"
        raise StorageError(f"{path}: {reason}") from None
    with file:
        yield file


def write_field(
    path: str | Path,
    name: str,
    slab: np.ndarray,
    header: FieldHeader,
    slabs: Slabs | None = None,
    checked: bool = False,
) -> None:
    """Write a field from its slabs; collective. The bytes do not depend on the number of ranks.

    Parameters
    ----------
    name
        ``density``, ``probability`` (float32) or ``mask`` (uint8).
    slab
        This rank's planes, shape (N / ranks, N, N).
    checked
        Whether they were read by :func:`read_field`, which has looked at every value.
    """
    slabs = slabs or Slabs(slab.shape[1])
    if not checked:
        check_together(slabs, check_finite, path, name, slab, slabs.start, "; nothing is written")
    compressed = name == "mask"  # nearly constant within a chunk; Gaussian fields do not compress
    slab = slab.astype(np.uint8 if compressed else np.float32, copy=False)
    with new_shared_hdf5(path, slabs, 0 if compressed else slabs.cells**3 * 4) as file:
        data, side = None, min(CHUNK_CELLS, slabs.cells)
        if file is not None:
            layout = {"compression": "gzip", "compression_opts": 1} if compressed else {"dcpl": laid_out()}
            data = file.create_dataset(name, (slabs.cells,) * 3, slab.dtype, chunks=(side,) * 3, **layout)
            write_header(file, header)
        if compressed:
            write_through_first(data, slab, slabs, side)
        else:
            write_planes(data, slab, slabs, path)


def write_header(file: h5py.File, header: FieldHeader) -> None:
    """Write the root attributes of a field or catalogue file."""
    file.attrs["box_size_mpc"] = header.box_size_mpc
    if header.redshift is not None:
        file.attrs["redshift"] = header.redshift
    if header.seed is not None:
        file.attrs["seed"] = header.seed
    if header.cosmology is not None:
        file.attrs["cosmology"] = json.dumps(header.cosmology)
    file.attrs["provenance"] = json.dumps(header.provenance)


def read_header(path: str | Path) -> FieldHeader:
    """Header of a field or catalogue file; attributes of other codes' names are understood where units are clear."""
    with open_hdf5(path) as file:
        attributes = attributes_of(file)
    return FieldHeader(**header_values(path, attributes))


def field_cells(path: str | Path, name: str) -> int:
    """Cells along a side of the field ``name``; a missing, non-cubic or non-numeric one is refused."""
    with open_hdf5(path) as file:
        shape = dataset_of(path, file, name).shape
    if len(shape) != 3 or len(set(shape)) != 1 or not shape[0]:
        raise StorageError(f"{path}: {name} has shape {shape}; a cube (N, N, N) is needed")
    return shape[0]


def read_field(path: str | Path, name: str, start: int = 0, stop: int | None = None) -> np.ndarray:
    """Planes ``start`` to ``stop`` of a field, float32 (uint8 for a mask) of shape (stop - start, N, N).

    Raises
    ------
    StorageError
        If values are not finite, a mask has others than 0 and 1, or a probability leaves [0, 1].
    """
    cells = field_cells(path, name)
    with open_hdf5(path) as file:
        check_unit(path, name, units_said(file[name].attrs))
        planes = read_numbers(path, dataset_of(path, file, name), slice(start, cells if stop is None else stop))
    if name == "mask":
        check_mask(path, planes, start)
        return planes.astype(np.uint8, copy=False)
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused
        planes = planes.astype(np.float32, copy=False)
    check_finite(path, name, planes, start)
    if name == "probability":
        check_probability(path, planes)
    return planes
