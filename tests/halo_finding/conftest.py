"""Probability fields of known haloes."""

import numpy as np
import pytest

from halonet.catalogue import LAGRANGIAN, HaloCatalogue
from halonet.halo_finding.calibration_boxes import CalibrationBox
from halonet.storage import FieldHeader


@pytest.fixture(scope="session")
def spheres():
    """Probability of spheres: highest in the centre, one half just beyond the radius."""

    def build(cells, centres, radii, scale=0.35, background=0.05):
        probability = np.full((cells,) * 3, background)
        axis = np.arange(cells)
        for centre, radius in zip(centres, radii, strict=True):
            offsets = [(axis - c + cells / 2) % cells - cells / 2 for c in centre]
            distance = np.sqrt(sum(o**2 for o in np.meshgrid(*offsets, indexing="ij")))
            profile = 1 / (1 + np.exp((distance - radius - 0.05) / scale))
            probability = np.maximum(probability, profile)
        return probability.astype(np.float32)

    return build


@pytest.fixture(scope="session")
def box(spheres):
    """Isolated haloes of radii from 2 to 6.5 cells, with the probability of :func:`spheres`."""
    positions, cells = (8, 24, 40, 56), 64
    centres = np.array([(x, y, z) for x in positions for y in positions for z in positions])
    radii = np.linspace(2.0, 6.5, len(centres))
    columns = {name: centres[:, axis] + 0.5 for axis, name in enumerate(LAGRANGIAN)}
    volumes = 4 / 3 * np.pi * radii**3
    columns |= {"radius": radii, "cells": volumes, "mass": volumes * 3.4e10}
    true = HaloCatalogue(columns, FieldHeader(float(cells)), cells)
    return CalibrationBox(spheres(cells, centres, radii), true)
