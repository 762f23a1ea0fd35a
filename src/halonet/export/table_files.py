"""Tables of columns as FITS and Parquet, whatever they are of: units and descriptions go with them."""

import io
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np

from halonet.columns import Column
from halonet.settings import SettingsError
from halonet.storage import atomic_path

# The unit strings of the FITS standard (4.0, section 4.3); a pure number has none.
FITS_UNITS = {"Mpc": "Mpc", "km/s": "km s-1", "Msun": "solMass", "deg": "deg", "1": None}
FITS_FORMATS = {"f4": "E", "f8": "D", "i8": "K", "u1": "B"}

About = Mapping[str, str | float | int]


def fits_table(
    path: Path, extension: str, known: Mapping[str, Column], columns: Mapping[str, np.ndarray], about: About
) -> None:
    """Write the binary table ``extension``; descriptions are TCOMMn, ``about`` has the further keywords.

    Parameters
    ----------
    known
        Unit, dtype and description of columns, which are written in this order.
    columns
        Arrays of the same length; those that ``known`` does not name are left out.
    """
    fits = library("astropy.io.fits", "FITS")
    held = [column for name, column in known.items() if name in columns]
    table = fits.BinTableHDU.from_columns(
        [
            fits.Column(
                name=column.name,
                format=FITS_FORMATS[column.dtype],
                unit=FITS_UNITS[column.unit],
                array=columns[column.name],
            )
            for column in held
        ],
        name=extension,
    )
    for number, column in enumerate(held, 1):
        table.header[f"TCOMM{number}"] = column.description
    for name, value in about.items():
        table.header[name] = value
    content = io.BytesIO()  # a library that writes into a full disk says so by several tracebacks
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(content)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.getbuffer())


def parquet_table(path: Path, known: Mapping[str, Column], columns: Mapping[str, np.ndarray], about: About) -> None:
    """Write a Parquet table; ``unit`` and ``description`` are metadata of each field, ``about`` of the schema."""
    pyarrow, parquet = library("pyarrow", "Parquet"), library("pyarrow.parquet", "Parquet")
    fields, arrays = [], []
    for name, column in known.items():
        if name in columns:
            metadata = {"unit": column.unit, "description": column.description}
            arrays.append(pyarrow.array(columns[name].astype(column.dtype)))
            fields.append(pyarrow.field(name, arrays[-1].type, nullable=False, metadata=metadata))
    schema = pyarrow.schema(fields, metadata={name: str(value) for name, value in about.items()})
    content = io.BytesIO()
    parquet.write_table(pyarrow.table(arrays, schema=schema), content)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.getbuffer())


def library(name: str, what: str) -> ModuleType:
    """A library that only exporters need."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        package = name.split(".")[0]
        raise SettingsError(
            f"{what} needs {package}, which is not installed: pip install -r requirements/export.txt"
        ) from None
