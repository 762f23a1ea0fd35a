"""Units and frames against numbers from elsewhere."""

import numpy as np
import pytest

from halonet.export.units import about_the_centre, in_mpc_per_h, in_msun_per_h, lagrangian_radius
from halonet.settings import CosmologySettings

COSMOLOGY = CosmologySettings(h=0.7)


def test_a_hundred_mpc_are_seventy_mpc_per_h():
    assert in_mpc_per_h(100.0, COSMOLOGY) == pytest.approx(70.0)
    assert in_msun_per_h(np.float32([1e14]), COSMOLOGY) == pytest.approx([7e13])


def test_single_precision_input_is_converted_in_double():
    assert in_mpc_per_h(np.float32([0.1]), COSMOLOGY).dtype == np.float64


def test_the_centre_of_the_box_is_the_origin():
    np.testing.assert_array_equal(about_the_centre([0.0, 64.0, 127.5], 128.0), [-64.0, 0.0, 63.5])


def test_the_lagrangian_radius_of_a_mass_holds_it_at_the_mean_density():
    # 2.775e11 x 0.25 x 0.7^2 Msun/Mpc^3 within 10 Mpc.
    mass = 2.775e11 * 0.25 * 0.49 * 4 / 3 * np.pi * 1000
    assert lagrangian_radius(mass, COSMOLOGY) == pytest.approx(10.0)
