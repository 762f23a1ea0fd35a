"""A catalogue with every column on a box whose h is not 1, so that a forgotten h shows."""

import numpy as np
import pytest

from halonet.catalogue import COLUMNS, EULERIAN, LAGRANGIAN, VELOCITY, HaloCatalogue, read_catalogue, write_catalogue
from halonet.cosmology import mean_matter_density
from halonet.settings import CosmologySettings
from halonet.storage import FieldHeader

BOX_SIZE, CELLS, HALOES = 128.0, 64, 300
CONVERTED = ("r200c", "m500c", "r500c", "mvir", "rvir", "scale_radius")  # which nothing measures
COSMOLOGY = CosmologySettings(h=0.7, redshift=0.5)


@pytest.fixture
def haloes():
    """Random haloes that have moved by some Mpc; the first two sit at the faces of the box."""
    rng = np.random.default_rng(9)
    columns = {name: rng.uniform(0.1, 2.0, HALOES) for name in COLUMNS if name not in CONVERTED}
    for start, end in zip(LAGRANGIAN, EULERIAN, strict=True):
        columns[start] = rng.uniform(0, BOX_SIZE, HALOES)
        columns[end] = np.mod(columns[start] + rng.normal(0, 6, HALOES), BOX_SIZE)
        for name in (start, end):
            columns[name][:2] = 0.0, np.nextafter(np.float32(BOX_SIZE), np.float32(0))
    for name in VELOCITY:
        columns[name] = rng.normal(0, 300, HALOES)
    columns["radius"] = rng.uniform(2, 8, HALOES)
    volume = 4 / 3 * np.pi * columns["radius"] ** 3
    columns["mass"] = mean_matter_density(COSMOLOGY) * volume
    columns["cells"] = volume / (BOX_SIZE / CELLS) ** 3
    typed = {name: values.astype(COLUMNS[name].dtype) for name, values in columns.items()}
    header = FieldHeader(BOX_SIZE, 0.5, COSMOLOGY.model_dump(), 7, {"stage": "test", "settings": {"a": "b" * 200}})
    return HaloCatalogue(typed, header, CELLS, {"note": 1})


@pytest.fixture
def write(tmp_path):
    """Write a catalogue to a file; returns the path and the catalogue as it is read back, sorted by mass."""

    def to_file(catalogue):
        path = tmp_path / "haloes.h5"
        write_catalogue(path, catalogue)
        return path, read_catalogue(path)

    return to_file


@pytest.fixture
def written(haloes, write):
    return write(haloes)
