"""Halo catalogues in memory and as files; the table of :mod:`halonet.columns` says what a column means."""

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from halonet.checks.attribute_values import json_or_note, number_of
from halonet.checks.numbers import Number, checked
from halonet.checks.types import of_type
from halonet.column_files import check_inside, read_columns
from halonet.column_table import ColumnTable
from halonet.columns import COLUMNS, EULERIAN, LAGRANGIAN, REQUIRED, VELOCITY
from halonet.plausibility.odd_columns import say_odd
from halonet.storage import StorageError, new_hdf5, open_hdf5, read_header, write_header

if TYPE_CHECKING:
    from astropy.table import Table


GRID = Number(whole=True, least=1, repeated=True)
VOLUME = Number(least=0)
SINGLE_PRECISION = np.finfo(np.float32).eps

__all__ = [
    "COLUMNS",
    "EULERIAN",
    "LAGRANGIAN",
    "REQUIRED",
    "VELOCITY",
    "HaloCatalogue",
    "check_inside",
    "read_catalogue",
    "read_columns",
    "write_catalogue",
]


@dataclass(frozen=True)
class HaloCatalogue(ColumnTable):
    """Haloes of one periodic box: ``haloes["mass"]`` is a column, ``len(haloes)`` their number.

    Attributes
    ----------
    columns
        One array per property, shape (haloes,), in the units of :data:`COLUMNS`.
    header
        Box, redshift, cosmology, seed and provenance.
    grid_cells
        Cells along a side of the grid the haloes were found on.
    notes
        What was done to the catalogue, as JSON values.

    Examples
    --------
    >>> import halonet
    >>> haloes = halonet.make_mock(seed=7, cells=32)
    >>> haloes
    <HaloCatalogue: 39 haloes of 9.77e+11 to 1.83e+14 Msun, box of 32 Mpc, redshift 0>
    >>> len(haloes.larger_than(100))
    13
    >>> haloes.to_pandas().columns[0], haloes.to_astropy()["x"].unit.name
    ('qx', 'Mpc')
    """

    KNOWN: ClassVar = COLUMNS
    REQUIRED: ClassVar = REQUIRED

    grid_cells: int
    notes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "grid_cells", int(checked("HaloCatalogue: grid_cells", self.grid_cells, GRID)))

    def __repr__(self) -> str:
        masses, redshift = self["mass"], self.header.redshift
        found = f" of {masses.min():.3g} to {masses.max():.3g} Msun" if len(self) else ""
        when = "unknown redshift" if redshift is None else f"redshift {redshift:g}"
        return f"<HaloCatalogue: {len(self)} haloes{found}, box of {self.box_size_mpc:g} Mpc, {when}>"

    def _repr_html_(self) -> str:
        """In a notebook: what :func:`repr` says, and the first haloes with the units of their columns."""
        first = self.select(slice(5)).to_pandas()
        first.columns = [f"{name} ({COLUMNS[name].unit})" for name in first.columns]
        return f"<p>{html.escape(repr(self))}</p>{first.to_html()}"

    def to_astropy(self) -> "Table":
        """Astropy table with units and descriptions; box, redshift, cosmology and notes are in its ``meta``.

        Raises
        ------
        ModuleNotFoundError
            Without astropy, which ``pip install halonet[export]`` brings.
        """
        from astropy.table import Table

        meta = {"box_size_mpc": self.box_size_mpc, "redshift": self.header.redshift, "notes": self.notes}
        table = Table(meta=meta | {"cosmology": self.header.cosmology, "grid_cells": self.grid_cells})
        for name, column in COLUMNS.items():
            if name in self.columns:
                table[name] = self.columns[name]
                table[name].unit, table[name].description = column.unit.replace("1", ""), column.description
        return table

    @property
    def cell_size(self) -> float:
        """Side of a grid cell (Mpc)."""
        return self.box_size_mpc / self.grid_cells

    def positions(self, names: tuple[str, ...] = LAGRANGIAN) -> np.ndarray:
        """Positions (or velocities) as one array, float64 of shape (haloes, 3).

        Lagrangian centres that were cell centres before they were rounded to single precision are so again: whether a
        cell lies within a radius must not depend on where in the box the halo is.
        """
        values = super().positions(names)
        return self._on_lattice(values) if names == LAGRANGIAN else values

    def _on_lattice(self, positions: np.ndarray) -> np.ndarray:
        cells = positions / self.cell_size - 0.5
        nearest = np.rint(cells)
        rounded = (np.abs(cells - nearest) <= SINGLE_PRECISION * self.grid_cells).all(axis=1, keepdims=True)
        return np.where(rounded, (nearest + 0.5) * self.cell_size, positions)

    def centres_in_cells(self, cell_size: float | None = None) -> np.ndarray:
        """Lagrangian centres (cells) from the corner of the box, shape (haloes, 3); those of cells are exact halves.

        ``cell_size`` (Mpc) is by default the catalogue's own.
        """
        cells = self.positions(LAGRANGIAN) / (cell_size or self.cell_size)
        return np.round(cells, 9)  # beyond it are the digits of the division

    def check(self, source: str | Path, used: Sequence[str] | None = None) -> None:
        """Refuse what no catalogue is, see :meth:`ColumnTable.check`; say what does not fit."""
        super().check(source, used)
        if used is None:
            self.say_odd(source)

    def say_odd(self, source: str | Path) -> None:
        """Say where columns do not fit one another or the header; they are taken as they are."""
        say_odd(source, self.columns, self.header, self.grid_cells, self.notes)

    def larger_than(self, cells: float) -> "HaloCatalogue":
        """Haloes of at least ``cells`` grid cells."""
        return self.select(self["cells"] >= checked("cells", cells, VOLUME))

    def order_by_mass(self) -> np.ndarray:
        """Rows in the order of :meth:`sorted_by_mass`."""
        return np.lexsort((self["qz"], self["qy"], self["qx"], -self["mass"]))

    def sorted_by_mass(self) -> "HaloCatalogue":
        """Most massive first; ties by position, so that the order is unique."""
        return self.select(self.order_by_mass())


