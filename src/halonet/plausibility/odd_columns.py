"""Columns of a catalogue are held against one another and its header: other units and other boxes show there."""

from collections.abc import Iterable, Mapping
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
# Median speed over that of the displacements, v = a H f (x - q), which second order and simulations leave by a tenth.
LIKELY = (0.5, 2.0)
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
        What was done to the catalogue. A tile of a universe fills a part of its box, and is passed over.
    """
    if "tile" in notes:
        return
    cosmology = None if set(DECIDING) - set(said := _numbers(header.cosmology)) else said
    matched = "abundance_matching" in notes  # masses are not those of the volumes
    say_odd_columns(
        source,
        columns,
        (header.box_size_mpc, grid_cells),
        None if cosmology is None or matched else _cell_mass(cosmology, header.box_size_mpc / grid_cells),
    )
    if cosmology is not None and header.redshift is not None:
        _say_odd_velocities(source, columns, header.box_size_mpc, cosmology | {"redshift": header.redshift})


def _numbers(values: Mapping[str, Any] | None) -> dict[str, float]:
    return {name: value for name, value in (values or {}).items() if isinstance(value, int | float)}


def _cell_mass(cosmology: Mapping[str, float], cell_size: float) -> float:
    """Mass of a cell of the mean density (Msun)."""
    omega_m = cosmology["omega_b"] + cosmology["omega_cdm"]
    return CRITICAL_DENSITY * omega_m * cosmology["h"] ** 2 * cell_size**3


def _say_odd_velocities(
    path: str | Path, columns: Mapping[str, np.ndarray], box_size: float, said: Mapping[str, float]
) -> None:
    """Say where velocities (km/s) are not those of the displacements, or single ones are those of no halo."""
    if not {*VELOCITY, *EULERIAN, *LAGRANGIAN} <= set(columns) or len(columns["qx"]) < FEWEST:
        return
    speeds = _lengths(columns[name].astype(np.float64) for name in VELOCITY)
    median = float(np.median(speeds))
    if odd := int((speeds > FASTEST * median).sum()):
        assume(
            f"{path}: {odd} of {len(speeds)} haloes are faster than {FASTEST:g} times the median, up to "
            f"{speeds.max():.4g} km/s; such speeds are marks of something else"
        )
    try:
        cosmology = validate(CosmologySettings, {name: said[name] for name in PARAMETERS if name in said}, str(path))
    except SettingsError:  # who asks for the cosmology is told
        return
    along = (columns[x].astype(np.float64) - columns[q] for x, q in zip(EULERIAN, LAGRANGIAN, strict=True))
    moved = float(np.median(_lengths((step + box_size / 2) % box_size - box_size / 2 for step in along)))
    rate = hubble_rate(cosmology, cosmology.redshift) * growth_rate(cosmology, cosmology.redshift)
    expected = moved * rate / (1 + cosmology.redshift)
    if expected > 0 and not LIKELY[0] <= median / expected <= LIKELY[1]:
        assume(
            f"{path}: the median speed is {median:.4g} km/s, but haloes that have moved {moved:.3g} Mpc have "
            f"{expected:.4g} km/s; velocities must be peculiar, in km/s"
        )


def _lengths(components: Iterable[np.ndarray]) -> np.ndarray:
    """Lengths of vectors from their components, each of shape (haloes,)."""
    return np.asarray(np.sqrt(sum(values**2 for values in components)))
