"""Surveys as FITS tables with RA, DEC, Z and WEIGHT, as pipelines read them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from halonet.columns import Column
from halonet.export.table_files import fits_table
from halonet.storage import FieldHeader


def write_survey_table(
    path: str | Path,
    known: Mapping[str, Column],
    columns: Mapping[str, np.ndarray],
    header: FieldHeader,
    notes: Mapping[str, Any],
) -> None:
    """Write the columns of a survey or of its randoms, atomically, as the binary table ``SURVEY``."""
    about: dict[str, str | float | int] = {"BOXSIZE": header.box_size_mpc, "COSMOLOG": json.dumps(header.cosmology)}
    if header.redshift is not None:
        about["REDSHIFT"] = header.redshift
    if header.seed is not None:
        about["SEED"] = header.seed
    fits_table(Path(path), "SURVEY", known, columns, about | {"NOTES": json.dumps(dict(notes))})
