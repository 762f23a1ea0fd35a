"""Cubes of a field in slabs are those of the whole field, and go back to where they belong."""

import numpy as np
import pytest
from thread_ranks import on_ranks

from halonet.grid.cubes import fetch_cubes, put_cubes
from halonet.grid.slabs import Slabs
from halonet.grid.tiles import periodic_window

N = 13
STARTS = np.array([[0, 0, 0], [-3, 5, 11], [12, -1, 3], [6, 6, 6], [-20, 2, 2]])
SIDES = np.array([1, 7, 4, 3, 30])


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
@pytest.mark.parametrize(("shape", "kind"), [((), np.float32), ((3,), np.float16)])
def test_every_rank_gets_the_cubes_that_it_wants_from_whoever_has_them(ranks, shape, kind):
    field = np.random.default_rng(1).normal(size=(N, N, N, *shape)).astype(kind)

    def fetch(communicator):
        slabs = Slabs(N, communicator)
        own = slice(slabs.rank, len(SIDES) - slabs.rank)  # each rank wants others, the last one cube or none
        cubes = fetch_cubes(slabs, field[slabs.start : slabs.stop].copy(), STARTS[own], SIDES[own])
        return own, cubes

    for own, cubes in on_ranks(ranks, fetch)[0]:
        assert len(cubes) == len(SIDES[own])
        for cube, start, side in zip(cubes, STARTS[own], SIDES[own], strict=True):
            np.testing.assert_array_equal(cube, periodic_window(field, tuple(start), side))


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_cubes_of_all_ranks_are_put_where_they_belong(ranks):
    field = np.random.default_rng(2).normal(size=(12, 12, 12, 2)).astype(np.float16)
    starts = np.array([(x, y, z) for x in (-2, 4) for y in (0, 6) for z in (3, 9)])

    def put(communicator):
        slabs = Slabs(12, communicator)
        own, target = starts[slabs.rank :: slabs.ranks], np.zeros((*slabs.shape, 2), np.float16)
        put_cubes(slabs, target, own, [periodic_window(field, tuple(start), 6) for start in own])
        return target

    np.testing.assert_array_equal(np.concatenate(on_ranks(ranks, put)[0]), field)
