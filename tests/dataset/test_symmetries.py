import numpy as np
import pytest

from halonet.dataset.symmetries import GROUPS


@pytest.mark.parametrize(("name", "count"), [("none", 1), ("reflections", 8), ("cube", 48)])
def test_a_group_has_so_many_different_elements_and_is_closed(name, count):
    field = np.random.default_rng(3).normal(size=(4, 4, 4))
    images = {symmetry(field).tobytes() for symmetry in GROUPS[name]}
    assert len(images) == count
    products = {first(second(field)).tobytes() for first in GROUPS[name] for second in GROUPS[name]}
    assert products == images


def test_reflections_keep_every_axis_where_it_is():
    ramp = np.broadcast_to(np.arange(5.0)[:, None, None], (5, 5, 5))
    for symmetry in GROUPS["reflections"]:
        assert np.ptp(symmetry(ramp), axis=(1, 2)).max() == 0


def test_a_symmetry_keeps_distances_to_the_centre():
    side = np.arange(6) - 2.5
    radius = np.add.outer(np.add.outer(side**2, side**2), side**2)
    assert all(np.array_equal(symmetry(radius), radius) for symmetry in GROUPS["cube"])
