"""Whole catalogues as tables, FITS and Parquet: every column with its name, dtype and unit of ``COLUMNS``, without h.

Nothing is converted and nothing is lost: units and descriptions go with the columns, box, redshift, cosmology, seed,
provenance and notes with the table.
"""

import io
import json
from importlib import import_module
from pathlib import Path
from types import ModuleType

from halonet.catalogue import HaloCatalogue
from halonet.columns import COLUMNS
from halonet.settings import CosmologySettings, SettingsError
from halonet.storage import atomic_path

# The unit strings of the FITS standard (4.0, section 4.3); a pure number has none.
FITS_UNITS = {"Mpc": "Mpc", "km/s": "km s-1", "Msun": "solMass", "1": None}
# Keywords of a FITS header have at most eight characters.
FITS_KEYWORDS = {
    "box_size_mpc": "BOXSIZE",
    "redshift": "REDSHIFT",
    "seed": "SEED",
    "grid_cells": "NGRID",
    "cosmology": "COSMOLOG",
    "provenance": "PROVENAN",
    "notes": "NOTES",
}


def write_fits(path: Path, catalogue: HaloCatalogue, cosmology: CosmologySettings | None = None) -> None:
    """Write the binary table ``HALOES``; descriptions are TCOMMn, cosmology, provenance and notes JSON text."""
    fits = _library("astropy.io.fits", "FITS")
    names = _present(catalogue)
    columns = [
        fits.Column(
            name=name,
            format={"f4": "E", "f8": "D"}[COLUMNS[name].dtype],
            unit=FITS_UNITS[COLUMNS[name].unit],
            array=catalogue[name],
        )
        for name in names
    ]
    table = fits.BinTableHDU.from_columns(columns, name="HALOES")
    for number, name in enumerate(names, 1):
        table.header[f"TCOMM{number}"] = COLUMNS[name].description
    for name, value in metadata(catalogue).items():
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
    header = catalogue.header
    values = {
        "box_size_mpc": header.box_size_mpc,
        "redshift": header.redshift,
        "seed": header.seed,
        "grid_cells": catalogue.grid_cells,
        "cosmology": None if header.cosmology is None else json.dumps(header.cosmology),
        "provenance": json.dumps(header.provenance),
        "notes": json.dumps(catalogue.notes),
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
