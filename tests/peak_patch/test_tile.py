"""Tiles of a universe against the universe in one tile, halo by halo, and against an ordinary box."""

import numpy as np
import pytest

from halonet.grid.lattice_cube import Cube
from halonet.grid.slabs import Slabs
from halonet.initial_conditions import universe as universes
from halonet.initial_conditions.bricks import Bricks
from halonet.initial_conditions.universe import Universe
from halonet.initial_conditions.universe_tile import Tile
from halonet.kept_spectra import kept_power_spectrum
from halonet.peak_patch import tile as search
from halonet.peak_patch.finder import find_haloes
from halonet.peak_patch.tile import find_tile
from halonet.peak_patch.tile_fields import bricks_around
from halonet.settings import FilterBankSettings, PeakPatchSettings, SettingsError
from halonet.storage import FieldHeader

CELLS, HALF, THIRD = 48, 24, 16
SETTINGS = PeakPatchSettings(filters=FilterBankSettings(largest_mpc=8.0), minimum_cells=0)


@pytest.fixture(scope="module")
def universe(cosmology):
    return Universe(3, CELLS, 1.0, *kept_power_spectrum(cosmology), threads=2)


@pytest.fixture(scope="module")
def found(universe, cosmology, table):
    def find(place, settings=SETTINGS, cosmology=cosmology):
        header = FieldHeader(CELLS * universe.cell_size, cosmology.redshift, cosmology.model_dump())
        return find_tile(universe, place, cosmology, settings, table, header)

    return find


@pytest.fixture(scope="module")
def at_once(found):
    return found(((0, 0, 0), CELLS))


def within(haloes, place):
    """Haloes whose Lagrangian centre lies in a tile."""
    start, side = place
    inside = haloes.centres_in_cells() - np.array(start)
    return haloes.select(((inside >= 0) & (inside < side)).all(axis=1))


def assert_same(haloes, expected):
    assert len(haloes) == len(expected) > 0
    for name, values in expected.columns.items():
        np.testing.assert_array_equal(haloes[name], values, err_msg=name)


def test_eight_tiles_are_the_universe_at_once_halo_by_halo_and_bit_by_bit(found, at_once):
    corners = [(i, j, k) for i in (0, HALF) for j in (0, HALF) for k in (0, HALF)]
    tiles = [found((corner, HALF)) for corner in corners]
    assert sum(map(len, tiles)) == len(at_once) > 150
    for corner, tile in zip(corners, tiles, strict=True):
        assert_same(tile, within(at_once, (corner, HALF)))
    centres, radii = at_once.centres_in_cells(), at_once["raw_radius"]
    to_faces = np.abs(centres - HALF * np.rint(centres / HALF)).min(axis=1)
    assert (to_faces < radii).sum() > 50  # spheres that lie across a face
    columns = ["filter_radius", "strain_1", "vx", "psi2_x"]
    assert all(len(np.unique(at_once[name])) > 5 for name in columns)


def test_tiles_that_do_not_begin_with_bricks_and_other_settings_change_no_halo(found, cosmology):
    early = cosmology.model_copy(update={"redshift": 0.5})
    changed = {"search": "corrected", "reduction": "smaller", "positions": "first_order"}
    settings = SETTINGS.model_copy(update=changed)
    whole = found(((0, 0, 0), CELLS), settings, early)
    for corner in ((THIRD, 0, 2 * THIRD), (2 * THIRD, 2 * THIRD, 2 * THIRD)):
        assert_same(found((corner, THIRD), settings, early), within(whole, (corner, THIRD)))


def test_haloes_of_tiles_are_those_of_an_ordinary_box_of_the_same_density(at_once, universe, cosmology, table):
    cube = Cube((0, 0, 0), CELLS, CELLS)
    bricks, density = Bricks(universe, cube), np.empty(cube.shape, np.float32)
    for start in cube.bricks(universe.brick):
        density[cube.window(start, universe.brick)] = bricks.first_order(start)[0]
    box = find_haloes(density, Slabs(CELLS), universe.cell_size, cosmology, SETTINGS, table)
    cells = [{tuple(cell): row for row, cell in enumerate(each.centres_in_cells())} for each in (at_once, box)]
    common = cells[0].keys() & cells[1].keys()
    assert len(common) > 0.98 * max(map(len, cells))
    rows = np.array([[each[cell] for each in cells] for cell in common])
    mine, other = at_once.select(rows[:, 0]), box.select(rows[:, 1])
    assert np.median(np.abs(mine["mass"] / other["mass"] - 1)) < 1e-3
    for name in ("x", "y", "z"):
        apart = (mine[name] - other[name] + CELLS / 2) % CELLS - CELLS / 2
        assert np.sqrt(np.mean(apart**2)) < 0.1


