"""Friends of friends against all pairs, and what must not change them."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from halonet.friends_of_friends.columns import UNIT
from halonet.friends_of_friends.groups import find_groups


def clustered(count, cells, seed):
    """Particles around a few centres, some across the faces, and a few anywhere; in whole numbers."""
    random = np.random.default_rng(seed)
    centres = random.uniform(0, cells, (max(count // 40, 1), 3))
    positions = centres[random.integers(0, len(centres), count)] + random.normal(0, 0.15, (count, 3))
    positions[: count // 4] = random.uniform(0, cells, (count // 4, 3))
    return (np.floor(positions * UNIT).astype(np.int64) % (cells * UNIT)).astype(np.uint32)


def by_all_pairs(positions, cells, linking_length):
    """Smallest index of every particle's group, and its number of friends."""
    apart = np.abs(positions[:, None].astype(np.int64) - positions)
    apart = np.minimum(apart, cells * UNIT - apart)
    near = (apart**2).sum(axis=-1) <= int(linking_length * UNIT) ** 2
    labels = connected_components(csr_matrix(near))[1]
    smallest = np.full(labels.max() + 1, len(positions))
    np.minimum.at(smallest, labels, np.arange(len(positions)))
    return smallest[labels], near.sum(axis=1) - 1


@pytest.mark.parametrize("cells", [1, 2, 3, 8, 20])
@pytest.mark.parametrize("linking_length", [0.2, 0.45])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_groups_and_friends_are_those_of_all_pairs(cells, linking_length, seed):
    positions = clustered(600, cells, seed)
    groups = find_groups(positions, cells, linking_length)
    roots, friends = by_all_pairs(positions, cells, linking_length)
    np.testing.assert_array_equal(groups.roots, roots)
    np.testing.assert_array_equal(groups.friends, friends)


def test_the_comparison_sees_groups_of_all_sizes():
    roots, friends = by_all_pairs(clustered(600, 8, 1), 8, 0.2)
    sizes = np.bincount(roots)
    assert (sizes == 1).sum() > 20
    assert sizes.max() > 20
    assert friends.max() > 5


def partition(roots):
    """Numbers of the groups by their first appearance: the same for the same partition."""
    return np.unique(roots, return_inverse=True)[1]


def test_a_periodic_shift_changes_no_group():
    positions = clustered(3000, 10, 4)
    before = find_groups(positions, 10, 0.2)
    for shift in ([1, 0, 0], [7 * UNIT, 123456, 9 * UNIT + 1]):
        moved = ((positions.astype(np.int64) + shift) % (10 * UNIT)).astype(np.uint32)
        after = find_groups(moved, 10, 0.2)
        np.testing.assert_array_equal(before.roots, after.roots)
        np.testing.assert_array_equal(before.friends, after.friends)


def test_the_order_of_particles_changes_no_group():
    positions = clustered(3000, 10, 5)
    order = np.random.default_rng(6).permutation(3000)
    before, after = find_groups(positions, 10, 0.2), find_groups(positions[order], 10, 0.2)
    of_old = partition(before.roots)[order]
    # The same particles are together: pairs of labels correspond one to one.
    pairs = np.unique(np.stack([of_old, partition(after.roots)]), axis=1)
    assert pairs.shape[1] == len(np.unique(of_old)) == len(np.unique(after.roots))


def test_axes_are_alike():
    positions = clustered(2000, 10, 7)
    before = find_groups(positions, 10, 0.2)
    after = find_groups(np.ascontiguousarray(positions[:, [2, 0, 1]]), 10, 0.2)
    np.testing.assert_array_equal(before.roots, after.roots)


def test_friends_are_exactly_as_far_as_the_linking_length_and_no_farther():
    reach = int(0.2 * UNIT)
    positions = np.array([[0, 0, 0], [0, 0, reach], [0, 0, 2 * reach + 1]], np.uint32)
    np.testing.assert_array_equal(find_groups(positions, 4, 0.2).roots, [0, 0, 2])


def test_a_chain_around_the_box_is_one_group():
    chain = np.zeros((50, 3), np.uint32)
    chain[:, 1] = np.random.default_rng(8).permutation(50) * (10 * UNIT // 50)
    assert (find_groups(chain, 10, 0.2).roots == 0).all()
    assert len(np.unique(find_groups(chain, 10, 0.19).roots)) == 50
