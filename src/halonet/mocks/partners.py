"""The cheap partner of a mock: haloes that a crude finder sees in the same phases, as its control variate.

Peaks of the density on a few filters that reach a barrier are haloes of their filter's size, largest first; a peak
within a larger one is dropped. They move by the Zel'dovich approximation. It is Peak Patch without what costs: no
ellipsoid is integrated, no overlap shared out. Its haloes are not right, and need not be: they share phases and much of
the shot noise with those of a mock, and thousands of them are affordable (Chartier et al. 2021).
"""

from dataclasses import replace

import numpy as np
from scipy.spatial import KDTree

from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY, HaloCatalogue
from halonet.cosmology import growth_factor, growth_rate, hubble_rate, mean_matter_density, sigma_of_radius
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.displacement import first_order_displacement
from halonet.peak_patch.candidates import smooth
from halonet.settings import CosmologySettings
from halonet.storage import FieldHeader

FILTERS = 6
LARGEST_FILTER = 10.0  # Mpc
BARRIER, SLOPE = 1.686, 0.5  # of the barrier 1.686 + 0.5 sigma(R), as ellipsoids have it (Paranjape et al. 2013)
EXCLUSION = 1.3  # filter radii within which a halo has no smaller one
NEIGHBOURS = [step for step in np.ndindex(3, 3, 3) if step != (1, 1, 1)]


def partner_haloes(
    density: np.ndarray,
    header: FieldHeader,
    cosmology: CosmologySettings,
    spectrum: tuple[np.ndarray, np.ndarray],
    minimum_cells: float,
    threads: int = 1,
) -> HaloCatalogue:
    """Haloes of the partner of a mock.

    Parameters
    ----------
    density
        Linear density of the box at the redshift of the cosmology, float32 of shape (N, N, N).
    spectrum
        Linear power spectrum at z = 0: k (1/Mpc) and P (Mpc^3).
    minimum_cells
        Volume (cells) of the smallest filter; there are no smaller haloes.
    threads
        Change no bit.

    Returns
    -------
    HaloCatalogue
        With Eulerian centres (Mpc) and velocities (km/s), largest filter first.
    """
    cells = len(density)
    slabs, cell = Slabs(cells, None, threads), header.box_size_mpc / cells
    modes = slabs.forward(density)
    radii = filter_radii(minimum_cells, cell, header.box_size_mpc)
    growth = growth_factor(cosmology, cosmology.redshift)
    found = []
    for radius, larger in zip(radii, [np.inf, *radii[:-1]], strict=True):
        barrier = BARRIER + SLOPE * growth * sigma_of_radius(*spectrum, radius)
        index, height = _peaks(smooth(modes, slabs, radius / cell), barrier)
        size = np.minimum(radius * height / barrier, larger)  # between two filters, as the height says
        found.append((index, size, np.full(len(size), radius)))
    index, size, radius = (np.concatenate(parts) for parts in zip(*found, strict=True))
    kept = _outside_of_larger((index + 0.5) * cell, EXCLUSION * radius, header.box_size_mpc)
    index, size = index[kept], size[kept]
    columns = _columns(index, size, cell, mean_matter_density(cosmology))
    rate = growth_rate(cosmology, cosmology.redshift) * hubble_rate(cosmology, cosmology.redshift)
    for axis in range(3):
        shift = first_order_displacement(modes, slabs, cell, axis)[tuple(index.T)].astype(float)
        moved = np.mod((index[:, axis] + 0.5) * cell + shift, header.box_size_mpc).astype(np.float32)
        columns[EULERIAN[axis]] = np.where(moved >= header.box_size_mpc, np.float32(0), moved)
        columns[VELOCITY[axis]] = (shift * rate / (1 + cosmology.redshift)).astype(np.float32)
    return HaloCatalogue(columns, replace(header, provenance={}), cells)


def filter_radii(minimum_cells: float, cell: float, box_size: float) -> np.ndarray:
    """Radii of the filters (Mpc), largest first; the smallest holds ``minimum_cells`` cells of side ``cell`` (Mpc)."""
    smallest = (3 * minimum_cells / (4 * np.pi)) ** (1 / 3) * cell
    return np.geomspace(max(min(LARGEST_FILTER, box_size / 4), 1.5 * smallest), smallest, FILTERS)


def _columns(index: np.ndarray, size: np.ndarray, cell: float, density: float) -> dict[str, np.ndarray]:
    """Lagrangian columns of haloes at cells ``index`` with radii ``size`` (Mpc)."""
    volume = 4 / 3 * np.pi * size**3
    columns = {name: ((index[:, axis] + 0.5) * cell).astype(np.float32) for axis, name in enumerate(LAGRANGIAN)}
    return columns | {"radius": size.astype(np.float32), "mass": density * volume, "cells": volume / cell**3}


def _peaks(field: np.ndarray, barrier: float) -> tuple[np.ndarray, np.ndarray]:
    """Cells, shape (peaks, 3), above the barrier and their 26 neighbours, and their values; highest first."""
    index = np.argwhere(field > barrier)
    height = field[tuple(index.T)]
    for step in NEIGHBOURS:
        higher = height > field[tuple(((index + step - 1) % len(field)).T)]
        index, height = index[higher], height[higher]
    order = np.argsort(-height, kind="stable")
    return index[order], height[order].astype(float)


def _outside_of_larger(positions: np.ndarray, reach: np.ndarray, box_size: float) -> np.ndarray:
    """Which positions (Mpc) have none that is kept before them within its ``reach`` (Mpc), bool of shape (n,)."""
    kept = np.ones(len(positions), bool)
    if not len(positions):
        return kept
    near = KDTree(positions, boxsize=box_size).query_ball_point(positions, reach)
    for first, others in enumerate(near):
        if kept[first]:
            later = np.asarray(others)
            kept[later[later > first]] = False
    return kept
