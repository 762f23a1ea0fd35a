"""Counts in cells against Poisson, by hand, and against the power spectrum."""

import numpy as np
import pytest

from halonet.statistics.counts_in_cells import count_in_cells, cubes_of

SIDE = 100.0


def test_points_at_random_have_a_poisson_distribution():
    positions = np.random.default_rng(2).uniform(0, SIDE, (200_000, 3))
    counts, mean = count_in_cells(positions, SIDE, 50), 200_000 / 50**3
    assert counts.mean == pytest.approx(mean)
    assert counts.variance == pytest.approx(1 / mean, rel=0.02)
    assert counts.skewness == pytest.approx(1 / mean**2, rel=0.1)
    empty = counts.histogram[0] / 50**3
    assert empty == pytest.approx(np.exp(-mean), rel=0.02)


def test_moments_of_four_points_in_one_cube_are_those_by_hand():
    counts = count_in_cells(np.full((4, 3), 1.0), SIDE, 2)
    assert counts.histogram.tolist() == [7, 0, 0, 0, 1]
    assert counts.mean == 0.5
    assert counts.variance == pytest.approx((7 * 0.25 + 3.5**2) / 8 / 0.25)
    assert counts.skewness == pytest.approx((-7 * 0.125 + 3.5**3) / 8 / 0.125)


def test_a_box_wide_enough_has_cubes_of_8_16_and_32_mpc_and_no_points_no_variance():
    assert cubes_of(256.0) == [32, 16, 8]
    assert cubes_of(20.0) == [4]
    assert count_in_cells(np.zeros((0, 3)), SIDE, 4).variance == 0
