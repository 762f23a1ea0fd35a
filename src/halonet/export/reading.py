"""The way back: catalogues of other codes as catalogues of this project, in its units and frame.

A file of another code says neither all of its box nor all of its cosmology. What it does not say is given; what it does
say is held against it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY, HaloCatalogue
from halonet.checks.assumptions import assume
from halonet.column_files import check_values
from halonet.columns import COLUMNS
from halonet.cosmology import mean_matter_density
from halonet.export.pinocchio import read_pinocchio
from halonet.export.pksc import read_pksc
from halonet.export.rows import ForeignError, ForeignRows
from halonet.provenance import file_digest, provenance
from halonet.settings import CosmologySettings, validate
from halonet.storage import FieldHeader

READERS: dict[str, Callable[[str | Path, CosmologySettings], ForeignRows]] = {
    "pksc": read_pksc,
    "pinocchio": read_pinocchio,
}
SAME_REDSHIFT = 1e-4  # files hold it in single precision, or in six decimals
SAME_CELL_MASS = 0.01
MANY, EMPTY = 100, 0.15  # so many haloes leave at most this of a box's side without one
EMPTY_HALOES, EMPTY_CELLS = 60, 2  # and more of them less: the layer of so many haloes, and of so many cells
MOVED = 0.4  # of the mean square distance of positions at random; haloes move by some 10 Mpc, less in a small box
OFF_LATTICE = 0.1  # cells; 0 where box and cells are right, a quarter by chance
ROUNDING = 1e-6  # of the side of the box, which single precision adds to a position at its face


@dataclass(frozen=True)
class ForeignBox:
    """What a file of another code does not say of its box.

    Attributes
    ----------
    box_size_mpc
        Side of the periodic box (comoving Mpc, without h).
    cells
        Cells along a side of the grid the haloes were found on; for PINOCCHIO its ``GridSize``.
    cosmology
        Its redshift, where it is not 0, must be that of the file.
    """

    box_size_mpc: float
    cells: int
    cosmology: CosmologySettings


def import_catalogue(path: str | Path, name: str, box: ForeignBox) -> HaloCatalogue:
    """Read a catalogue of another code.

    Parameters
    ----------
    path
        Its file.
    name
        ``pksc`` (Peak Patch, merged) or ``pinocchio`` (ASCII, one redshift).

    Raises
    ------
    ForeignError
        If there is no such format, the file is not of it, or it contradicts ``box``.
    """
    if name not in READERS:
        raise ForeignError(f"no format {name!r} can be read; there are {', '.join(READERS)}")
    side, cosmology = box.box_size_mpc, box.cosmology
    rows = READERS[name](path, cosmology)
    if cosmology.redshift and abs(rows.redshift - cosmology.redshift) > SAME_REDSHIFT:
        raise ForeignError(
            f"{path}: its redshift is {rows.redshift:g}, that of the cosmology {cosmology.redshift:g}; give the file's"
        )
    cosmology = validate(CosmologySettings, cosmology.model_dump() | {"redshift": round(rows.redshift, 6)}, str(path))
    corner = side / 2 if rows.about_centre else 0.0
    positions = {
        names: _within(path, names, values + corner, box, rows.rounding)
        for names, values in ((LAGRANGIAN, rows.lagrangian), (EULERIAN, rows.eulerian))
    }
    _say_lattice(path, rows, positions[LAGRANGIAN] / side * box.cells)
    _check_moves(path, positions[LAGRANGIAN], positions[EULERIAN], side)
    cell_mass = mean_matter_density(cosmology) * (side / box.cells) ** 3
    cells = _cells(path, rows, cell_mass)
    columns = {
        "radius": np.cbrt(3 * rows.mass / (4 * np.pi * mean_matter_density(cosmology))),
        "mass": rows.mass,
        "cells": cells,
    }
    for names, values in (*positions.items(), (VELOCITY, rows.velocity)):
        columns |= dict(zip(names, values.T, strict=True))
    if rows.overdensity is not None:
        columns["overdensity"] = rows.overdensity
    record = provenance("import", {"format": name, "file": {"name": Path(path).name, "digest": file_digest(path)}})
    header = FieldHeader(side, cosmology.redshift, cosmology.model_dump(), None, record)
    check_values(path, columns)
    typed = {each: np.ascontiguousarray(values, COLUMNS[each].dtype) for each, values in columns.items()}
    for each in (*LAGRANGIAN, *EULERIAN):
        typed[each][typed[each] >= side] = 0  # rounded up to the side
    return HaloCatalogue(typed, header, box.cells, {"imported": name}).sorted_by_mass()


def _within(
    path: str | Path, names: tuple[str, ...], values: np.ndarray, box: ForeignBox, rounding: float
) -> np.ndarray:
    """Positions (Mpc) in [0, side); those that rounding has put outside are wrapped, others refused."""
    side = box.box_size_mpc
    slack = max(rounding, ROUNDING * side)
    outside = ((values < -slack) | (values > side + slack)).any(axis=1)
    if outside.any():
        shown = ", ".join(f"{value:.6g}" for value in values[outside.argmax()])
        raise ForeignError(
            f"{path}: {outside.sum()} of {len(values)} haloes have {', '.join(names)} outside of a box of {side:g} "
            f"Mpc, the first at {shown} Mpc from its corner; the box is larger, its side is "
            "given in Mpc/h, or this is no catalogue of a periodic box"
        )
    reach = np.ptp(values, axis=0) if len(values) >= MANY else np.array([side])
    empty = min(EMPTY, EMPTY_CELLS / box.cells + EMPTY_HALOES / max(len(values), 1))
    if (reach < (1 - empty) * side).any():
        raise ForeignError(
            f"{path}: its {len(values)} haloes reach over {', '.join(f'{each:.4g}' for each in reach)} Mpc along "
            f"{', '.join(names)}, in a box of {side:g} Mpc: its side is smaller, or haloes are missing; it is "
            "needed in Mpc without h"
        )
    return np.mod(values, side)


def _say_lattice(path: str | Path, rows: ForeignRows, cells: np.ndarray) -> None:
    """Say where the centres of Peak Patch, which are those of cells, are at none: side or cells are of another box."""
    off = np.abs(cells - np.floor(cells) - 0.5)
    if rows.about_centre and len(cells) >= MANY and np.median(off) > OFF_LATTICE:
        assume(
            f"{path}: its Lagrangian centres are {np.median(off):.2f} cells off those of cells (median), where Peak "
            "Patch finds them at cells: side and cells of the box are taken as they are given, though they may be wrong"
        )


def _check_moves(path: str | Path, starts: np.ndarray, ends: np.ndarray, side: float) -> None:
    """Refuse haloes that have moved as far as if their Lagrangian and Eulerian positions had nothing to do with it."""
    moves = np.mod(ends - starts + side / 2, side) - side / 2
    square = float((moves**2).sum(axis=1).mean()) if len(moves) else 0.0
    if len(moves) >= MANY and square > MOVED * side**2 / 4:  # which is that of positions at random
        raise ForeignError(
            f"{path}: its haloes are {square**0.5:.3g} Mpc (rms) from their Lagrangian positions, as if these were of "
            "other haloes: columns are exchanged, or their axes are"
        )


def _cells(path: str | Path, rows: ForeignRows, cell_mass: float) -> np.ndarray:
    """Volumes (cells), held against the particles of the file where it has them."""
    cells = rows.mass / cell_mass
    if rows.particles is not None and len(cells):
        ratio = float(np.median(cells / rows.particles))
        if abs(ratio - 1) > SAME_CELL_MASS:
            raise ForeignError(
                f"{path}: its particles have {ratio:.4g} times the mass of a cell of this box and cosmology, which "
                "must be the same: box size (Mpc, without h), cells or cosmology are not those of the file"
            )
    return cells
