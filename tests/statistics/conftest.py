"""Catalogues and fields with known statistics."""

import numpy as np
import pytest

from halonet.catalogue import LAGRANGIAN, HaloCatalogue
from halonet.settings import CosmologySettings
from halonet.storage import FieldHeader

COSMOLOGY = CosmologySettings()


@pytest.fixture(scope="session")
def catalogue():
    """Build a catalogue from centres and radii (Mpc) on a grid of 1 Mpc cells."""

    def build(centres, radii, box_size=64.0):
        centres, radii = np.asarray(centres, np.float32).reshape(-1, 3), np.asarray(radii, np.float32)
        columns = {name: centres[:, axis] for axis, name in enumerate(LAGRANGIAN)}
        cells = 4 / 3 * np.pi * radii.astype(np.float64) ** 3
        columns |= {"radius": radii, "cells": cells, "mass": cells * 3.4e10}
        header = FieldHeader(box_size, 0.0, COSMOLOGY.model_dump(), 1)
        return HaloCatalogue(columns, header, int(box_size))

    return build


@pytest.fixture(scope="session")
def many_haloes(catalogue):
    """400 haloes of 1.9 to 8 Mpc at random positions of a box of 64 Mpc."""
    rng = np.random.default_rng(4)
    return catalogue(rng.uniform(0, 63.9, (400, 3)), rng.uniform(1.9, 8, 400))
