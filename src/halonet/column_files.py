"""Columns of a user's catalogue file, read and checked: layout, units, and values that haloes can have."""

import re
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from halonet.checks.assumptions import assume
from halonet.checks.attribute_values import UNITLESS, units_said
from halonet.checks.errors import StorageError
from halonet.checks.hdf5 import check_range, columns_of
from halonet.columns import COLUMNS, EULERIAN, LAGRANGIAN, REQUIRED, Column
from halonet.grid.shells import shells_within
from halonet.storage import open_hdf5

LIMITS_OF_UNIT = {"Mpc": (-1e5, 1e5), "km/s": (-1e5, 1e5), "Msun": (0.0, 1e18), "1": (-1e9, 1e9), "deg": (-90.0, 360.0)}
WITH_H = re.compile(r"/\s*h\b|\bh\s*(\*\*|\^)?\s*[({]?\s*-\s*1")  # like Mpc/h and h^-1 Mpc
MANY = 10  # rows, which are not all alike
LOGARITHMS = {"logarithms to the base 10": (5.0, 20.0), "natural logarithms": (20.0, 46.0)}  # ranges of masses
LEAST_MASS = 1e6  # Msun, of the most massive halo of a catalogue
SAME_VOLUME = 0.02
WELL_RESOLVED = 16  # cells, radius of a sphere whose volume is that of its cells to 1%
ENOUGH, FILLED = 100, 0.85  # so many haloes of a box reach over more of its side
LIMITS = {"halo": (0, 1e12), "central": (0, 1), "cells": (0.0, 1e12), "radius": (0.0, 1e4), "ra": (0.0, 360.0)}
LIMITS |= {"dec": (-90.0, 90.0), "distance": (0.0, 1e5), "redshift": (0.0, 1e4), "observed_redshift": (-1.0, 1e4)}


def read_columns(path: str | Path, box_size: float, required: tuple[str, ...] = REQUIRED) -> dict[str, np.ndarray]:
    """Known columns of a catalogue file: a group with one dataset each, or one table.

    Centres at the side of the box (Mpc), where rounding has put them, are at 0.

    Raises
    ------
    StorageError
        If columns are missing, are no plain numbers, have other units or values that no halo has, or centres lie
        outside the box.
    """
    with open_hdf5(path) as file:
        columns = columns_of(path, file, "haloes", COLUMNS)
        check_units(path, file["haloes"], columns)
    if missing := set(required) - set(columns):
        raise StorageError(f"{path}: columns {', '.join(sorted(missing))} are missing from group haloes")
    if len({values.shape for values in columns.values()}) != 1:
        shapes = ", ".join(f"{name} {values.shape}" for name, values in columns.items())
        raise StorageError(f"{path}: columns of different shapes ({shapes}); each needs one number a halo")
    check_values(path, columns)
    for name in set((*LAGRANGIAN, *EULERIAN)) & set(columns):
        columns[name] = off_the_side(columns[name], box_size)
    _check_once(path, columns)
    for name in (*LAGRANGIAN, *(each for each in EULERIAN if each in columns)):
        check_inside(path, name, columns[name], box_size)
    return columns


def check_values(path: str | Path, columns: dict[str, np.ndarray], known: Mapping[str, Column] = COLUMNS) -> None:
    """Refuse values that no halo has; the first of them is named. ``known`` has the units of the columns."""
    for name, values in columns.items():
        if not np.isfinite(values).all():
            raise StorageError(f"{path}: column {name} has values that are not finite")
        if np.dtype(known[name].dtype).kind in "iu" and (odd := values != np.floor(values)).any():
            raise StorageError(f"{path}: column {name} has {values[odd.argmax()]:g}; whole numbers are needed")
        unit = known[name].unit
        low, high = LIMITS.get(name, LIMITS_OF_UNIT[unit])
        check_range(path, f"column {name}", values, low, high, unit, ", comoving and without h")
        if name in (*LAGRANGIAN, *EULERIAN) and len(values) >= MANY and np.ptp(values) == 0:
            raise StorageError(
                f"{path}: column {name} is {values[0]:g} in all {len(values)} rows: it was never written"
            )
        if name in ("mass", "halo_mass"):
            _check_masses(path, name, values)


