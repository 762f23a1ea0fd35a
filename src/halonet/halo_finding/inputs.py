"""What the halo finders start from: probability, density, cosmology, checked against each other."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from halonet.catalogue import read_catalogue
from halonet.cosmology import declared, default_cosmology, say_replaced
from halonet.settings import (
    CosmologySettings,
    stage_settings,
)
from halonet.spheres import centre_cells
from halonet.storage import FieldHeader, StorageError, read_field, read_header


def read_probability(path: str | Path) -> tuple[np.ndarray, FieldHeader]:
    """Probability field (N, N, N) and its header; values outside [0, 1] are refused."""
    return read_field(path, "probability"), read_header(path)


def read_density_of(path: str | Path, probability: np.ndarray, header: FieldHeader) -> tuple[np.ndarray, FieldHeader]:
    """Density of the same box as a probability field, float32 of shape (N, N, N), with its header.

    A file of another box is refused.
    """
    density, own = read_field(path, "density"), read_header(path)
    if density.shape != probability.shape or own.box_size_mpc != header.box_size_mpc:
        raise StorageError(
            f"{path}: {len(density)} cells and {own.box_size_mpc} Mpc along a side, but the probability has "
            f"{len(probability)} and {header.box_size_mpc}; both must be of the same box"
        )
    return density, own


def read_centres_of(path: str | Path, probability: np.ndarray, header: FieldHeader) -> np.ndarray:
    """Centre cells of the haloes of a catalogue of the same box, most massive first, int64 of shape (haloes, 3)."""
    haloes = read_catalogue(path).sorted_by_mass()
    if haloes.box_size_mpc != header.box_size_mpc:
        raise StorageError(
            f"{path}: {haloes.box_size_mpc} Mpc along a side, but the probability has {header.box_size_mpc}; both must "
            "be of the same box"
        )
    cells = len(probability)
    return centre_cells(haloes.positions(), header.box_size_mpc / cells, cells)


def cosmology_of(argument: str | None, headers: Mapping[str, FieldHeader] | FieldHeader) -> CosmologySettings:
    """Cosmology given as JSON, otherwise that of the first file that has one, otherwise the paper's, which is said.

    ``headers`` are those of one file or more, by their names; a header alone is that of "the field".
    """
    if isinstance(headers, FieldHeader):
        headers = {"the field": headers}
    if argument is None:
        for path, header in headers.items():
            if header.cosmology is not None:
                return declared(header.cosmology, path)
        return default_cosmology(next(iter(headers)))
    given = stage_settings(CosmologySettings, argument)
    for path, header in headers.items():
        say_replaced(header.cosmology, given, path)
    return given
