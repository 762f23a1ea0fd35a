from pathlib import Path

import numpy as np
import pytest

from halonet.storage import FieldHeader, write_field

CELLS = 16


@pytest.fixture(scope="session")
def ground_truth(tmp_path_factory) -> Path:
    """Three boxes of 16^3 random cells; the mask is where the density is above 1, so the two stay comparable."""
    folder = tmp_path_factory.mktemp("ground_truth")
    for box in range(3):
        density = np.random.default_rng(box).normal(size=(CELLS,) * 3).astype(np.float32) * (1 + box)
        header = FieldHeader(float(CELLS))
        write_field(folder / f"{box:03d}" / "density.h5", "density", density, header)
        write_field(folder / f"{box:03d}" / "mask.h5", "mask", density > 1, header)
    return folder
