"""Catalogues with a known mass function."""

import numpy as np
import pytest
from checkout import ROOT

from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY, HaloCatalogue
from halonet.settings import CosmologySettings
from halonet.storage import FieldHeader

CELL_MASS = 3.4e10  # Msun
SIDE = 100.0  # Mpc


@pytest.fixture(scope="session")
def power_law():
    """Catalogue of random positions whose n(>M) falls as M^-slope from 27 cells on."""

    def make(seed: int, haloes: int = 3000, slope: float = 1.0) -> HaloCatalogue:
        rng = np.random.default_rng(seed)
        cells = 27 * rng.uniform(1e-9, 1, haloes) ** (-1 / slope)
        columns = {name: rng.uniform(0, SIDE, haloes).astype("f4") % np.float32(SIDE) for name in LAGRANGIAN}
        columns |= {name: rng.uniform(0, SIDE, haloes).astype("f4") % np.float32(SIDE) for name in EULERIAN}
        columns |= {name: rng.normal(0, 300, haloes).astype("f4") for name in VELOCITY}
        columns |= {"radius": np.cbrt(cells).astype("f4"), "mass": cells * CELL_MASS, "cells": cells}
        header = FieldHeader(SIDE, 0.0, CosmologySettings().model_dump(), seed)
        return HaloCatalogue(columns, header, 32)

    return make


@pytest.fixture(scope="session")
def network_box():
    """Options of a mock by a network."""
    return "--seed", 7, "--cells", 32, "--network", ROOT / "networks" / "vnet-small", "--threads", 1


@pytest.fixture(scope="session")
def network_mock(tmp_path_factory, run_script, network_box):
    """Folder of a network's mock with its fields kept, and of its power spectrum."""
    path = tmp_path_factory.mktemp("mock")
    kept = ("--keep-density", path / "density.h5", "--keep-probability", path / "probability.h5")
    run_script("make_mock", *network_box, *kept, "--output", path / "mock.h5")
    run_script("compute_power_spectrum", "--output", path / "power_spectrum.csv")
    return path
