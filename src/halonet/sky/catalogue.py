"""Light-cone catalogues in memory and as files; ``LIGHT_CONE_COLUMNS`` of :mod:`halonet.columns` has the columns."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from halonet.checks.attribute_values import json_or_note, text_of
from halonet.checks.hdf5 import columns_of
from halonet.checks.types import of_type
from halonet.column_table import ColumnTable
from halonet.columns import LIGHT_CONE_COLUMNS, REQUIRED_OF_LIGHT_CONES
from halonet.settings import LightConeSettings, validate
from halonet.storage import StorageError, new_hdf5, open_hdf5, read_header, write_header


@dataclass(frozen=True)
class LightConeCatalogue(ColumnTable):
    """Haloes that an observer sees, nearest first: ``haloes["redshift"]`` is a column, ``len(haloes)`` their number.

    Attributes
    ----------
    columns
        One array per property, shape (haloes,), in the units of ``LIGHT_CONE_COLUMNS``.
    header
        Box that is repeated, cosmology, seed and provenance; its redshift is None.
    settings
        Observer, opening and range of redshifts.
    notes
        What else is said of the catalogue, as JSON values.
    """

    KNOWN: ClassVar = LIGHT_CONE_COLUMNS
    REQUIRED: ClassVar = REQUIRED_OF_LIGHT_CONES
    OF_A_BOX: ClassVar = False

    settings: LightConeSettings
    notes: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        masses, (first, last) = self["mass"], self.settings.redshift_range
        found = f" of {masses.min():.3g} to {masses.max():.3g} Msun" if len(self) else ""
        opening = self.settings.opening
        name = opening if isinstance(opening, str) else f"circle of {opening.radius:g} degrees"
        return f"<LightConeCatalogue: {len(self)} haloes{found}, {name}, redshift {first:g} to {last:g}>"

    def between(self, first: float, last: float) -> "LightConeCatalogue":
        """Haloes of cosmological redshifts from ``first`` to below ``last``."""
        return self.select((self["redshift"] >= first) & (self["redshift"] < last))

    def nearest_first(self) -> "LightConeCatalogue":
        """Sorted by distance; ties by position, so that the order is unique."""
        return self.select(np.lexsort((self["z"], self["y"], self["x"], self["distance"])))


def write_light_cone(path: str | Path, catalogue: LightConeCatalogue) -> None:
    """Write a light cone atomically, nearest halo first: an HDF5 file, group ``haloes`` with one dataset per column.

    Parameters
    ----------
    path
        File to write; its folder is made where there is none.
    catalogue
        What to write, in the units of ``LIGHT_CONE_COLUMNS``, which stand beside every column.

    Raises
    ------
    StorageError
        If a value is not finite; nothing is written then.

    Examples
    --------
    >>> import halonet
    >>> sky = halonet.make_light_cone(seed=7, cells=32, redshift_range=(0.0, 0.02))
    >>> halonet.write_light_cone("sky.h5", sky)
    >>> len(halonet.read_light_cone("sky.h5")) == len(sky)
    True
    """
    of_type(catalogue, LightConeCatalogue, "catalogue").check_finite(path)
    catalogue.check(path)
    catalogue = catalogue.nearest_first()
    with new_hdf5(path) as file:
        catalogue.write_columns(file)
        write_header(file, catalogue.header)
        file.attrs["light_cone"] = catalogue.settings.model_dump_json()
        file.attrs["notes"] = json.dumps(catalogue.notes)


def is_light_cone(path: str | Path) -> bool:
    """Whether a file says that it holds a light cone."""
    with open_hdf5(path) as file:
        return "light_cone" in file.attrs


def read_light_cone(path: str | Path) -> LightConeCatalogue:
    """Read a light cone, nearest halo first.

    Parameters
    ----------
    path
        HDF5 file of :func:`write_light_cone`.

    Raises
    ------
    StorageError
        If it is none, columns are missing, or values are not finite.

    Examples
    --------
    >>> import halonet
    >>> sky = halonet.make_light_cone(seed=7, cells=32, redshift_range=(0.0, 0.02))
    >>> halonet.write_light_cone("sky.h5", sky)
    >>> halonet.read_light_cone("sky.h5")["mass"].max() == sky["mass"].max()
    np.True_
    """
    header = read_header(path)
    with open_hdf5(path) as file:
        if "light_cone" not in file.attrs:
            raise StorageError(f"{path}: no light cone, the root attribute light_cone is missing; a box is read by "
                               "read_catalogue")  # fmt: skip
        settings = validate(LightConeSettings, json_or_note(file.attrs["light_cone"]), f"{path}: light_cone")
        columns = columns_of(path, file, "haloes", LIGHT_CONE_COLUMNS)
        for name in columns:
            unit, wanted = text_of(file["haloes"][name].attrs.get("unit")), LIGHT_CONE_COLUMNS[name].unit
            if unit != wanted:
                raise StorageError(f"{path}: column {name} has the unit {unit}; {wanted} is needed, without h")
        notes = json_or_note(file.attrs.get("notes", "{}"))
    LightConeCatalogue.check_columns(path, columns)
    return LightConeCatalogue(columns, header, settings, notes)
