"""Patches and where they move to, and the catalogue of those that are haloes."""

from dataclasses import dataclass

import numpy as np

from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY, HaloCatalogue
from halonet.columns import COLUMNS
from halonet.cosmology import growth_factor, growth_rate, hubble_rate, mean_matter_density
from halonet.initial_conditions.displacement import second_order_coefficient
from halonet.peak_patch.measurement import Search
from halonet.peak_patch.patches import PROPERTIES, Patches
from halonet.peak_patch.steps import vector_columns
from halonet.settings import CosmologySettings
from halonet.storage import FieldHeader


@dataclass(frozen=True)
class Displaced:
    """Patches in merging order.

    Attributes
    ----------
    patches
        What was measured.
    centres
        Lagrangian centres (cells), shape (patches, 3).
    psi1, psi2
        Displacement of first and second order at the redshift (Mpc), shape (patches, 3).
    cell_size
        Side of a cell (Mpc).
    """

    patches: Patches
    centres: np.ndarray
    psi1: np.ndarray
    psi2: np.ndarray
    cell_size: float

    @classmethod
    def by(
        cls,
        means: tuple[np.ndarray, np.ndarray],
        patches: Patches,
        centres: np.ndarray,
        cell_size: float,
        cosmology: CosmologySettings,
    ) -> "Displaced":
        """Patches that move by ``means``: of first order today, and the raw one of second order (Mpc)."""
        first, second = means
        growth = growth_factor(cosmology, cosmology.redshift)
        coefficient = second_order_coefficient(cosmology, cosmology.redshift)
        return cls(patches, centres, growth * first, coefficient * growth**2 * second, cell_size)

    def shifts(self, order: str) -> np.ndarray:
        """Displacements (cells) to ``first_order`` or ``second_order``, shape (patches, 3)."""
        return (self.psi1 + self.psi2 if order == "second_order" else self.psi1) / self.cell_size


def catalogue_of(
    found: Displaced, radii: np.ndarray, positions: str, search: Search, cosmology: CosmologySettings,
    header: FieldHeader, cells: int,
) -> HaloCatalogue:  # fmt: skip
    """Catalogue of patches, all of them, in their order.

    Parameters
    ----------
    radii
        Radii after the reduction of overlaps (cells), shape (patches,).
    positions
        Order of the Eulerian positions and velocities, ``first_order`` or ``second_order``.
    cells
        Cells along a side of the periodic box.
    """
    patches, psi1, psi2, cell_size = found.patches, found.psi1, found.psi2, found.cell_size
    redshift, volumes = cosmology.redshift, 4 / 3 * np.pi * radii**3
    rate = hubble_rate(cosmology, redshift) / (1 + redshift) * growth_rate(cosmology, redshift)
    eulerian = np.mod(found.centres + found.shifts(positions), cells)
    columns = {
        "radius": radii * cell_size,
        "mass": mean_matter_density(cosmology) * volumes * cell_size**3,
        "cells": volumes,
        "raw_radius": patches.radii * cell_size,
        "filter_radius": search.radii_mpc[patches.filters],
        **dict(zip(PROPERTIES, patches.properties.T, strict=True)),
        **vector_columns(LAGRANGIAN, found.centres * cell_size),
        **vector_columns(EULERIAN, eulerian * cell_size),
        **vector_columns(VELOCITY, rate * (psi1 + 2 * psi2 if positions == "second_order" else psi1)),
        **vector_columns(("psi1_x", "psi1_y", "psi1_z"), psi1),
        **vector_columns(("psi2_x", "psi2_y", "psi2_z"), psi2),
    }
    return HaloCatalogue(_typed(columns, header.box_size_mpc), header, cells)


def _typed(columns: dict[str, np.ndarray], box_size: float) -> dict[str, np.ndarray]:
    """Columns in their dtype; a position that rounds up to the side of the box is at 0."""
    typed = {name: np.ascontiguousarray(values, COLUMNS[name].dtype) for name, values in columns.items()}
    for name in (*LAGRANGIAN, *EULERIAN):
        typed[name][typed[name] >= box_size] = 0
    return typed
