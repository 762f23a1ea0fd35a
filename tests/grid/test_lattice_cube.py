"""Cubes of a periodic lattice: windows across its borders, and bricks that fill it."""

import numpy as np
import pytest

from halonet.grid.lattice_cube import Cube

PERIOD = 12
LATTICE = np.arange(PERIOD**3).reshape((PERIOD,) * 3)
WHOLE = Cube((0, 0, 0), PERIOD, PERIOD)


def test_a_window_across_the_border_continues_on_the_other_side():
    window = LATTICE[WHOLE.window((-2, 10, 0), 5)]
    assert window.shape == (5, 5, 5)
    assert window[0, 0, 0] == LATTICE[10, 10, 0]
    assert window[2, 2, 4] == LATTICE[0, 0, 4]


@pytest.mark.parametrize("start", [(-3, 5, 11), (0, 0, 0), (25, -14, 4)])
def test_bricks_fill_a_cube_with_the_cells_of_the_lattice(start):
    cube, side = Cube.within(start, 7, PERIOD), 4
    filled = np.full(cube.shape, -1)
    for brick in cube.bricks(side):
        there, own = cube.shared(brick, side)
        assert (filled[there] == -1).all()
        filled[there] = LATTICE[WHOLE.window(brick, side)][own]
    np.testing.assert_array_equal(filled, LATTICE[WHOLE.window(start, 7)])
    cells = np.array([[start[0] + 6, start[1], start[2] + 1]])
    assert filled.ravel()[cube.flat(cells)] == LATTICE[tuple((cells % PERIOD).T)]


def test_a_cube_as_large_as_the_lattice_is_the_lattice_itself():
    assert Cube.within((-3, 5, 2), 14, PERIOD) == WHOLE


def test_a_window_that_leaves_its_cube_is_refused():
    with pytest.raises(ValueError, match="leaves the cube"):
        Cube((2, 2, 2), 5, PERIOD).window((4, 2, 2), 4)
