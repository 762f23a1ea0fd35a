"""Galaxies in the project's own format and as tables for others; Mpc, Msun and km/s without h."""

import json
from pathlib import Path

from halonet.export.table_files import fits_table, parquet_table
from halonet.export.tables import header_values, keywords_of
from halonet.galaxy_catalogue import GALAXY_COLUMNS, GalaxyCatalogue, write_galaxies
from halonet.settings import SettingsError

# Formats, and how the names of their files end.
GALAXY_FORMATS = {"hdf5": ".galaxies.h5", "fits": ".galaxies.fits", "parquet": ".galaxies.parquet"}


def write_galaxies_as(galaxies: GalaxyCatalogue, name: str, path: str | Path) -> None:
    """Write galaxies in a format of :data:`GALAXY_FORMATS`, atomically; FITS calls the table ``GALAXIES``."""
    about = header_values(galaxies.header) | {"notes": json.dumps(galaxies.notes)}
    if name == "hdf5":
        write_galaxies(path, galaxies)
    elif name == "fits":
        fits_table(Path(path), "GALAXIES", GALAXY_COLUMNS, galaxies.columns, keywords_of(about))
    elif name == "parquet":
        parquet_table(Path(path), GALAXY_COLUMNS, galaxies.columns, about)
    else:
        raise SettingsError(f"no format {name!r} for galaxies; there are {', '.join(GALAXY_FORMATS)}")
