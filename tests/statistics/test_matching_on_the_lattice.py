"""Which haloes match does not depend on where in the box they lie, though many centres are exactly a radius apart."""

import numpy as np
import pytest

from halonet.catalogue import HaloCatalogue
from halonet.matching import match_haloes, one_sided_matches
from halonet.spheres import centre_cells, mean_within
from halonet.storage import FieldHeader

N = 24
CELL_SIZES = [1.0, 0.7, 1.4, 1 / 0.7, 2.2456]


def on_lattice(cells, squares, cell_size):
    """Haloes whose centres are those of cells, with radii of the root of whole numbers (cells), as files hold them."""
    centres = (cells % N + 0.5) * cell_size
    columns = dict(zip(("qx", "qy", "qz"), centres.T.astype(np.float32), strict=True))
    columns |= {"radius": (np.sqrt(squares) * cell_size).astype(np.float32)}
    columns |= {name: 4.19 * squares**1.5 for name in ("mass", "cells")}
    return HaloCatalogue(columns, FieldHeader(N * cell_size), N)


@pytest.mark.parametrize("cell_size", CELL_SIZES)
def test_pairs_exactly_a_radius_apart_match_wherever_they_lie(cell_size):
    generator = np.random.default_rng(3)
    cells = generator.integers(0, N, (200, 3))
    # Every partner lies at a distance that is exactly one of the radii.
    steps = generator.integers(-3, 4, (200, 3))
    squares = np.maximum((steps**2).sum(axis=1), 1)

    def matched(shift):
        true, found = (on_lattice(each + shift, squares, cell_size) for each in (cells, cells + steps))
        matches = match_haloes(true, found)
        return matches.true_matched, matches.found_matched, one_sided_matches(true, found)

    expected = matched(0)
    assert 0.05 < expected[0].mean() < 1
    for shift in ([1, 0, 0], [7, 3, 11], [N - 1, 5, 2], [13, 13, 13]):
        for some, other in zip(matched(np.array(shift)), expected, strict=True):
            np.testing.assert_array_equal(some, other)


@pytest.mark.parametrize("cell_size", CELL_SIZES)
def test_the_mean_within_a_halo_moves_with_it_by_whole_cells(cell_size):
    generator = np.random.default_rng(5)
    cells, squares = generator.integers(0, N, (50, 3)), generator.integers(1, 30, 50)
    field = generator.normal(size=(N, N, N)).astype(np.float32)

    def means(shift):
        haloes = on_lattice(cells + shift, squares, cell_size)
        centres = centre_cells(haloes.positions(), haloes.cell_size, N)
        return mean_within(np.roll(field, shift, (0, 1, 2)), centres, haloes["radius"] / haloes.cell_size)

    for shift in ([1, 0, 0], [7, 3, 11], [N - 1, 5, 2]):
        np.testing.assert_array_equal(means(shift), means([0, 0, 0]))
