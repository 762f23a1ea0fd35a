"""What a user's Python code gives, checked before anything is computed with it."""

import os
from collections.abc import Mapping
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from halonet.catalogue import HaloCatalogue
from halonet.checks.arrays import REAL, check_unmasked, real_numbers
from halonet.checks.numbers import LENGTH, THREADS, checked
from halonet.checks.types import of_type
from halonet.column_table import ColumnTable
from halonet.galaxy_catalogue import GalaxyCatalogue
from halonet.settings import CosmologySettings
from halonet.settings.base import Model, of_kind
from halonet.tiles_of_universes import check_whole

Cosmology: TypeAlias = CosmologySettings | Mapping[str, Any]
M = TypeVar("M", bound=Model)
OVERRIDE = "outside_validity"
LEAST, MOST = 1e4, 1e18  # Msun, of the largest of some masses of haloes


def settings_of(given: M | Mapping[str, Any] | None, default: M) -> M:
    """Settings as such, from a dictionary, or by default."""
    return default if given is None else of_kind(given, type(default))


def checked_cube(values: np.ndarray, name: str) -> np.ndarray:
    """A field as float32 of shape (N, N, N).

    Raises
    ------
    ValueError
        If it is no cube of real numbers, or has values that are not finite; the message says ``name`` and what is
        wrong.
    """
    check_unmasked(values, name)
    field = np.asarray(values)
    if field.ndim != 3 or len(set(field.shape)) != 1 or not field.size:
        raise ValueError(f"{name} has shape {field.shape}; a cube (N, N, N) is needed")
    if field.dtype.kind not in REAL:
        raise ValueError(f"{name} has values of type {field.dtype}; real numbers are needed")
    field = np.ascontiguousarray(field, np.float32)
    if not np.isfinite(field).all():
        raise ValueError(f"{name} has {np.count_nonzero(~np.isfinite(field))} values that are not finite")
    return field


def checked_length(value: float, name: str) -> float:
    """A positive length (Mpc); another number is refused by its name."""
    return float(checked(name, value, LENGTH))


def checked_threads(threads: int | None) -> int:
    """Threads of a computation; by default as many as there are processors."""
    return (os.cpu_count() or 1) if threads is None else int(checked("threads", threads, THREADS))


def checked_masses(values: npt.ArrayLike) -> np.ndarray:
    """Masses (Msun), float64 of any shape, all of them positive numbers."""
    masses = real_numbers(values, "masses").astype(np.float64)
    if (wrong := ~(np.isfinite(masses) & (masses > 0))).any():
        raise ValueError(f"masses: {masses[wrong].flat[0]} is no mass; positive numbers (Msun) are needed")
    if masses.size and not LEAST <= masses.max() <= MOST:
        raise ValueError(f"masses: up to {masses.max():g}, as logarithms or in other units; masses in Msun are needed")
    return masses


def checked_box(haloes: HaloCatalogue) -> HaloCatalogue:
    """Haloes of a whole periodic box; files, light cones, tiles and galaxies are refused by what they are."""
    check_whole(haloes)
    of_type(haloes, HaloCatalogue, "haloes").check("haloes")
    return haloes


def checked_flag(value: bool, name: str) -> bool:
    """A truth value; the text "no" is none."""
    return bool(of_type(value, bool | np.bool_, name))


def checked_points(points: ColumnTable) -> ColumnTable:
    """Haloes or galaxies of a whole periodic box."""
    check_whole(points, "points")
    of_type(points, HaloCatalogue | GalaxyCatalogue, "points").check("points")
    return points
