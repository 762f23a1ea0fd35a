"""Probability fields of known haloes."""

import numpy as np
import pytest


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