def test_where_a_margin_does_not_decide_a_wider_one_does(found, at_once, monkeypatch):
    margins, seen = [], search._seen
    monkeypatch.setattr(search, "_seen", lambda tile, *rest: margins.append(tile.margin) or seen(tile, *rest))
    monkeypatch.setattr(search, "USUAL_SHIFT", 8.0)
    monkeypatch.setattr(search, "WIDER", 4.0)
    place = ((HALF, 0, 0), HALF)
    assert_same(found(place), within(at_once, place))
    assert len(margins) > 1
    monkeypatch.setattr(search, "LARGEST_MARGIN", 10.0)
    with pytest.raises(SettingsError, match="do not decide on all of its haloes"):
        found(place)


def test_of_a_patch_that_might_be_removed_and_of_what_it_might_remove_the_tile_decides_nothing(found, monkeypatch):
    given, haloes_of = [], search._haloes
    monkeypatch.setattr(search, "_haloes", lambda *how: given.append(how) or haloes_of(*how))
    place = ((0, 0, 0), HALF)
    whole = found(place)
    tile, seen, *rest = given[-1]
    own = np.flatnonzero(tile.owns(seen.lattice) & (seen.states == search.ALIVE))
    doubted = []
    for row in own[:5]:
        states = seen.states.copy()
        states[row] = search.UNKNOWN
        haloes, undecided = haloes_of(tile, seen._replace(states=states), *rest)
        assert undecided >= 1
        assert len(haloes) < len(whole)
        doubted.append(undecided)
    assert max(doubted) > 1  # those that overlap it, too


def test_a_cell_is_seen_in_every_image_of_a_small_universe_within_the_margin(universe):
    tile = Tile(universe, (HALF, 0, 0), HALF, 45)
    rows, lattice = tile.images(np.array([[30, 2, 47], [0, 0, 0]]))
    np.testing.assert_array_equal(lattice % CELLS, np.array([[30, 2, 47], [0, 0, 0]])[rows])
    low = np.array([HALF, 0, 0]) - 45
    assert ((lattice >= low) & (lattice < low + HALF + 90)).all()
    assert len(np.unique(lattice, axis=0)) == len(lattice)
    assert np.bincount(rows).tolist() == [3 * 2 * 2, 2 * 2 * 2]  # steps of 48 from -21, -45 and -45 on, up to 114 cells


def test_a_margin_is_as_wide_as_its_bricks_allow(universe):
    for start, margin, wide in (((HALF, 0, 0), 33, 45), ((5, 0, 7), 30, 30), ((0, 0, 0), 24, 24)):
        tile = Tile(universe, start, HALF, margin)
        wider = tile.with_whole_bricks(3)
        assert wider.margin == wide
        assert wider.around_bricks(0) == tile.around_bricks(0)


def test_bricks_around_cells_are_those_that_hold_what_their_spheres_reach():
    cells, reach = np.array([[-1, 5, 70], [30, 30, 30]]), np.array([3, 8])
    expected = set()
    for cell, far in zip(cells, reach, strict=True):
        steps = np.arange(-far, far + 1)
        around = (cell + np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)) % CELLS
        expected |= {tuple(brick) for brick in (around // 12 * 12).tolist()}
    found = bricks_around(cells, reach, 12, CELLS)
    assert set(found) == expected
    assert len(found) == len(expected) < 64


@pytest.fixture(scope="module", autouse=True)
def small_windows():
    """Less accurate displacements of second order, of smaller windows; what is tested here does not hang on them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(universes, "SOURCE_REACH", 6)
        patch.setattr(universes, "LEAST_SOURCE_REACH", 12)
        yield
