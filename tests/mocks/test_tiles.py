"""Tiles that cover a mock of any size."""

import pytest

from halonet.mocks.tiles import tiles_for
from halonet.settings import SettingsError


@pytest.mark.parametrize(("cells", "tile", "buffer"), [(256, 192, 32), (512, 192, 32), (320, 144, 32), (64, 128, 32)])
def test_a_box_is_cut_into_the_largest_cores_that_divide_it(cells, tile, buffer):
    settings = tiles_for(cells, 16)
    assert (settings.tile, settings.buffer) == (tile, buffer)


def test_a_network_of_three_levels_looks_less_far_and_gets_smaller_tiles():
    settings = tiles_for(256, 8)
    assert (settings.tile, settings.buffer) == (176, 24)


def test_only_large_boxes_get_wide_tiles_which_compute_at_most_twice_what_they_keep():
    assert tiles_for(256, 8, "fastest", wide=True).width is None
    settings = tiles_for(512, 8, "fastest", wide=True)
    assert settings.sides == (176, 304, 304)
    assert settings.overlap == 176 * 304 * 304 / (128 * 256 * 256)
    assert settings.overlap < 2 < tiles_for(512, 8).overlap
    assert tiles_for(512, 8, "fastest").width is None


@pytest.mark.parametrize("cells", [100, 200, 250, 384, 600, 1024])
@pytest.mark.parametrize("multiple", [2, 4, 8, 16])
def test_tiles_fit_network_and_box_and_leave_no_seam(cells, multiple):
    settings = tiles_for(cells, multiple)
    assert settings.tile % multiple == 0
    assert cells % (settings.tile - 2 * settings.buffer) == 0
    assert 16 <= settings.buffer <= 32


def test_a_box_that_no_tile_divides_is_refused_with_the_nearest_that_can_be_covered():
    with pytest.raises(SettingsError, match=r"cells = 127: .* 126 and 128"):
        tiles_for(127, 8)