def _check_once(path: str | Path, columns: dict[str, np.ndarray]) -> None:
    """Refuse haloes that are there twice, one after the other or a whole catalogue behind itself."""
    number = len(columns["qx"])
    if number < MANY:
        return
    for apart, what in ((1, "the row before"), (number // 2, "the first half of the catalogue")):
        same = np.ones(max(number - apart, 0), bool)
        for name in LAGRANGIAN:
            same &= columns[name][apart:] == columns[name][: number - apart]
        if same.all() or (apart == 1 and same.any()):
            raise StorageError(
                f"{path}: {int(same.sum())} of {number} haloes have the Lagrangian centre of {what}; each is one halo"
            )


def _check_masses(path: str | Path, name: str, values: np.ndarray) -> None:
    """Refuse masses of nothing, logarithms, and masses in units of 10^10 Msun, that of Gadget."""
    if nothing := int((values <= 0).sum()):
        raise StorageError(f"{path}: column {name} = 0 in {nothing} of {len(values)} values; a halo has a mass (Msun)")
    if len(values) < MANY or values.max() >= LEAST_MASS:
        return
    low, high = float(values.min()), float(values.max())
    kinds = [f"as {kind} do" for kind, (least, most) in LOGARITHMS.items() if least < low and high < most]
    raise StorageError(
        f"{path}: column {name} runs from {low:.4g} to {high:.4g}, {(kinds or ['as in units of 10^10 Msun'])[0]}; "
        "masses in Msun are needed"
    )


def say_odd_columns(
    path: str | Path,
    columns: Mapping[str, np.ndarray],
    box: tuple[float, int],
    cell_mass: float | None,
    whole: bool = True,
) -> None:
    """Say where columns do not fit one another or the box; all of them are taken as they are.

    Parameters
    ----------
    box
        Side (Mpc), and cells along it.
    cell_mass
        Of the mean density (Msun); None where the file does not say it, or masses are not those of the volumes.
    whole
        Whether the haloes fill the box, as those of a tile of a universe do not.
    """
    number, (side, cells) = len(columns["qx"]), box
    if number < MANY:
        return
    radii = columns["radius"].astype(np.float64) * (cells / side)
    volumes = [4 / 3 * np.pi * radii**3]
    if "peak_threshold" in columns:  # spheres are fitted, or are the cells of the paper's finder
        volumes.append(_cells_within(radii))
    elif nothing := int((radii == 0).sum()):
        assume(f"{path}: radius = 0 in {nothing} of {number} haloes; a halo has a Lagrangian radius (Mpc)")
    for name, unit in {"cells": 1.0, "mass": cell_mass}.items():
        ratios = [float(np.median(columns[name][v > 0] / v[v > 0])) / unit for v in volumes if v.any() and unit]
        ratio = min(ratios, key=lambda each: abs(each - 1), default=1.0)
        if abs(ratio - 1) > SAME_VOLUME:
            assume(
                f"{path}: {name} is {ratio:.3g} times what the radii give in a box of {side:g} Mpc with {cells} cells "
                "along a side (median); unit, box or cosmology of one of them is another"
            )
    reach = min(float(np.ptp(columns[name])) for name in LAGRANGIAN) / side
    if whole and number >= ENOUGH and reach < FILLED:
        assume(f"{path}: its {number} haloes reach over {reach:.3g} of the side of a box of {side:g} Mpc")


def _cells_within(radii: np.ndarray) -> np.ndarray:
    """Cells no farther than ``radii`` (cells) from a cell, which the paper's finder counts as a halo's volume.

    Its radius is the distance of the outermost cells, of which the sphere cuts a part off. Where haloes are large,
    both have the same volume to 1%.
    """
    shells = shells_within(int(min(np.ceil(radii.max()), WELL_RESOLVED)))
    # Radii are roots of integers, rounded to single precision.
    counted = shells.starts[np.searchsorted(shells.radii, radii + 1e-4, side="right")]
    return np.where(radii <= WELL_RESOLVED, counted, 4 / 3 * np.pi * radii**3)


def check_units(
    path: str | Path,
    table: h5py.Group | h5py.Dataset,
    columns: dict[str, np.ndarray],
    known: Mapping[str, Column] = COLUMNS,
) -> None:
    """Refuse columns that say to be in another unit; one that says nothing is taken to be in that of the project.

    What their table says is the units of its columns, where it has one for each, and else the units of some of them.
    """
    of_table, names = units_said(table.attrs), () if isinstance(table, h5py.Group) else table.dtype.names
    one_each = dict(zip(names, of_table, strict=True)) if len(names) == len(of_table) else {}
    for name in columns:
        said = units_said(table[name].attrs) if isinstance(table, h5py.Group) else [one_each[name]] if one_each else []
        for unit in said:
            if unit != known[name].unit:
                raise StorageError(
                    f"{path}: column {name} has the unit {unit}; {known[name].unit} is needed, without h"
                )
    for text in () if one_each else of_table:
        _check_units_of_all(path, table.name.lstrip("/"), text, {column.unit for column in known.values()})


def _check_units_of_all(path: str | Path, table: str, text: str, wanted: set[str]) -> None:
    """Refuse units of a table with h; say others than those that are ``wanted``."""
    if WITH_H.search(text):
        raise StorageError(f"{path}: {table} has the units {text}; {', '.join(sorted(wanted))} are needed, without h")
    if other := [unit for unit in re.split(r"[,;\s]+", text) if unit not in {*wanted, *UNITLESS}]:
        assume(f"{path}: {table} has the units {text}; {', '.join(other)} is not understood, its numbers are taken as "
               f"{', '.join(sorted(wanted))}")  # fmt: skip


def off_the_side(positions: np.ndarray, box_size: float) -> np.ndarray:
    """Positions with those within rounding of either side of the box at 0."""
    rounding = float(np.spacing(np.float32(box_size)))
    exact = positions.astype(np.float64)
    at_side = (np.abs(exact - box_size) <= rounding) & (exact >= box_size) | (exact < 0) & (exact >= -rounding)
    return np.where(at_side, positions.dtype.type(0), positions) if at_side.any() else positions


def check_inside(path: str | Path, name: str, positions: np.ndarray, box_size: float) -> None:
    """Refuse positions (Mpc) outside [0, box_size); the first of them is named."""
    outside = (positions < 0) | (positions >= box_size)
    if outside.any():
        raise StorageError(
            f"{path}: {name} leaves the box [0, {box_size}) Mpc in {outside.sum()} of {len(outside)} haloes, first "
            f"with {positions[outside.argmax()]:.9g}; comoving Mpc without h are needed, wrapped into the box"
        )
