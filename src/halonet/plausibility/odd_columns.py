"""Columns of a catalogue are held against one another and its header: other units and other boxes show there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from halonet.checks.assumptions import assume
from halonet.column_files import say_odd_columns
from halonet.columns import EULERIAN, LAGRANGIAN, VELOCITY
from halonet.cosmology import CRITICAL_DENSITY, DECIDING, growth_rate, hubble_rate
from halonet.settings import CosmologySettings, SettingsError, validate
from halonet.storage import FieldHeader

PARAMETERS = (*DECIDING, "redshift", "w0", "wa")  # on which growth hangs
FEWEST = 100  # haloes, below which nothing is said
LIKELY = (0.78, 1.3)  # median speed over that of the displacements; km/s over h are 0.7 times as many
LEAST_COSINE = 0.5  # median, between velocity and displacement; 0 for those that do not belong together
FASTEST = 20.0  # times the median speed; of normal components one in ten million is beyond 4


def say_odd(
    source: str | Path,
    columns: Mapping[str, np.ndarray],
    header: FieldHeader,
    grid_cells: int,
    notes: Mapping[str, Any],
) -> None:
    """Say where columns do not fit one another or the header; all of them are taken as they are.

    Parameters
    ----------
    grid_cells
        Along a side of the box.
    notes
        What was done to the catalogue. A tile of a universe fills a part of its box.
    """
    cosmology = None if set(DECIDING) - set(said := _numbers(header.cosmology)) else said
    matched = "abundance_matching" in notes  # masses are not those of the volumes
    side, whole = header.box_size_mpc, "tile" not in notes
    cell_mass = None if cosmology is None or matched else _cell_mass(cosmology, side / grid_cells)
    say_odd_columns(source, columns, (side, grid_cells), cell_mass, whole)
    if not set(VELOCITY) <= set(columns) or len(columns["qx"]) < FEWEST:
        return
    velocities = np.stack([columns[name] for name in VELOCITY], axis=1).astype(np.float64)
    _say_marks(source, velocities)
    # Haloes that are drawn have the Lagrangian position of a particle, if any.
    moved = set(EULERIAN) <= set(columns) and "lagrangian_centre" not in notes
    if moved and cosmology is not None and header.redshift is not None:
        _say_odd_velocities(source, columns, velocities, side, cosmology | {"redshift": header.redshift})


def _numbers(values: Mapping[str, Any] | None) -> dict[str, float]:
    return {name: value for name, value in (values or {}).items() if isinstance(value, int | float)}


def _cell_mass(cosmology: Mapping[str, float], cell_size: float) -> float:
    """Mass of a cell of the mean density (Msun)."""
    omega_m = cosmology["omega_b"] + cosmology["omega_cdm"]
    return CRITICAL_DENSITY * omega_m * cosmology["h"] ** 2 * cell_size**3


def _say_marks(source: str | Path, velocities: np.ndarray) -> None:
    """Say where single velocities (km/s), shape (haloes, 3), are those of no halo."""
    speeds = np.linalg.norm(velocities, axis=1)
    if odd := int((speeds > FASTEST * np.median(speeds)).sum()):
        assume(
            f"{source}: {odd} of {len(speeds)} haloes are faster than {FASTEST:g} times the median, up to "
            f"{speeds.max():.4g} km/s; such speeds are marks of something else"
        )


def _say_odd_velocities(
    source: str | Path,
    columns: Mapping[str, np.ndarray],
    velocities: np.ndarray,
    side: float,
    said: Mapping[str, float],
) -> None:
    """Say where velocities (km/s) are not those of the displacements: *v = a H f (x - q)*."""
    try:
        cosmology = validate(CosmologySettings, {name: said[name] for name in PARAMETERS if name in said}, str(source))
    except SettingsError:  # who asks for the cosmology is told
        return
    along = [columns[x].astype(np.float64) - columns[q] for x, q in zip(EULERIAN, LAGRANGIAN, strict=True)]
    moved = (np.stack(along, axis=1) + side / 2) % side - side / 2
    rate = hubble_rate(cosmology, cosmology.redshift) * growth_rate(cosmology, cosmology.redshift)
    expected = moved * rate / (1 + cosmology.redshift)
    speed, wanted = (float(np.median(np.linalg.norm(each, axis=1))) for each in (velocities, expected))
    if not LIKELY[0] * wanted <= speed <= LIKELY[1] * wanted:
        assume(
            f"{source}: the median speed is {speed:.4g} km/s, but the distances from Lagrangian to Eulerian positions "
            f"give {wanted:.4g} km/s; velocities must be peculiar, in km/s, and positions those of the columns' names"
        )
        return
    lengths = np.linalg.norm(velocities, axis=1) * np.linalg.norm(expected, axis=1)
    along_each = np.einsum("ij,ij->i", velocities, expected)[lengths > 0] / lengths[lengths > 0]
    if len(along_each) and np.median(along_each) < LEAST_COSINE:
        assume(
            f"{source}: velocities do not point from Lagrangian to Eulerian positions (median cosine "
            f"{np.median(along_each):.2f}); axes, rows or columns of one of them are exchanged"
        )
