"""Whole catalogues as tables, FITS and Parquet: every column with its name, dtype and unit of ``COLUMNS``, without h.

Nothing is converted and nothing is lost: units and descriptions go with the columns, box, redshift, cosmology, seed,
provenance and notes with the table.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from halonet.catalogue import HaloCatalogue
from halonet.columns import COLUMNS, LIGHT_CONE_COLUMNS
from halonet.export.table_files import fits_table, parquet_table
from halonet.settings import CosmologySettings
from halonet.sky.catalogue import LightConeCatalogue
from halonet.storage import FieldHeader

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
    fits_table(path, "HALOES", COLUMNS, catalogue.columns, keywords_of(metadata(catalogue)))


def write_fits_of_light_cone(path: Path, catalogue: LightConeCatalogue) -> None:
    """The same table of a light cone; readers of FITS do not tell ``ra`` from ``RA``, nor ``dec`` from ``DEC``."""
    values = header_values(catalogue.header) | {"light_cone": catalogue.settings.model_dump_json()}
    values["notes"] = json.dumps(catalogue.notes)
    fits_table(path, "HALOES", LIGHT_CONE_COLUMNS, catalogue.columns, keywords_of(values))


def write_parquet(path: Path, catalogue: HaloCatalogue, cosmology: CosmologySettings | None = None) -> None:
    """Write a Parquet table; ``unit`` and ``description`` are metadata of each field, the rest of the schema."""
    parquet_table(path, COLUMNS, catalogue.columns, metadata(catalogue))


def metadata(catalogue: HaloCatalogue) -> dict[str, str | float | int]:
    """What the catalogue says about itself, by the names of its HDF5 attributes; absent where it does not say."""
    values = header_values(catalogue.header)
    return values | {"grid_cells": catalogue.grid_cells, "notes": json.dumps(catalogue.notes)}


def keywords_of(values: Mapping[str, str | float | int]) -> dict[str, str | float | int]:
    """The same values by the keywords that they have in FITS."""
    return {FITS_KEYWORDS[name]: value for name, value in values.items()}


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
