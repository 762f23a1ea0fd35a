import h5py
import numpy as np
import pytest
from scipy.ndimage import uniform_filter
from thread_ranks import on_ranks

from halonet.grid.slab_tiles import map_tiles_of_slabs
from halonet.grid.slabs import Slabs
from halonet.grid.tiles import core_starts, map_tiles, periodic_window
from halonet.settings import SettingsError


@pytest.fixture
def field() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(16, 16, 16)).astype(np.float32)


def local_mean(tile: np.ndarray) -> np.ndarray:
    """Mean over 5^3 cells: reaches 2 cells far, and is wrong at a tile's faces."""
    return uniform_filter(tile, 5, mode="constant")


WIDE = (8, 12, 20)  # cores of 4, 8 and 16 cells with a buffer of 2


@pytest.mark.parametrize(("tile", "buffer"), [(4, 0), (8, 2), (12, 4), (16, 0), (20, 2), (24, 4), (48, 16), (WIDE, 2)])
def test_tiles_put_a_field_together_exactly(field, tile, buffer):
    assert np.array_equal(map_tiles(lambda x: x, field, tile, buffer), field)


@pytest.mark.parametrize(("tile", "buffer"), [(8, 2), (20, 2), (24, 4), (WIDE, 2)])
def test_a_function_no_wider_than_the_buffer_sees_a_periodic_box(field, tile, buffer):
    whole = uniform_filter(field, 5, mode="wrap")
    np.testing.assert_allclose(map_tiles(local_mean, field, tile, buffer), whole, atol=1e-6)


def test_a_buffer_too_small_shows(field):
    whole = uniform_filter(field, 5, mode="wrap")
    assert np.abs(map_tiles(local_mean, field, 6, 1) - whole).max() > 0.01


def test_a_shifted_box_is_predicted_shifted(field):
    shift = (3, -5, 7)
    moved = map_tiles(local_mean, np.roll(field, shift, (0, 1, 2)), 8, 2)
    np.testing.assert_allclose(moved, np.roll(map_tiles(local_mean, field, 8, 2), shift, (0, 1, 2)), atol=1e-6)


def test_a_window_wraps_around_all_three_axes(field):
    window = periodic_window(field, (-2, 14, 5), 6)
    indices = np.ix_(*((np.arange(first, first + 6) % 16) for first in (-2, 14, 5)))
    assert np.array_equal(window, field[indices])


def test_a_window_larger_than_the_box_repeats_it(field):
    window = periodic_window(field, (-4, 0, 0), 40)
    assert np.array_equal(window[4:20, :16, :16], field)
    assert np.array_equal(window[20:36, 16:32, :16], field)


def test_what_a_function_could_not_do_with_a_tile_is_raised_and_no_tile_is_lost(field):
    def function(tile):
        if calls.append(tile[0, 0, 0]) or len(calls) == 3:
            raise ValueError("the third")
        return tile

    calls = []
    with pytest.raises(ValueError, match="the third"):
        map_tiles(function, field, 8, 0)
    assert calls == [field[0, 0, 0], field[0, 0, 8], field[0, 8, 0]]


@pytest.mark.parametrize(("tile", "buffer"), [(10, 2), (8, 4), (32, 4)])
def test_a_core_that_does_not_divide_the_box_is_refused_with_its_numbers(tile, buffer):
    with pytest.raises(SettingsError, match=f"tile = {tile} with buffer = {buffer} .*16 cells"):
        core_starts(16, tile, buffer)


def test_the_papers_tiles_are_512_cores_of_64_cells():
    assert len(core_starts(512, 128, 32)) == 8**3


def test_fields_beside_a_field_are_cut_like_it(field):
    beside = np.stack([field, 2 * field], axis=-1).astype(np.float16)

    def difference(tile: np.ndarray, channels: np.ndarray) -> np.ndarray:
        return channels[..., 1] - tile

    expected = beside[..., 1] - field
    assert np.array_equal(map_tiles(difference, field, 8, 2, beside=(beside,)), expected)


