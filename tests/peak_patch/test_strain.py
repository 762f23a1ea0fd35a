"""The strain that collapsed a halo, from displacements on a sphere, against the mean of the strain in it by FFT."""

from dataclasses import replace

import numpy as np
import pytest

from halonet.grid.slabs import Slabs
from halonet.peak_patch.finder import find_haloes
from halonet.statistics.shear import measure_shapes


@pytest.mark.parametrize(("name", "tolerance"), [("overdensity", 0.1), ("ellipticity", 0.04), ("prolateness", 0.02)])
def test_shapes_agree_with_those_that_peak_patch_used(collapsed, name, tolerance):
    haloes, shapes = collapsed
    used, measured = haloes[name], getattr(shapes, name)
    assert len(used) > 30
    assert np.corrcoef(used, measured)[0, 1] > 0.94
    assert np.median(np.abs(used - measured)) < tolerance


@pytest.fixture(scope="module")
def collapsed(small_box, small_settings, cosmology, table):
    """Haloes large enough for a sphere of cells, and their shapes within the radius in which they collapsed."""
    haloes = find_haloes(small_box, Slabs(len(small_box)), 1.0, cosmology, small_settings, table)
    haloes = haloes.select(haloes["raw_radius"] > 4)
    whole = replace(haloes, columns=haloes.columns | {"radius": haloes["raw_radius"]})
    return haloes, measure_shapes(small_box, [whole])[0]
