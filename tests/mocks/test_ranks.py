"""A mock shared out among ranks comes together to the bits of one."""

import numpy as np

from halonet.grid.tiles import map_tiles
from halonet.mocks.ranks import own_share


class Rank:
    """What :func:`own_share` knows of a communicator."""

    def __init__(self, rank, size):
        self.rank, self.size = rank, size


def test_tiles_dealt_out_to_ranks_sum_to_the_prediction_of_one():
    field = np.random.default_rng(3).normal(size=(16, 16, 16)).astype(np.float32)

    def blurred(tile):
        return sum(np.roll(tile, 1, axis) for axis in range(3)) / 3

    whole = map_tiles(blurred, field, 8, 2)
    parts = [map_tiles(blurred, field, 8, 2, lambda tiles, r=r: own_share(tiles, Rank(r, 3))) for r in range(3)]
    np.testing.assert_array_equal(sum(parts), whole)
    assert all((part != 0).mean() < 0.5 for part in parts)


def test_more_ranks_than_tiles_leave_some_without_work():
    assert [own_share([1, 2], Rank(r, 3)) for r in range(3)] == [[1], [2], []]
