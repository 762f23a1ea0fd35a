"""A user's own truth: density, Lagrangian spheres and mask of a box from files, checked before anything uses them.

Files have the layout of the project's own (``storage.py``, ``catalogue.py``). Of a catalogue only the Lagrangian centre
and the radius of each halo are needed: mass and cells follow from the radius, since mass is mean matter density times
Lagrangian volume here. All files of a run must be of the same box, grid and cosmology; what differs is refused by name.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY, HaloCatalogue, read_columns
from halonet.checks.attribute_values import number_of
from halonet.checks.numbers import COUNT
from halonet.columns import COLUMNS
from halonet.cosmology import mean_matter_density
from halonet.settings import CosmologySettings, validate
from halonet.storage import FieldHeader, StorageError, field_cells, open_hdf5, read_field, read_header

SPHERE = (*LAGRANGIAN, "radius")
SAME = 1e-6  # relative difference of lengths that are meant to be the same
# Median of mass, or cells, over that of the spheres. Counted cells of small haloes exceed their spheres by up to 1.3;
# an h in the unit of mass gives 0.7, in both units 1 / 0.7^2, another grid 8.
LIKELY_RATIO = (0.85, 1.5)
POSSIBLE_RATIO = (0.1, 10.0)  # of any halo


@dataclass(frozen=True)
class Box:
    """What all files of a box must agree on.

    Attributes
    ----------
    cells
        Cells along a side of the grid.
    box_size_mpc
        Side of the periodic box (Mpc).
    cosmology
        Cosmology and output redshift of the run.
    """

    cells: int
    box_size_mpc: float
    cosmology: CosmologySettings

    @property
    def cell_size(self) -> float:
        """Side of a cell (Mpc)."""
        return self.box_size_mpc / self.cells


def read_own_density(path: str | Path, box: Box) -> np.ndarray:
    """Linear density of the box, float32 of shape (N, N, N)."""
    _check_cells(path, field_cells(path, "density"), box)
    _check_header(path, read_header(path), box)
    return read_field(path, "density")


def read_own_mask(path: str | Path, box: Box) -> np.ndarray:
    """Mask of the box, uint8 of shape (N, N, N); numbers of any type are taken, but only 0 and 1."""
    _check_cells(path, field_cells(path, "mask"), box)
    _check_header(path, read_header(path), box)
    return read_field(path, "mask")


def read_own_haloes(path: str | Path, box: Box) -> HaloCatalogue:
    """Catalogue of the box from Lagrangian spheres, with mass and cells where they are not given.

    Eulerian positions and velocities are taken as given; where they are not, the catalogue has none yet.
    """
    _check_header(path, read_header(path), box)
    with open_hdf5(path) as file:
        if "grid_cells" in file.attrs:
            _check_cells(path, int(number_of(path, "grid_cells", file.attrs["grid_cells"], COUNT)), box)
    columns = read_columns(path, box.box_size_mpc, SPHERE)
    _check_radii(path, columns["radius"], box)
    for names in (EULERIAN, VELOCITY):
        if 0 < len(given := set(names) & set(columns)) < 3:
            raise StorageError(f"{path}: of {', '.join(names)} only {', '.join(sorted(given))} is there; all or none")
    volume = 4 / 3 * np.pi * columns["radius"].astype(np.float64) ** 3
    spheres = {"mass": mean_matter_density(box.cosmology) * volume, "cells": volume / box.cell_size**3}
    for name, values in spheres.items():
        _check_against_spheres(path, name, columns.setdefault(name, values), values)
    header = FieldHeader(box.box_size_mpc, box.cosmology.redshift, box.cosmology.model_dump())
    return HaloCatalogue(_typed(columns, box.box_size_mpc), header, box.cells).sorted_by_mass()


def contrast(density: np.ndarray, mask: np.ndarray) -> float:
    """Mean density of masked cells above that of the others, in standard deviations; fields of shape (N, N, N).

    It is 0 where the mask is the same everywhere.
    """
    inside = mask == 1
    if inside.all() or not inside.any():
        return 0.0
    return float((density[inside].mean(dtype=float) - density[~inside].mean(dtype=float)) / density.std(dtype=float))


def _check_cells(path: str | Path, cells: int, box: Box) -> None:
    if cells != box.cells:
        raise StorageError(f"{path}: {cells} cells along a side; the box has {box.cells} (boxes.cells)")


def _check_header(path: str | Path, header: FieldHeader, box: Box) -> None:
    """Refuse a file of another box size, redshift or cosmology; what a file does not say is taken for the run's."""
    if not np.isclose(header.box_size_mpc, box.box_size_mpc, rtol=SAME):
        raise StorageError(
            f"{path}: box_size_mpc = {header.box_size_mpc}; the box has {box.box_size_mpc} (boxes.box_size_mpc), "
            "comoving Mpc without h"
        )
    said = {} if header.cosmology is None else dict(header.cosmology)
    if header.redshift is not None:
        said["redshift"] = header.redshift
    validate(CosmologySettings, said, f"{path}: cosmology")
    for name, value in said.items():
        if not np.isclose(value, wanted := getattr(box.cosmology, name), rtol=SAME, atol=SAME):
            raise StorageError(f"{path}: {name} = {value}, but cosmology.{name} of the run is {wanted}; make them one")


def _check_radii(path: str | Path, radii: np.ndarray, box: Box) -> None:
    wrong = (radii <= 0) | (2 * radii > box.box_size_mpc)
    if wrong.any():
        raise StorageError(
            f"{path}: radius = {radii[wrong.argmax()]:.9g} Mpc in {wrong.sum()} of {len(radii)} haloes (the first); a "
            f"Lagrangian radius lies between 0 and half of the box ({box.box_size_mpc / 2} Mpc)"
        )


def _check_against_spheres(path: str | Path, name: str, values: np.ndarray, spheres: np.ndarray) -> None:
    """Refuse masses, or cells, that the radii contradict: a wrong unit, or the cells of another grid."""
    if not len(values):
        return
    ratios = values / spheres
    odd = int(np.argmax(np.abs(np.log(np.where(ratios > 0, ratios, 1e-300)))))
    if not POSSIBLE_RATIO[0] < ratios[odd] < POSSIBLE_RATIO[1]:
        raise StorageError(
            f"{path}: {name} = {values[odd]:.9g} {COLUMNS[name].unit} in halo {odd}, whose sphere has "
            f"{spheres[odd]:.4g}; correct it, or leave {name} out to have it computed"
        )
    if not LIKELY_RATIO[0] < (ratio := float(np.median(ratios))) < LIKELY_RATIO[1]:
        raise StorageError(
            f"{path}: {name} is {ratio:.3g} times (median) that of a sphere of the halo's radius; radius must be the "
            f"Lagrangian one in Mpc and {name} in units of {COLUMNS[name].unit}, without h: correct them, or leave "
            f"{name} out to have it computed"
        )


def _typed(columns: dict[str, np.ndarray], box_size: float) -> dict[str, np.ndarray]:
    """Columns in their dtype; a position that rounds up to the side of the box is at 0."""
    typed = {name: np.ascontiguousarray(values, COLUMNS[name].dtype) for name, values in columns.items()}
    for name in set((*LAGRANGIAN, *EULERIAN)) & set(typed):
        typed[name][typed[name] >= box_size] = 0
    return typed
