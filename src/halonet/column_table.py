"""What catalogues of haloes, galaxies and light cones share: columns in memory, and as a group of an HDF5 file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import h5py
import numpy as np

from halonet.checks.arrays import REAL, real_numbers
from halonet.checks.attributes import check_redshifts
from halonet.checks.errors import StorageError
from halonet.checks.hdf5 import TRUTHS
from halonet.checks.json_objects import check_json
from halonet.checks.types import of_type
from halonet.column_files import check_inside, check_values, off_the_side
from halonet.columns import EULERIAN, LAGRANGIAN, Column
from halonet.storage import FieldHeader

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class ColumnTable:
    """Objects of a box, one array per property: ``table["mass"]`` is a column, ``len(table)`` their number.

    A subclass names the columns that are ``KNOWN``, those it cannot be without (``REQUIRED``), and its ``OBJECTS``.

    Attributes
    ----------
    columns
        Arrays of shape (objects,), in the units of ``KNOWN``.
    header
        Box, redshift, cosmology, seed and provenance.
    """

    KNOWN: ClassVar[Mapping[str, Column]]
    REQUIRED: ClassVar[tuple[str, ...]]
    OBJECTS: ClassVar[str] = "haloes"
    OF_A_BOX: ClassVar[bool] = True  # within which positions are

    columns: dict[str, np.ndarray]
    header: FieldHeader

    def __post_init__(self) -> None:
        name = type(self).__name__
        of_type(self.header, FieldHeader, f"header of {name}")
        of_type(self._notes, Mapping, f"notes of {name}")
        object.__setattr__(self, "columns", self._arrays(name))

    @property
    def _notes(self) -> Mapping[str, Any]:
        return getattr(self, "notes", {})

    def _arrays(self, source: str | Path) -> dict[str, np.ndarray]:
        """The columns as arrays of real numbers, one a row; messages about others begin with ``source``."""
        unknown, missing = set(self.columns) - set(self.KNOWN), set(self.REQUIRED) - set(self.columns)
        if unknown or missing:
            raise ValueError(f"{source}: columns: unknown {sorted(unknown)}, missing {sorted(missing)}")
        arrays = {
            name: real_numbers(values, f"{source}: column {name}", REAL + "b" if name in TRUTHS else REAL)
            for name, values in self.columns.items()
        }
        if len({values.shape for values in arrays.values()}) > 1 or any(values.ndim != 1 for values in arrays.values()):
            shapes = ", ".join(f"{name} {values.shape}" for name, values in arrays.items())
            raise ValueError(f"{source}: columns of different shapes: {shapes}; each has one number a row")
        return arrays

    def __len__(self) -> int:
        return len(self.columns[self.REQUIRED[0]])

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    @property
    def box_size_mpc(self) -> float:
        """Side of the box (Mpc)."""
        return self.header.box_size_mpc

    def positions(self, names: tuple[str, ...] = EULERIAN) -> np.ndarray:
        """Positions (or velocities) as one array, float64 of shape (objects, 3)."""
        return np.stack([self.columns[name] for name in names], axis=-1).astype(np.float64)

    def select(self, rows: np.ndarray | slice) -> Self:
        """Objects picked by a boolean mask, or by indices or a slice in their order."""
        return replace(self, columns={name: values[rows] for name, values in self.columns.items()})

    def to_pandas(self) -> "DataFrame":
        """Table with one row per object and the columns' names, in their units."""
        import pandas as pd

        return pd.DataFrame({name: self.columns[name] for name in self.KNOWN if name in self.columns})

    def check(self, source: str | Path, used: Sequence[str] | None = None) -> None:
        """Refuse what no catalogue is; messages begin with ``source``; of the ``used`` columns alone values matter.

        Columns that are no rows of real numbers or not of one length, values that no object has, positions outside of
        the box, another redshift in the cosmology, and what JSON cannot hold.
        """
        self.columns.update(self._arrays(source))  # columns may have been put in since it was made
        check_redshifts(source, self.header.redshift, self.header.cosmology)
        for name, values in (("cosmology", self.header.cosmology), ("provenance", self.header.provenance)):
            check_json(values, f"{source}: {name}")
        check_json(self._notes, f"{source}: notes")
        values_of = {name: self.columns[name] for name in used or self.columns}
        check_values(source, values_of, self.KNOWN)
        for name in {*LAGRANGIAN, *EULERIAN} & set(values_of) if self.OF_A_BOX else ():
            check_inside(source, name, off_the_side(self.columns[name], self.box_size_mpc), self.box_size_mpc)

    def check_finite(self, path: str | Path) -> None:
        """Refuse to write values that are not finite to ``path``."""
        for name, values in self._arrays(path).items():
            if wrong := len(values) - int(np.isfinite(values).sum()):
                of = f"{wrong} of {len(values)} {self.OBJECTS}"
                raise StorageError(f"{path}: {name} is not finite in {of}; nothing is written")

    def write_columns(self, file: h5py.File) -> None:
        """Write a group of one dataset per column, each with its unit and description."""
        group = file.create_group(self.OBJECTS)
        for name, column in self.KNOWN.items():
            if name in self.columns:
                data = group.create_dataset(name, data=self[name].astype(column.dtype, copy=False))
                data.attrs["unit"], data.attrs["description"] = column.unit, column.description

    @classmethod
    def check_columns(cls, path: str | Path, columns: Mapping[str, np.ndarray]) -> None:
        """Refuse columns read from ``path`` that are too few, of different lengths, or not finite."""
        if missing := set(cls.REQUIRED) - set(columns):
            raise StorageError(f"{path}: columns {', '.join(sorted(missing))} are missing from group {cls.OBJECTS}")
        number = len(columns[cls.REQUIRED[0]])
        for name, values in columns.items():
            if len(values) != number or not np.isfinite(values).all():
                raise StorageError(f"{path}: column {name} has {len(values)} values of {number}, or not all are finite")
