"""Exclusion, overlap reduction, mask: against brute force and geometry."""

import numpy as np
import pytest

from halonet.catalogue import HaloCatalogue
from halonet.grid.slabs import Slabs
from halonet.peak_patch.mask import halo_mask
from halonet.peak_patch.merging import exclude, exclude_final_state, merging_order, reduce_overlaps
from halonet.storage import FieldHeader

N = 32


@pytest.fixture
def candidates():
    generator = np.random.default_rng(3)
    positions = generator.integers(0, N, size=(300, 3)) + 0.5
    radii = np.sort(generator.uniform(1, 9, 300))[::-1].copy()
    return positions, radii


def distances(positions):
    gap = np.abs(positions[:, None] - positions[None])
    return np.sqrt((np.minimum(gap, N - gap) ** 2).sum(axis=-1))


def test_exclusion_is_that_of_going_down_the_list_with_nearest_images(candidates):
    positions, radii = candidates
    distance, expected = distances(positions), np.ones(len(radii), bool)
    for i in range(len(radii)):
        if expected[i]:
            expected[i + 1 :] &= distance[i, i + 1 :] >= radii[i]
    np.testing.assert_array_equal(exclude(positions, radii, N), expected)


def test_final_state_exclusion_is_that_of_going_down_the_list(candidates):
    positions, radii = candidates
    distance, expected = distances(positions), np.ones(len(radii), bool)
    for i in range(len(radii)):
        if expected[i]:
            expected[i + 1 :] &= distance[i, i + 1 :] >= 0.1868 * (radii[i] + radii[i + 1 :])
    np.testing.assert_array_equal(exclude_final_state(positions, radii, 0.1868, N), expected)


def test_two_equal_spheres_share_their_lens():
    positions, radii, distance = np.array([[1.0, 5, 5], [31.0, 5, 5]]), np.array([2.0, 2.0]), 2.0
    lens = np.pi * (4 * 2.0 + distance) * (2 * 2.0 - distance) ** 2 / 12
    shared = reduce_overlaps(positions, radii, "shared", N)
    np.testing.assert_allclose(4 / 3 * np.pi * (radii**3 - shared**3), lens / 2)
    smaller = reduce_overlaps(positions, radii, "smaller", N)
    assert smaller[0] == 2.0
    assert 4 / 3 * np.pi * (8 - smaller[1] ** 3) == pytest.approx(lens)


def test_order_of_merging_does_not_depend_on_the_order_of_candidates():
    generator = np.random.default_rng(4)
    radii, filters, cells = generator.integers(1, 4, 50), generator.integers(0, 3, 50), generator.permutation(50)
    shuffle = generator.permutation(50)
    one = cells[merging_order(radii, filters, cells, 4)]
    other = cells[shuffle][merging_order(radii[shuffle], filters[shuffle], cells[shuffle], 4)]
    np.testing.assert_array_equal(one, other)


def test_mask_is_the_union_of_cell_centres_strictly_inside_periodic_spheres():
    generator = np.random.default_rng(5)
    centres, radii = generator.integers(0, N, (6, 3)) + 0.5, np.array([2.0, 3.0, 4.2, 1.5, 5.0, 2.9])
    columns = dict(zip(("qx", "qy", "qz"), centres.T, strict=True))
    cells = 4 / 3 * np.pi * radii**3
    haloes = HaloCatalogue({**columns, "radius": radii, "mass": cells, "cells": cells}, FieldHeader(float(N)), N)
    grid = np.stack(np.meshgrid(*[np.arange(N) + 0.5] * 3, indexing="ij"), axis=-1)
    expected = np.zeros((N, N, N), bool)
    for centre, radius, volume in zip(centres, radii, cells, strict=True):
        gap = np.abs(grid - centre)
        expected |= (volume >= 27) & ((np.minimum(gap, N - gap) ** 2).sum(axis=-1) < radius**2)
    np.testing.assert_array_equal(halo_mask(haloes, Slabs(N), 27.0), expected)


@pytest.mark.parametrize("cell_size", [1.0, 0.7, 1.4, 1 / 0.7, 2.2456])
def test_a_mask_moves_with_its_haloes_by_whole_cells_whatever_the_size_of_a_cell(cell_size):
    """Shells exactly at a radius, of which single precision must not take a part."""
    generator = np.random.default_rng(6)
    cells, squares = generator.integers(0, N, (40, 3)), generator.integers(4, 30, 40)

    def mask(shift):
        centres = ((cells + shift) % N + 0.5) * cell_size
        columns = dict(zip(("qx", "qy", "qz"), centres.T.astype(np.float32), strict=True))
        columns |= {"radius": (np.sqrt(squares) * cell_size).astype(np.float32)}
        columns |= {name: squares**1.5 for name in ("mass", "cells")}
        haloes = HaloCatalogue(columns, FieldHeader(N * cell_size), N)
        np.testing.assert_array_equal(haloes.centres_in_cells(), (cells + shift) % N + 0.5)
        return halo_mask(haloes, Slabs(N))

    expected = mask(0)
    assert 0.1 < expected.mean() < 0.9
    for shift in ([1, 0, 0], [7, 3, 11], [N - 1, 5, 2]):
        np.testing.assert_array_equal(mask(shift), np.roll(expected, shift, axis=(0, 1, 2)))
