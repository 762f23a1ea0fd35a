"""What one mock adds to a mean and covariance: the statistics of a survey, in the same bins in every mock of a box.

A mock has no truth beside it. The values of many mocks are the rows of a table. :data:`VECTORS` says which values of a
statistic enter a covariance, and in which order.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from halonet.catalogue import EULERIAN, VELOCITY, HaloCatalogue
from halonet.checks.numbers import WAVENUMBER, checked
from halonet.column_table import ColumnTable
from halonet.cosmology import declared, mean_matter_density
from halonet.spectra import halo_overdensity, measure_spectra
from halonet.statistics.bispectrum import bispectrum_of_points, shot_noise
from halonet.statistics.correlation import count_pairs, separation_edges
from halonet.statistics.counts_in_cells import count_in_cells, cubes_of
from halonet.statistics.mass_function import BIN_EDGES, KEY_CUTS, count_above
from halonet.statistics.redshift_space import redshift_shifts, redshift_space_multipoles
from halonet.statistics.wide_bins import MockError, WideBins, wide_bins
from halonet.tiles_of_universes import check_whole

# The values of each statistic that enter a covariance.
VECTORS = {
    "mass_function": ("counts",),
    "power_spectrum": ("power",),
    "multipoles": ("monopole", "quadrupole", "hexadecapole"),
    "bispectrum": ("equilateral", "squeezed"),
    "correlation_function": ("correlation",),
    "counts_in_cells": ("variance", "skewness"),
}
LINE_OF_SIGHT = 2  # one axis: a mean over three would have less scatter than a survey


def measure_mock(
    haloes: HaloCatalogue, minimum_cells: float, largest_k: float, statistics: Sequence[str] = tuple(VECTORS)
) -> dict[str, Any]:
    """Statistics of the haloes of at least ``minimum_cells`` cells, as JSON values.

    Parameters
    ----------
    largest_k
        Of spectra (1/Mpc).
    statistics
        Names of :data:`VECTORS`.

    Returns
    -------
    dict
        ``box``; ``mass_function`` with the ``edges`` of its bins (cells) and ``counts``, and numbers ``above`` some
        ``cuts`` (cells); what :func:`measure_points` gives. Without haloes, which is a legal draw of a small box,
        counts and spectra are 0.

    Raises
    ------
    MockError
        If the catalogue lacks what a statistic needs.
    """
    check_whole(haloes)
    every, haloes = haloes, haloes.larger_than(minimum_cells)
    box = {
        "cells": haloes.grid_cells,
        "box_size_mpc": haloes.box_size_mpc,
        "redshift": haloes.header.redshift,
        "cosmology": haloes.header.cosmology,
        "seed": haloes.header.seed,
        "minimum_cells": minimum_cells,
        "cell_mass_msun": _cell_mass(haloes if len(haloes) else every),
    }
    measured: dict[str, Any] = {"box": box}
    if "mass_function" in statistics:
        edges = np.append(np.array([minimum_cells], float), BIN_EDGES[1.01 * minimum_cells < BIN_EDGES])
        measured["mass_function"] = {
            "edges": edges.tolist(),
            "counts": np.histogram(haloes["cells"], edges)[0].tolist(),
            "cuts": list(KEY_CUTS),
            "above": count_above(haloes, np.array(KEY_CUTS)).tolist(),
        }
    return measured | measure_points(haloes, largest_k, statistics, haloes.grid_cells)


def measure_points(
    points: ColumnTable, largest_k: float, statistics: Sequence[str] = tuple(VECTORS), cells: int | None = None
) -> dict[str, Any]:
    """Those of ``statistics`` that are of positions, of haloes or galaxies, by their names, as JSON values.

    Parameters
    ----------
    cells
        Along a side of the mesh of the power spectrum; by default as many as that of the multipoles.

    Returns
    -------
    dict
        ``power_spectrum`` (``k`` in 1/Mpc, ``modes``, ``power`` in Mpc^3), ``multipoles`` (along z), ``bispectrum``
        (Mpc^6, with its ``shot_noise``), ``correlation_function`` (``edges`` in Mpc, ``pairs``, ``expected``) and
        ``counts_in_cells`` (``sides`` of cubes in Mpc). Shot noise is included in all of them.
    """
    check_whole(points)
    if missing := [name for name in EULERIAN if name not in points.columns]:
        raise MockError(
            f"no Eulerian positions {', '.join(missing)}; make_mock.py writes them, find_haloes.py where it has a "
            "--density"
        )
    largest_k = checked("largest_k", largest_k, WAVENUMBER)
    bins = wide_bins(points.header.box_size_mpc, largest_k, None if cells is None else cells // 2)
    measure = {
        "power_spectrum": lambda: _power_spectrum(points, bins, cells or bins.mesh),
        "multipoles": lambda: _multipoles(points, bins),
        "bispectrum": lambda: _bispectrum(points, bins),
        "correlation_function": lambda: _correlation_function(points),
        "counts_in_cells": lambda: _counts_in_cells(points),
    }
    return {name: measure[name]() for name in VECTORS if name in statistics and name in measure}


def vector(measured: dict[str, Any], statistic: str) -> np.ndarray:
    """Values of one statistic of a mock as the covariance takes them, float64 of shape (data,)."""
    return np.concatenate([np.asarray(measured[statistic][name], float) for name in VECTORS[statistic]])


def _power_spectrum(points: ColumnTable, bins: WideBins, cells: int) -> dict[str, Any]:
    k, modes, power = _binned_power(points, bins, cells)
    return {"k": k.tolist(), "modes": modes.tolist(), "power": power.tolist()}


def _multipoles(points: ColumnTable, bins: WideBins) -> dict[str, Any]:
    header = points.header
    if not len(points):
        k, modes, power = _binned_power(points, bins, bins.mesh)
        rows = [power] * 3
    elif not set(VELOCITY) <= set(points.columns) or header.cosmology is None or header.redshift is None:
        raise MockError(
            "multipoles in redshift space need velocities vx, vy, vz, a redshift and a cosmology; leave "
            "multipoles out of mocks.statistics, or give a catalogue that has them"
        )
    else:
        cosmology = declared(header.cosmology | {"redshift": header.redshift}, "catalogue")
        shifts, axes = redshift_shifts(points.positions(VELOCITY), cosmology), (LINE_OF_SIGHT,)
        positions, side = points.positions(EULERIAN), header.box_size_mpc
        found = redshift_space_multipoles(positions, shifts, side, bins.narrow, bins.mesh, axes)
        modes, k, *rows = bins.means(found.modes, found.k, found.monopole, found.quadrupole, found.hexadecapole)
    named = zip(VECTORS["multipoles"], rows, strict=True)
    return {"k": k.tolist(), "modes": modes.tolist()} | {name: row.tolist() for name, row in named}


def _bispectrum(points: ColumnTable, bins: WideBins) -> dict[str, Any]:
    box_size, cells = points.header.box_size_mpc, bins.mesh
    k, _, power = _binned_power(points, bins, cells)
    if len(points):
        found = bispectrum_of_points(points.positions(EULERIAN), box_size, bins)
        values, density = [found.equilateral, found.squeezed], len(points) / box_size**3
        noise = [shot_noise(power, density, squeezed) for squeezed in (False, True)]
    else:
        values = noise = [np.zeros(bins.number), np.zeros(bins.number - 1)]
    names = VECTORS["bispectrum"]
    listed = {name: each.tolist() for name, each in zip(names, values, strict=True)}
    return {"k": k.tolist()} | listed | {"shot_noise": {n: v.tolist() for n, v in zip(names, noise, strict=True)}}


def _correlation_function(points: ColumnTable) -> dict[str, Any]:
    box_size = points.header.box_size_mpc
    edges = separation_edges(box_size)
    pairs, expected = count_pairs(points.positions(EULERIAN), box_size, edges)
    excess = np.divide(pairs, expected, out=np.ones(len(pairs)), where=expected > 0) - 1
    numbers = {"pairs": pairs.tolist(), "expected": expected.tolist()}
    return {"edges": edges.tolist(), "correlation": excess.tolist()} | numbers


def _counts_in_cells(points: ColumnTable) -> dict[str, Any]:
    side, positions = points.header.box_size_mpc, points.positions(EULERIAN)
    found = [count_in_cells(positions, side, cubes) for cubes in cubes_of(side)]
    names = ("variance", "skewness", "mean")
    values: dict[str, list[Any]] = {name: [getattr(each, name) for each in found] for name in names}
    return values | {"sides": [each.side for each in found], "histogram": [each.histogram.tolist() for each in found]}


def _cell_mass(haloes: HaloCatalogue) -> float | None:
    """Mass of a cell (Msun), from the haloes; without any from the cosmology; None where the file says neither."""
    if len(haloes):
        return float(np.median(haloes["mass"] / haloes["cells"]))
    if haloes.header.cosmology is None:
        return None
    return mean_matter_density(declared(haloes.header.cosmology, "catalogue")) * haloes.cell_size**3


def binned_power(points: ColumnTable, largest_k: float, cells: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Power spectrum of Eulerian counts (cloud-in-cell, corrected) in bins that hold whole fundamental ones.

    Returns
    -------
    k, modes, power
        Mean wavenumber (1/Mpc), number of modes and P (Mpc^3) of bins up to ``largest_k``, each of shape (bins,).
    """
    return _binned_power(points, wide_bins(points.header.box_size_mpc, largest_k, cells // 2), cells)


def _binned_power(points: ColumnTable, bins: WideBins, cells: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    box_size = points.header.box_size_mpc
    field = np.zeros((cells,) * 3, np.float32)
    if len(points):
        field = halo_overdensity(points.positions(EULERIAN), cells, box_size, "cloud_in_cell")
    spectra = measure_spectra(field, field, box_size, "cloud_in_cell")
    modes, k, power = bins.means(spectra.modes, spectra.k, spectra.first)
    return k, modes, power
