import json
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from halonet.dataset.manifest import cut_boxes, write_manifest
from halonet.dataset.normalisation import measure, write_normalisation
from halonet.settings import DatasetSettings, NetworkSettings, validate
from halonet.storage import FieldHeader, write_field

CELLS = 32
NETWORK = {
    "architecture": "vnet",
    "levels": 2,
    "filters": 2,
    "kernel": 3,
    "convolutions": 1,
    "batch_normalisation": True,
    "window": 16,
    "validation_interval": 15,
    "stages": [
        {"learning_rate": 0.1, "momentum": 0.4, "dropout": 0.5, "boxes": 1, "epochs": 9, "batch_size": 3},
        {
            "optimizer": "adamw",
            "learning_rate": 0.01,
            "schedule": "cosine",
            "warmup": 0.1,
            "clip_norm": 1.0,
            "loss": "dice_cross_entropy",
            "steps": 40,
            "batch_size": 2,
        },
    ],
}


def made_of(levels: int, filters: int, **values) -> NetworkSettings:
    """Settings of a network whose training is of no interest."""
    stages = [{"learning_rate": 0.1, "steps": 1, "batch_size": 1}]
    return validate(NetworkSettings, {"levels": levels, "filters": filters, "stages": stages} | values, "test")


@pytest.fixture(scope="session")
def dataset(tmp_path_factory) -> Path:
    """Folder with three boxes of 32^3 cells, whose haloes are smooth overdense regions, and their manifest."""
    folder = tmp_path_factory.mktemp("dataset")
    for box in range(3):
        noise = np.random.default_rng(box).normal(size=(CELLS,) * 3)
        density = gaussian_filter(noise, 1, mode="wrap").astype(np.float32)
        smooth = gaussian_filter(density, 2, mode="wrap")
        header = FieldHeader(float(CELLS))
        write_field(folder / f"{box:03d}" / "density.h5", "density", density, header)
        write_field(folder / f"{box:03d}" / "mask.h5", "mask", smooth > np.quantile(smooth, 0.73), header)
    write_manifest(folder / "subvolumes.csv", cut_boxes([0, 1], [2], CELLS, DatasetSettings(window=CELLS), 1))
    write_normalisation(folder / "normalisation.json", measure(folder, [0, 1, 2], [0, 1])[0])
    return folder


@pytest.fixture(scope="session")
def network_values() -> dict:
    """Settings of a small V-Net of two stages, with dropout, batch normalisation and both optimizers."""
    return json.loads(json.dumps(NETWORK))


@pytest.fixture(scope="session")
def network_settings(network_values) -> NetworkSettings:
    return validate(NetworkSettings, network_values, "test")