def write_catalogue(path: str | Path, catalogue: HaloCatalogue) -> None:
    """Write a catalogue atomically, sorted by mass: group ``haloes`` of an HDF5 file with one dataset per column.

    Parameters
    ----------
    path
        File to write; its folder is made where there is none.
    catalogue
        What to write, in the units of :data:`COLUMNS`, which stand beside every column.

    Raises
    ------
    OSError
        If the file cannot be written; nothing is left under its name then.

    Examples
    --------
    >>> import halonet
    >>> halonet.write_catalogue("mock.h5", halonet.make_mock(seed=7, cells=32))
    >>> len(halonet.read_catalogue("mock.h5"))
    39
    """
    of_type(catalogue, HaloCatalogue, "catalogue").check_finite(path)
    catalogue.check(path, used=list(catalogue.columns))  # who reads it is told what is odd
    catalogue = catalogue.sorted_by_mass()
    with new_hdf5(path) as file:
        catalogue.write_columns(file)
        write_header(file, catalogue.header)
        file.attrs["grid_cells"] = catalogue.grid_cells
        file.attrs["notes"] = json.dumps(catalogue.notes)


def read_catalogue(path: str | Path) -> HaloCatalogue:
    """Read a catalogue, most massive halo first.

    Parameters
    ----------
    path
        HDF5 file of :func:`write_catalogue`, or of your own with the same layout (docs/reference/columns.md).

    Raises
    ------
    StorageError
        If columns are missing, values are not finite, or centres lie outside of the box.

    Examples
    --------
    >>> import halonet
    >>> halonet.write_catalogue("mock.h5", halonet.make_mock(seed=7, cells=32))
    >>> halonet.read_catalogue("mock.h5").box_size_mpc
    32.0
    """
    header = read_header(path)
    columns = read_columns(path, header.box_size_mpc)
    with open_hdf5(path) as file:
        if "light_cone" in file.attrs:
            raise StorageError(f"{path}: a light cone; the catalogue of a box is needed (halonet mock)")
        if "grid_cells" not in file.attrs:
            raise StorageError(f"{path}: the root attribute grid_cells (cells along a side of the grid) is missing")
        grid_cells = int(number_of(path, "grid_cells", file.attrs["grid_cells"], GRID))
        notes = json_or_note(file.attrs.get("notes", "{}"))
    catalogue = HaloCatalogue(columns, header, grid_cells, notes)
    catalogue.say_odd(path)
    return catalogue
