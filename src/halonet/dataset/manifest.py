"""The manifest ``subvolumes.csv``: which cubes of which boxes train the network and which validate it.

A sub-volume is a window of its box's HDF5 files, not a copy. The columns are ``box`` (index of the box), ``i, j, k``
(its first cell along x, y and z), ``split`` (``training`` or ``validation``) and ``cells`` (cells along a side).
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from halonet.settings import DatasetSettings, SettingsError
from halonet.storage import StorageError, write_text

if TYPE_CHECKING:
    import pandas as pd  # elsewhere where it is used, as it takes a quarter of a second

COLUMNS = ("box", "i", "j", "k", "split", "cells")
SPLITS = ("training", "validation")


@dataclass(frozen=True)
class Subvolume:
    """A cube of a box: index of the box, first cell along each axis, cells along a side."""

    box: int
    start: tuple[int, int, int]
    cells: int

    def pieces(self, cells: int) -> list["Subvolume"]:
        """Cubes of ``cells``^3 that tile this one."""
        x, y, z = (range(first, first + self.cells, cells) for first in self.start)
        return [Subvolume(self.box, start, cells) for start in product(x, y, z)]


def box_folder(ground_truth: str | Path, box: int) -> Path:
    """Folder of a box below ``ground_truth``, holding ``density.h5`` and ``mask.h5``."""
    return Path(ground_truth) / f"{box:03d}"


def cut_boxes(
    training: Iterable[int], validation: Iterable[int], cells: int, settings: DatasetSettings, seed: int
) -> "pd.DataFrame":
    """Cut every box into sub-volumes and split them.

    Parameters
    ----------
    training, validation
        Indices of the boxes. Split by box, they say it all, and no large-scale mode is shared between training and
        validation; split by sub-volume, a random ``validation_fraction`` of the sub-volumes of all of them validates.
    cells
        Cells along a side of a box; a multiple of ``settings.window``.
    seed
        Decides the split by sub-volume.

    Returns
    -------
    DataFrame
        The manifest, in the order of boxes and first cells.
    """
    import pandas as pd

    training, validation, window = list(training), list(validation), settings.window
    if both := sorted(set(training) & set(validation)):
        raise SettingsError(f"box {both[0]} is given for training and for validation; it can serve one of them")
    if not training or not (validation or settings.split_by == "subvolume"):
        raise SettingsError("training and validation need at least one box each")
    if cells % window:
        raise SettingsError(f"window = {window} does not divide the {cells} cells along a side of a box")
    starts = list(product(range(0, cells, window), repeat=3))
    rows = [(box, *start, "training", window) for box in sorted(training + validation) for start in starts]
    manifest = pd.DataFrame(rows, columns=list(COLUMNS))
    if settings.split_by == "box":
        manifest.loc[manifest["box"].isin(validation), "split"] = "validation"
    else:
        count = round(settings.validation_fraction * len(manifest))
        if not 0 < count < len(manifest):
            raise SettingsError(
                f"validation_fraction = {settings.validation_fraction} of {len(manifest)} sub-volumes leaves none for "
                "training or none for validation"
            )
        order = np.random.Generator(np.random.Philox(key=[seed, 0])).permutation(len(manifest))
        manifest.loc[order[:count], "split"] = "validation"
    return manifest


def write_manifest(path: str | Path, manifest: "pd.DataFrame") -> None:
    """Write a manifest as CSV, atomically."""
    write_text(path, manifest.to_csv(index=False))


def read_manifest(path: str | Path) -> "pd.DataFrame":
    """Read a manifest; missing columns, an unknown split and numbers that are none are refused."""
    import pandas as pd

    try:
        manifest = pd.read_csv(io.StringIO(Path(path).read_text()))
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise StorageError(f"{path}: no manifest of sub-volumes ({error})") from None
    if missing := [name for name in COLUMNS if name not in manifest]:
        raise StorageError(f"{path}: column {missing[0]} is missing; a manifest has {', '.join(COLUMNS)}")
    for name in ("box", "i", "j", "k", "cells"):
        if not pd.api.types.is_integer_dtype(manifest[name]) or (manifest[name] < (name == "cells")).any():
            raise StorageError(f"{path}: column {name} must hold whole numbers from {int(name == 'cells')} up")
    if unknown := sorted(set(manifest["split"].astype(str)) - set(SPLITS)):
        raise StorageError(f"{path}: split {unknown[0]!r} is unknown; it is {' or '.join(SPLITS)}")
    return manifest


def subvolumes(manifest: "pd.DataFrame", split: str, boxes: int | None = None) -> list[Subvolume]:
    """Sub-volumes of a split, of its first ``boxes`` boxes only where that is given."""
    rows = manifest[manifest["split"] == split]
    if boxes is not None:
        rows = rows[rows["box"].isin(sorted(rows["box"].unique())[:boxes])]
    if rows.empty:
        raise SettingsError(f"the manifest holds no sub-volume for {split}")
    return [Subvolume(row.box, (row.i, row.j, row.k), row.cells) for row in rows.itertuples()]
