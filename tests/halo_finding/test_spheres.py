"""Means within spheres and in shells."""

import numpy as np
import pytest

from halonet.grid.shells import shells_within
from halonet.spheres import centre_cells, mean_at_radius, mean_within, shell_sums

CELLS = 20


@pytest.fixture
def field():
    return np.random.default_rng(1).random((CELLS,) * 3, np.float32)


def test_the_mean_within_a_sphere_is_that_of_its_cells_across_the_faces_of_the_box(field):
    centre, radius = np.array([[0, 19, 10]]), 3.2
    offsets = shells_within(4).offsets
    inside = offsets[(offsets**2).sum(axis=1) <= radius**2]
    expected = field[tuple(((centre + inside) % CELLS).T)].mean(dtype=np.float64)
    assert mean_within(field, centre, [radius])[0] == pytest.approx(expected, rel=1e-12)


def test_a_radius_of_zero_is_the_centre_cell(field):
    centres = np.array([[3, 4, 5], [19, 0, 19]])
    np.testing.assert_array_equal(mean_within(field, centres, [0.0, 0.0]), field[tuple(centres.T)])


def test_the_shell_at_a_radius_is_one_cell_thick():
    axis = np.arange(CELLS) - 10
    distance = np.sqrt(sum(o**2 for o in np.meshgrid(axis, axis, axis, indexing="ij")))
    shell = ((distance > 4.5) & (distance <= 5.5)).astype(np.float32)
    centre = np.array([[10, 10, 10]])
    assert mean_at_radius(shell, centre, [5.0])[0] == 1
    assert mean_at_radius(shell, centre, [4.0])[0] == 0
    assert mean_at_radius(shell, centre, [6.0])[0] == 0


def test_stacked_shells_have_the_mean_and_scatter_of_their_cells(field):
    centres = np.array([[2, 2, 2], [15, 1, 8], [9, 19, 0]])
    stack = shell_sums(field, centres, 3)
    offsets = shells_within(3).offsets
    radius = np.rint(np.sqrt((offsets**2).sum(axis=1)))
    for shell in range(4):
        cells = np.concatenate([field[tuple(((c + offsets[radius == shell]) % CELLS).T)] for c in centres])
        assert stack.counts[shell] == len(cells)
        assert stack.mean[shell] == pytest.approx(cells.mean(dtype=np.float64), rel=1e-9)
        assert stack.deviation[shell] == pytest.approx(cells.std(dtype=np.float64), rel=1e-6)


def test_stacks_of_two_boxes_add_up(field):
    one, other = np.array([[2, 2, 2]]), np.array([[15, 1, 8]])
    together = shell_sums(field, np.concatenate([one, other]), 4)
    added = shell_sums(field, one, 4) + shell_sums(field, other, 4)
    np.testing.assert_allclose(added.mean, together.mean)
    np.testing.assert_allclose(added.deviation, together.deviation)


def test_positions_fall_into_the_cell_that_holds_them():
    positions = np.array([[0.0, 1.99, 2.0], [39.99, 0.5, 21.0]])
    assert centre_cells(positions, 2.0, 20).tolist() == [[0, 0, 1], [19, 0, 10]]
