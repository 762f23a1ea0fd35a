"""From patches that survive to the haloes an observer sees: overlaps, crossing of the light cone, borders, columns."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from halonet.columns import LAGRANGIAN
from halonet.cosmology import mean_matter_density
from halonet.peak_patch.images import Images
from halonet.peak_patch.merging import order_of
from halonet.peak_patch.open_merging import ALIVE, UNKNOWN, exclude_within, lost_volumes
from halonet.peak_patch.patches import PROPERTIES, Patches
from halonet.peak_patch.steps import vector_columns
from halonet.settings import PeakPatchSettings, SettingsError
from halonet.sky.crossing import cross, light_cone_columns, seen_columns, velocities_of
from halonet.sky.epochs import Epochs


@dataclass(frozen=True)
class SeenPatches(Patches):
    """Patches with the image of the box that each is in, a row of :attr:`Images.offsets`."""

    images: np.ndarray


class Border(NamedTuple):
    """How far beyond the region patches are known, their largest radius, and how far they move at most (Mpc)."""

    margin: float
    largest: float
    shift: float


def haloes_of(
    patches: SeenPatches,
    states: np.ndarray,
    means: tuple[np.ndarray, np.ndarray],
    images: Images,
    border: Border,
    epochs: Epochs,
    settings: PeakPatchSettings,
) -> dict[str, np.ndarray]:
    """Columns of the haloes in the region.

    Parameters
    ----------
    states
        What is known of each patch, see :mod:`halonet.peak_patch.open_merging`.
    means
        Mean displacement of first order today, and the raw one of second order (Mpc), shape (patches, 3) each.
    """
    order = order_of(patches.radii, patches.filters, images.lattice(patches.cells, patches.images))
    patches, states, first, second = patches.select(order), states[order], *(mean[order] for mean in means)
    lattice = images.lattice(patches.cells, patches.images)
    lagrangian, radii = images.from_observer(lattice), patches.radii * images.cell_size

    def crossing(positions: str) -> tuple[np.ndarray, np.ndarray]:
        return cross(lagrangian, first, second if positions == "second_order" else None, epochs)

    lost, doubtful = lost_volumes(lattice + 0.5, patches.radii, settings.reduction, states)
    reduced = np.maximum(patches.radii**3 - 3 * lost / (4 * np.pi), 0.0) ** (1 / 3)
    seen, redshifts = crossing(settings.positions)
    if settings.final_state_exclusion is not None:
        same = settings.exclusion_positions == settings.positions
        meeting = seen if same else crossing(settings.exclusion_positions)[0]
        states = _exclude_final_state(meeting, patches.radii, settings.final_state_exclusion, states, images, border)
    wanted = images.region.holds(seen)
    doubtful |= images.region.outside(lagrangian) + radii + border.largest > border.margin
    _check_borders(wanted & ((states == UNKNOWN) | (states == ALIVE) & doubtful), lagrangian - seen, border)
    cells = 4 / 3 * np.pi * reduced**3
    kept = np.flatnonzero(wanted & (states == ALIVE) & (reduced > 0) & (cells >= settings.minimum_cells))
    later = second[kept] if settings.positions == "second_order" else None
    velocities = velocities_of(first[kept], later, redshifts[kept], epochs)
    columns = {
        "radius": reduced[kept] * images.cell_size,
        "mass": mean_matter_density(epochs.cosmology) * cells[kept] * images.cell_size**3,
        "cells": cells[kept],
        "raw_radius": radii[kept],
        **vector_columns(LAGRANGIAN, lagrangian[kept]),
        **dict(zip(PROPERTIES, patches.properties[kept].T, strict=True)),
        **seen_columns(seen[kept], velocities, redshifts[kept]),
    }
    return light_cone_columns(columns)


def _exclude_final_state(
    positions: np.ndarray, radii: np.ndarray, fraction: float, states: np.ndarray, images: Images, border: Border
) -> np.ndarray:
    """What is known of patches after the smaller ones of pairs that meet have gone; lengths as in :func:`haloes_of`."""
    reach = fraction * (radii * images.cell_size + border.largest) + border.shift
    beyond = images.region.outside(positions) + reach > border.margin
    return exclude_within(positions / images.cell_size, radii, fraction, (states == UNKNOWN) | beyond)


def _check_borders(doubtful: np.ndarray, shifts: np.ndarray, border: Border) -> None:
    """Refuse a margin within which not every halo of the region is decided."""
    farthest = float(np.sqrt((shifts**2).sum(axis=1).max(initial=0.0)))
    if doubtful.any() or farthest > border.shift:
        why = f"{doubtful.sum()} haloes at the borders cannot be decided" if doubtful.any() else (
            f"a halo moves by {farthest:.3g} Mpc, more than the {border.shift:.3g} Mpc that were expected"
        )  # fmt: skip
        raise SettingsError(f"light_cone.margin_mpc = {border.margin:.4g}: {why}; give a larger margin")
