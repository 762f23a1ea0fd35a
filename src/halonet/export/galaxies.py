"""Galaxies in the project's own format and as tables for others; Mpc, Msun and km/s without h."""

import json
from pathlib import Path

from halonet.export.table_files import fits_table, parquet_table
from halonet.galaxy_catalogue import GALAXY_COLUMNS, GalaxyCatalogue, write_galaxies
from halonet.settings import SettingsError

# Formats, and how the names of their files end.
GALAXY_FORMATS = {"hdf5": ".galaxies.h5", "fits": ".galaxies.fits", "parquet": ".galaxies.parquet"}
KEYWORDS = {
    "box_size_mpc": "BOXSIZE",
    "redshift": "REDSHIFT",
    "seed": "SEED",
    "cosmology": "COSMOLOG",
    "notes": "NOTES",
}


def write_galaxies_as(galaxies: GalaxyCatalogue, name: str, path: str | Path) -> None:
    """Write galaxies in a format of :data:`GALAXY_FORMATS`, atomically; FITS calls the table ``GALAXIES``."""
    header = galaxies.header
    values = {
        "box_size_mpc": header.box_size_mpc,
        "redshift": header.redshift,
        "seed": header.seed,
        "cosmology": json.dumps(header.cosmology),
        "notes": json.dumps(galaxies.notes),
    }
    about = {each: value for each, value in values.items() if value is not None}
    if name == "hdf5":
        write_galaxies(path, galaxies)
    elif name == "fits":
        keywords = {KEYWORDS[each]: value for each, value in about.items()}
        fits_table(Path(path), "GALAXIES", GALAXY_COLUMNS, galaxies.columns, keywords)
    elif name == "parquet":
        parquet_table(Path(path), GALAXY_COLUMNS, galaxies.columns, about)
    else:
        raise SettingsError(f"no format {name!r} for galaxies; there are {', '.join(GALAXY_FORMATS)}")
