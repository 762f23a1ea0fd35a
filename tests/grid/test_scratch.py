"""Fields on disk: the same numbers as in memory, no memory of their own, and nothing left behind."""

import mmap
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from halonet.dataset.channels import whole_box_channels
from halonet.grid.scratch import forget, on_disk, zeros
from halonet.grid.tiles import map_tiles
from halonet.settings import ChannelSettings

CHANNELS = ChannelSettings(smoothing_cells=[2.0, 3.0, 5.0], shear_cells=[2.0, 4.0], prolateness_cells=[4.0])


def traced_peak(function) -> int:
    """Most bytes that ``function`` held in memory at a time, fields on disk not counted."""
    function()  # what a first call compiles or caches is not its work
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_field_on_disk_is_zero_holds_what_is_written_and_leaves_no_file(tmp_path):
    with on_disk(tmp_path):
        field = zeros((4, 4, 4), np.float32)
        assert not list(tmp_path.iterdir())
        assert not field.any()
        field[1] = 2.5
    assert zeros((2, 2), bool).dtype == bool
    assert field.dtype == np.float32
    assert field.sum() == 40


def test_fields_are_on_disk_only_where_that_is_asked_for(tmp_path):
    def allocate():
        return zeros((64, 64, 64), np.float64)

    assert traced_peak(allocate) > 2e6
    with on_disk(tmp_path):
        assert traced_peak(allocate) < 1e5
        with on_disk(None):
            assert traced_peak(allocate) > 2e6
    assert traced_peak(allocate) > 2e6


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"), on_disk(tmp_path / "nowhere"):
        zeros((2, 2, 2), np.float32)


def test_a_disk_without_room_is_an_error_and_no_crash_later(tmp_path):
    with pytest.raises(OSError, match=r"space|large"), on_disk(tmp_path):
        zeros((2**20, 2**20, 2**15), np.float32)


def test_prediction_by_windows_holds_no_field_of_the_box_in_memory_but_the_density(tmp_path):
    density = np.random.default_rng(1).normal(size=(64,) * 3).astype(np.float32)

    def predict():
        return map_tiles(lambda tile: tile**2, density, 24, 4)

    with on_disk(tmp_path):
        assert traced_peak(predict) < density.nbytes / 2
        assert np.array_equal(predict(), density**2)
    assert traced_peak(predict) > density.nbytes


def test_channels_hold_one_fourier_transform_in_memory_however_many_there_are(tmp_path):
    density = np.random.default_rng(2).normal(size=(48,) * 3).astype(np.float32)

    def compute():
        return whole_box_channels(density, CHANNELS)

    in_memory = compute()
    with on_disk(tmp_path):
        assert traced_peak(compute) < 4 * density.nbytes
        assert np.array_equal(compute(), in_memory)
    assert traced_peak(compute) > 8 * density.nbytes


def test_planes_that_are_forgotten_take_no_memory_and_their_neighbours_stay():
    field = np.ones((64, 256, 256), np.float32)

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE

    before = resident()
    forget(field[8:56])
    assert before - resident() > 0.7 * field.nbytes
    assert (field[:8] == 1).all()
    assert (field[56:] == 1).all()
