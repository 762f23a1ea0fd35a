"""Drawn haloes as catalogues of the project.

Notes
-----
A drawn halo stands at a particle of the displaced matter of its voxel, whose Lagrangian position it has
(:mod:`halonet.neural_bias.positions`). A user's evolved field has no displacement: its draws carry the Eulerian
position in the Lagrangian columns too, and the catalogue's notes say so.
"""

import numpy as np

from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY, HaloCatalogue
from halonet.cosmology import mean_matter_density
from halonet.neural_bias.bias_fit import Problem
from halonet.neural_bias.draws import Draw, draw_from
from halonet.neural_bias.inputs import Inputs
from halonet.neural_bias.positions import place_haloes
from halonet.settings import CosmologySettings
from halonet.storage import FieldHeader


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
    return catalogue_of(drawn, inputs, cosmology, rng, provenance)


def catalogue_of(
    drawn: Draw, inputs: Inputs, cosmology: CosmologySettings, rng: np.random.Generator, provenance: dict
) -> HaloCatalogue:
    """Catalogue of drawn haloes, which are placed in their voxels here."""
    placed = place_haloes(drawn.voxels, inputs, rng, cosmology=cosmology)
    mass = inputs.minimum_mass * np.exp(drawn.log_mass)
    density = mean_matter_density(cosmology)
    columns = {
        "radius": (3 * mass / (4 * np.pi * density)) ** (1 / 3),
        "mass": mass,
        "cells": mass / (density * (inputs.box_size / inputs.cells) ** 3),
    }
    columns |= dict(zip(EULERIAN, _inside(placed.eulerian, inputs.box_size).T, strict=True))
    columns |= dict(zip(LAGRANGIAN, _inside(placed.lagrangian, inputs.box_size).T, strict=True))
    if placed.velocity is not None:
        columns |= dict(zip(VELOCITY, placed.velocity.T.astype(np.float32), strict=True))
    known = inputs.moved is not None
    centre = "a particle at the Eulerian centre" if known else "unknown, set to the Eulerian centre"
    seed = inputs.header.seed if inputs.header else None
    header = FieldHeader(inputs.box_size, cosmology.redshift, cosmology.model_dump(), seed, provenance=provenance)
    return HaloCatalogue(columns, header, inputs.cells, {"lagrangian_centre": centre})


def _inside(positions: np.ndarray, box_size: float) -> np.ndarray:
    """Positions in single precision that stay below the box size when rounded."""
    return np.minimum(np.mod(positions, box_size).astype(np.float32), np.nextafter(np.float32(box_size), np.float32(0)))
