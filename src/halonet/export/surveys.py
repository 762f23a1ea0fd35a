"""Surveys as FITS tables with RA, DEC, Z and WEIGHT, as pipelines read them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from halonet.columns import Column
from halonet.export.table_files import fits_table
from halonet.export.tables import header_values, keywords_of
from halonet.storage import FieldHeader


def write_survey_table(
    path: str | Path,
    known: Mapping[str, Column],
    columns: Mapping[str, np.ndarray],
    header: FieldHeader,
    notes: Mapping[str, Any],
) -> None:
    """Write the columns of a survey or of its randoms, atomically, as the binary table ``SURVEY``."""
    about = header_values(header) | {"notes": json.dumps(dict(notes))}
    fits_table(Path(path), "SURVEY", known, columns, keywords_of(about))
