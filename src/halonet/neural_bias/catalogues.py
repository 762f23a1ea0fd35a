"""Drawn haloes as catalogues of the project.

Notes
-----
A draw has Eulerian positions. The Lagrangian centre is the point whose displacement leads there, found by fixed-point
iteration on the displacement of the engine's grid; where streams have crossed it is one of several. A user's evolved
field has no displacement: its draws carry the Eulerian position in the Lagrangian columns too, and the catalogue's
notes say so.
"""

import numpy as np
from scipy.ndimage import map_coordinates

from halonet.catalogue import EULERIAN, LAGRANGIAN, HaloCatalogue
from halonet.cosmology import mean_matter_density
from halonet.neural_bias.bias_fit import Problem
from halonet.neural_bias.draws import draw_from, positions_in
from halonet.neural_bias.inputs import Inputs
from halonet.settings import CosmologySettings
from halonet.storage import FieldHeader

ITERATIONS = 20


def draw_catalogue(
    problem: Problem,
    inputs: Inputs,
    theta: np.ndarray,
    cosmology: CosmologySettings,
    rng: np.random.Generator,
    provenance: dict,
) -> HaloCatalogue:
    """Catalogue of one posterior sample.

    Parameters
    ----------
    theta
        Parameters, shape (parameters,).

    Raises
    ------
    ValueError
        For an engine whose boundary is ``valid``, which leaves voxels without a mass function.
    """
    if problem.model.trimmed_cells:
        raise ValueError("catalogues are drawn for whole periodic boxes; this engine's boundary is 'valid'")
    features = problem.points("float64").features
    drawn = draw_from(problem.model, theta, features, problem.voxels.volumes, rng, inputs.largest_log_mass)
    positions = positions_in(drawn.voxels, inputs.cells, inputs.box_size, rng)
    mass = inputs.minimum_mass * np.exp(drawn.log_mass)
    density = mean_matter_density(cosmology)
    columns = {
        "radius": (3 * mass / (4 * np.pi * density)) ** (1 / 3),
        "mass": mass,
        "cells": mass / (density * (inputs.box_size / inputs.cells) ** 3),
    }
    columns |= dict(zip(EULERIAN, _inside(positions, inputs.box_size).T, strict=True))
    origins = positions if inputs.moved is None else lagrangian_positions(positions, inputs.moved, inputs.box_size)
    columns |= dict(zip(LAGRANGIAN, _inside(origins, inputs.box_size).T, strict=True))
    notes = {"lagrangian_centre": "first stream" if inputs.moved is not None else "unknown, set to the Eulerian place"}
    header = FieldHeader(inputs.box_size, cosmology.redshift, cosmology.model_dump(), provenance=provenance)
    return HaloCatalogue(columns, header, inputs.cells, notes)


def lagrangian_positions(positions: np.ndarray, moved: np.ndarray, box_size: float) -> np.ndarray:
    """Points q with q + displacement(q) = position, shape (haloes, 3), from ``moved`` (Mpc) of shape (3, N, N, N)."""
    cells, origins = moved.shape[1], positions
    for _ in range(ITERATIONS):
        at = (origins * (cells / box_size) - 0.5).T
        shift = np.stack([map_coordinates(component, at, order=1, mode="grid-wrap") for component in moved], axis=1)
        # Half steps converge where the flow contracts too fast for whole ones.
        origins = origins + 0.5 * (positions - shift - origins)
    return np.mod(origins, box_size)


def _inside(positions: np.ndarray, box_size: float) -> np.ndarray:
    """Positions in single precision that stay below the box size when rounded."""
    return np.minimum(np.mod(positions, box_size).astype(np.float32), np.nextafter(np.float32(box_size), np.float32(0)))