@pytest.mark.parametrize(("tile", "buffer", "blend"), [(8, 2, 1), (8, 2, 2), (12, 4, 2), (20, 2, 2), (24, 4, 4)])
def test_blended_tiles_put_a_field_together_exactly(field, tile, buffer, blend):
    np.testing.assert_allclose(map_tiles(lambda x: x, field, tile, buffer, blend=blend), field, atol=1e-6)


def test_blending_spreads_the_step_between_tiles_over_its_cells(field):
    tiles = iter([0.0, 1.0] * 4)  # neighbours along z differ
    stepped = map_tiles(lambda x: np.full_like(x, next(tiles)), field, 16, 4)
    tiles = iter([0.0, 1.0] * 4)
    faded = map_tiles(lambda x: np.full_like(x, next(tiles)), field, 16, 4, blend=3)
    assert np.abs(np.diff(stepped[5, 5])).max() == 1
    np.testing.assert_allclose(np.abs(np.diff(faded[5, 5])).max(), 1 / 6, atol=1e-6)
    np.testing.assert_allclose(faded.mean(), 0.5, atol=1e-6)


def test_half_precision_in_a_file_has_the_bits_of_half_precision_in_memory(tmp_path):
    rng = np.random.default_rng(1)
    field, values = np.zeros((32,) * 3, np.float32), rng.standard_normal((32,) * 3).astype(np.float32)
    memory = np.zeros(field.shape, np.float16)
    with h5py.File(tmp_path / "heads.h5", "w") as file:
        stored = file.create_dataset("head", field.shape, np.float16)
        for further in (memory, stored):
            map_tiles(lambda tile: (tile, values), field, 32, 0, further=(further,))
        np.testing.assert_array_equal(memory, stored[...])
    assert memory.any()


@pytest.mark.parametrize(("ranks", "tile"), [(1, 12), (2, 12), (3, 12), (4, 12), (3, (12, 20, 12)), (2, (20, 20, 20))])
def test_tiles_shared_out_among_ranks_give_the_bits_of_one_and_no_rank_is_sent_the_box(ranks, tile):
    rng = np.random.default_rng(4)
    field = rng.normal(size=(32, 32, 32)).astype(np.float32)
    beside = rng.normal(size=(32, 32, 32, 2)).astype(np.float16)

    def function(tile, others):
        mean = local_mean(tile) + others[..., 0]
        return mean[2:-2, 2:-2, 2:-2], others.astype(np.float32) * 2

    def work(communicator):
        slabs = Slabs(32, communicator)
        own = slice(slabs.start, slabs.stop)
        further = np.zeros((*slabs.shape, 2), np.float16)
        shown, planes = [], []
        fields = (field[own].copy(), beside[own].copy())

        def unread(where):
            planes.append(np.flatnonzero(where))
            fields[0][where], fields[1][where] = np.nan, np.nan  # which whoever reads them again would show

        arguments = (fields, tile, 2, lambda tiles: shown.extend(tiles) or tiles, (further,), unread)
        probability = map_tiles_of_slabs(function, slabs, *arguments)
        assert len(planes[-1]) == slabs.planes
        assert ranks > 1 or tile != 12 or len(planes[2 * len(planes) // 3]) > 8  # sooner than at the end
        return probability, further, len(shown)

    whole = np.zeros((32, 32, 32, 2), np.float16)
    expected = map_tiles(function, field, tile, 2, beside=(beside,), further=(whole,))
    results, sent = on_ranks(ranks, work)
    np.testing.assert_array_equal(np.concatenate([each[0] for each in results]), expected)
    np.testing.assert_array_equal(np.concatenate([each[1] for each in results]), whole)
    assert sum(each[2] for each in results) == len(core_starts(32, tile, 2))
    if tile != 12:
        return
    # A tile is (12 / 8)^2 times as wide as its core across x; of its 12 planes those beyond a slab come from others.
    assert sum(sent) < ranks * 2.25 * 32**2 * (8 + 12) * (4 + 2 * 2)
