"""Whole catalogues as tables, FITS and Parquet: every column with its name, dtype and unit of ``COLUMNS``, without h.

Nothing is converted and nothing is lost: units and descriptions go with the columns, box, redshift, cosmology, seed,
provenance and notes with the table.
"""

import io
import json
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.columns import COLUMNS, LIGHT_CONE_COLUMNS, Column
from halonet.settings import CosmologySettings, SettingsError
from halonet.sky.catalogue import LightConeCatalogue
from halonet.storage import FieldHeader, atomic_path

# The unit strings of the FITS standard (4.0, section 4.3); a pure number has none.
FITS_UNITS = {"Mpc": "Mpc", "km/s": "km s-1", "Msun": "solMass", "deg": "deg", "1": None}
# Keywords of a FITS header have at most eight characters.
FITS_KEYWORDS = {
    "box_size_mpc": "BOXSIZE",
    "redshift": "REDSHIFT",
    "seed": "SEED",
    "grid_cells": "NGRID",
    "cosmology": "COSMOLOG",
    "provenance": "PROVENAN",
    "light_cone": "LTCONE",
    "notes": "NOTES",
}


def write_fits(path: Path, catalogue: HaloCatalogue, cosmology: CosmologySettings | None = None) -> None:
    """Write the binary table ``HALOES``; descriptions are TCOMMn, cosmology, provenance and notes JSON text."""
    _write_fits_table(path, catalogue.columns, COLUMNS, metadata(catalogue))


def write_fits_of_light_cone(path: Path, catalogue: LightConeCatalogue) -> None:
    """The same table of a light cone; readers of FITS do not tell ``ra`` from ``RA``, nor ``dec`` from ``DEC``."""
    about = header_values(catalogue.header) | {"light_cone": catalogue.settings.model_dump_json()}
    about["notes"] = json.dumps(catalogue.notes)
    _write_fits_table(path, catalogue.columns, LIGHT_CONE_COLUMNS, about)


def _write_fits_table(
    path: Path, values: dict[str, np.ndarray], columns: dict[str, Column], about: dict[str, str | float | int]
) -> None:
    """Write the columns that there are, in their order, and what the table says about itself."""
    fits = _library("astropy.io.fits", "FITS")
    known = [column for column in columns.values() if column.name in values]
    arrays = [
        fits.Column(
            name=column.name,
            format={"f4": "E", "f8": "D"}[column.dtype],
            unit=FITS_UNITS[column.unit],
            array=values[column.name],
        )
        for column in known
    ]
    table = fits.BinTableHDU.from_columns(arrays, name="HALOES")
    for number, column in enumerate(known, 1):
        table.header[f"TCOMM{number}"] = column.description
    for name, value in about.items():
        table.header[FITS_KEYWORDS[name]] = value
    content = io.BytesIO()  # a library that writes into a full disk says so by several tracebacks
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(content)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.getbuffer())


def write_parquet(path: Path, catalogue: HaloCatalogue, cosmology: CosmologySettings | None = None) -> None:
    """Write a Parquet table; ``unit`` and ``description`` are metadata of each field, the rest of the schema."""
    pyarrow, parquet = _library("pyarrow", "Parquet"), _library("pyarrow.parquet", "Parquet")
    fields, arrays = [], []
    for name in _present(catalogue):
        column = COLUMNS[name]
        about = {"unit": column.unit, "description": column.description}
        arrays.append(pyarrow.array(catalogue[name].astype(column.dtype)))
        fields.append(pyarrow.field(name, arrays[-1].type, nullable=False, metadata=about))
    about = {name: str(value) for name, value in metadata(catalogue).items()}
    table = pyarrow.table(arrays, schema=pyarrow.schema(fields, metadata=about))
    content = io.BytesIO()
    parquet.write_table(table, content)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.getbuffer())


def metadata(catalogue: HaloCatalogue) -> dict[str, str | float | int]:
    """What the catalogue says about itself, by the names of its HDF5 attributes; absent where it does not say."""
    values = header_values(catalogue.header)
    return values | {"grid_cells": catalogue.grid_cells, "notes": json.dumps(catalogue.notes)}


def header_values(header: FieldHeader) -> dict[str, str | float | int]:
    """What a header says, by the names of its HDF5 attributes; absent where it does not say."""
    values = {
        "box_size_mpc": header.box_size_mpc,
        "redshift": header.redshift,
        "seed": header.seed,
        "cosmology": None if header.cosmology is None else json.dumps(header.cosmology),
        "provenance": json.dumps(header.provenance),
    }
    return {name: value for name, value in values.items() if value is not None}


def _library(name: str, what: str) -> ModuleType:
    """A library that only exporters need."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        library = name.split(".")[0]
        raise SettingsError(
            f"{what} needs {library}, which is not installed: pip install -r requirements/export.txt"
        ) from None


def _present(catalogue: HaloCatalogue) -> list[str]:
    """Columns of the catalogue in the order of the column table."""
    return [name for name in COLUMNS if name in catalogue.columns]
