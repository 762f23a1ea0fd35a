"""A field on a grid of half as many cells and back: waves stay waves, at the centres of the other grid's cells."""

import numpy as np
import pytest
from thread_ranks import on_ranks

from halonet.grid.resampling import block_means, coarsened, halved, refined
from halonet.grid.slabs import SlabError, Slabs

CELLS, SLABS = 24, Slabs(24)


def wave(numbers, cells=CELLS):
    """A plane wave at the centres of cells."""
    x = [2 * np.pi * number * (np.arange(cells) + 0.5) / cells for number in numbers]
    return np.cos(x[0][:, None, None] + x[1][:, None] + x[2] + 0.4).astype(np.float32)


@pytest.mark.parametrize("numbers", [(0, 0, 0), (1, 0, 0), (0, 3, -2), (-5, 5, 5)])
def test_a_wave_that_the_coarse_grid_has_stands_there_with_its_height_and_phase(numbers):
    np.testing.assert_allclose(coarsened(wave(numbers), SLABS), wave(numbers, CELLS // 2), atol=1e-6)


@pytest.mark.parametrize("numbers", [(6, 0, 0), (0, 7, 1), (2, -3, 11), (12, 12, 12)])
def test_of_a_wave_that_the_coarse_grid_has_not_nothing_is_left_to_be_taken_for_another(numbers):
    assert np.abs(coarsened(wave(numbers), SLABS)).max() < 1e-6


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_what_is_linear_along_an_axis_is_interpolated_exactly_where_the_box_does_not_close(axis):
    coarse = np.moveaxis(np.broadcast_to(2 * np.arange(12.0) + 1, (12, 12, 12)), 2, axis).astype(np.float32)
    fine = np.moveaxis(refined(coarse, SLABS), axis, 2)
    np.testing.assert_allclose(fine[:, :, 1:-1], np.broadcast_to(np.arange(1, 23) + 0.5, (24, 24, 22)), rtol=1e-6)
    np.testing.assert_allclose(
        fine[..., [0, -1]], np.broadcast_to([0.75 * 1 + 0.25 * 23, 0.25 * 1 + 0.75 * 23], (24, 24, 2))
    )


def test_vectors_are_interpolated_component_by_component():
    vectors = np.random.default_rng(1).standard_normal((12, 12, 12, 3), np.float32)
    for axis in range(3):
        np.testing.assert_array_equal(refined(vectors, SLABS)[..., axis], refined(vectors[..., axis], SLABS))


@pytest.mark.parametrize("ranks", [1, 2, 3, 5])
def test_means_of_eight_cells_are_those_of_a_sum_over_each_block(ranks):
    field = np.random.default_rng(4).standard_normal((CELLS,) * 3 + (3,), np.float32)
    half = CELLS // 2
    expected = field.astype(float).reshape(half, 2, half, 2, half, 2, 3).mean(axis=(1, 3, 5))
    one = block_means(field, Slabs(CELLS, threads=2))
    np.testing.assert_allclose(one, expected, atol=1e-6)

    def means(communicator):
        slabs = Slabs(CELLS, communicator)
        return block_means(field[slabs.start : slabs.stop], slabs)

    if ranks > 1:
        np.testing.assert_array_equal(np.concatenate(on_ranks(ranks, means)[0]), one)


@pytest.mark.parametrize("ranks", [2, 3, 5])
def test_ranks_and_threads_change_no_bit(ranks):
    field = np.random.default_rng(2).standard_normal((CELLS,) * 3, np.float32)

    def there_and_back(communicator):
        slabs = Slabs(CELLS, communicator, 2)
        coarse = coarsened(field[slabs.start : slabs.stop], slabs)
        return coarse, refined(coarse, slabs)

    parts = on_ranks(ranks, there_and_back)[0]
    coarse = coarsened(field, SLABS)
    np.testing.assert_array_equal(np.concatenate([part[0] for part in parts]), coarse)
    np.testing.assert_array_equal(np.concatenate([part[1] for part in parts]), refined(coarse, SLABS))


def test_an_odd_number_of_cells_cannot_be_halved():
    with pytest.raises(SlabError, match="15 cells along a side cannot be halved"):
        halved(Slabs(15))
