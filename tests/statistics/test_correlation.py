"""Correlation functions of samples whose correlation function is known."""

import numpy as np
import pytest

from halonet.statistics.correlation import count_pairs, separation_edges

BOX = 100.0
EDGES = separation_edges(BOX)


def correlation(positions, edges=EDGES):
    pairs, expected = count_pairs(positions, BOX, edges)
    return pairs / expected - 1, np.sqrt(expected) / expected


def test_every_pair_is_counted_once_across_the_faces_too():
    points = np.random.default_rng(1).uniform(0, BOX, (300, 3))
    separation = np.abs(points[:, None] - points)
    separation = np.sqrt((np.minimum(separation, BOX - separation) ** 2).sum(axis=2))
    expected = np.histogram(separation[np.triu_indices(300, 1)], EDGES)[0]
    np.testing.assert_array_equal(count_pairs(points, BOX, EDGES)[0], expected)


def test_a_poisson_sample_is_uncorrelated():
    measured, error = correlation(np.random.default_rng(2).uniform(0, BOX, (12000, 3)))
    scatter = measured / error
    assert np.abs(scatter).max() < 4
    assert 0.4 < (scatter**2).mean() < 2


def test_points_in_pairs_of_known_separation_have_the_known_correlation():
    # Each point has one partner, anywhere below 10 Mpc with equal chance, and the others are random: the mean number of
    # neighbours in a shell rises by the chance that the partner is in it.
    rng = np.random.default_rng(3)
    parents = rng.uniform(0, BOX, (1500, 3))
    direction = rng.standard_normal(parents.shape)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    distance = 10 * rng.random(len(parents))
    points = np.concatenate([parents, (parents + direction * distance[:, None]) % BOX])
    measured, error = correlation(points)
    shells = 4 / 3 * np.pi * np.diff(EDGES**3) * len(points) / BOX**3
    expected = np.diff(np.minimum(EDGES / 10, 1)) / shells
    assert expected[0] > 1
    error = error * np.sqrt(1 + expected)
    assert np.abs((measured - expected) / error).max() < 4


def test_haloes_that_exclude_each_other_are_anticorrelated():
    grid = np.stack(np.meshgrid(*[np.arange(2.5, BOX, 5.0)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    measured, _ = correlation(grid)
    np.testing.assert_array_equal(measured[EDGES[1:] < 5], -1)


def test_separations_stay_within_a_third_of_the_box():
    assert separation_edges(48.0)[-1] <= 16
    assert separation_edges(512.0)[-1] == pytest.approx(10**1.8)


@pytest.mark.parametrize("count", [0, 1])
def test_a_box_without_pairs_is_counted(count):
    pairs, expected = count_pairs(np.full((count, 3), BOX), BOX, EDGES)
    assert not pairs.any()
    assert not expected.any()
