"""Mocks of tiles of a universe: requests, the command, and catalogues joined."""

from dataclasses import replace

import numpy as np
import pytest

import halonet
from halonet.checks.errors import StorageError
from halonet.command.main import parse
from halonet.cosmology import write_power_spectrum
from halonet.grid.slabs import Slabs
from halonet.initial_conditions import universe as universes
from halonet.light_cones.request import LightConeRequest
from halonet.mocks.box import MockBox
from halonet.mocks.by_peak_patch import PeakPatchMock
from halonet.mocks.methods import mock_by
from halonet.mocks.request import MockRequest
from halonet.settings import OccupationSettings, SettingsError
from halonet.tiles_of_universes import TileOf, check_whole, tile_of

CELLS = 32
INDICES = list(np.ndindex(2, 2, 2))


@pytest.fixture(scope="module", autouse=True)
def small_windows():
    """Less accurate displacements of second order, of smaller windows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(universes, "SOURCE_REACH", 4)
        patch.setattr(universes, "LEAST_SOURCE_REACH", 8)
        yield


def run(words):
    """Run the command."""
    arguments = parse(words.split())
    arguments.run(arguments)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files of eight tiles, of all of them joined, and of the universe made at once, by the command."""
    folder = tmp_path_factory.mktemp("universe")
    names = [f"{folder}/{i}{j}{k}.h5" for i, j, k in INDICES]
    for (i, j, k), name in zip(INDICES, names, strict=True):
        run(f"mock --universe 3 --cells {CELLS} --tile {i},{j},{k} --of 8 --threads 2 -o {name}")
    run(f"join {' '.join(names[::-1])} -o {folder}/joined.h5")
    run(f"mock --universe 3 --cells {CELLS} --threads 1 -o {folder}/whole.h5")
    return folder


@pytest.fixture(scope="module")
def whole(folder):
    return halonet.read_catalogue(folder / "whole.h5")


@pytest.fixture(scope="module")
def tiles(folder):
    return [halonet.read_catalogue(folder / f"{i}{j}{k}.h5") for i, j, k in INDICES]


def test_files_of_tiles_made_and_joined_are_the_file_of_the_universe_byte_by_byte(folder, whole):
    assert (folder / "joined.h5").read_bytes() == (folder / "whole.h5").read_bytes()
    assert len(whole) > 20
    assert whole.header.provenance["seed"] == 3
    assert whole.notes == {}


def test_a_tile_made_in_python_is_that_of_the_command(tiles):
    made = halonet.make_mock(universe=3, cells=CELLS, tile=(1, 0, 1), of=8, threads=1)
    held = tiles[INDICES.index((1, 0, 1))]
    assert (made.header, made.notes) == (held.header, held.notes)
    for name, values in held.columns.items():
        np.testing.assert_array_equal(made[name], values, err_msg=name)


def test_another_seed_is_another_universe_and_a_seed_is_no_universe(whole):
    other = halonet.make_mock(universe=4, cells=CELLS)
    box = halonet.make_mock(seed=3, cells=CELLS)
    for one in (other, box):
        assert not np.array_equal(one["mass"][:10], whole["mass"][:10])


def test_a_tile_says_which_it_is_and_holds_the_haloes_whose_lagrangian_centre_lies_in_it(tiles):
    for index, haloes in zip(INDICES, tiles, strict=True):
        assert tile_of(haloes) == TileOf(index, 8)
        assert haloes.box_size_mpc == CELLS
        inside = haloes.centres_in_cells() / (CELLS / 2) - np.array(index)
        assert ((inside > 0) & (inside < 1)).all()


def test_what_needs_a_whole_box_refuses_a_tile(tiles):
    tile = tiles[3]
    for use in (
        halonet.mass_function,
        halonet.power_spectrum,
        halonet.survey_statistics,
        check_whole,
        lambda haloes: halonet.match_abundance([haloes]),
        lambda haloes: halonet.populate(haloes, OccupationSettings()),
        lambda haloes: halonet.observe(haloes, halonet.SurveySettings(largest_redshift=0.1)),
    ):
        with pytest.raises(StorageError, match=r"tile 0,1,1 of 8 of a universe; a whole box is needed.*halonet join"):
            use(tile)


def test_a_tile_with_haloes_of_another_or_twice_or_without_a_column_is_refused(tiles):
    names = [f"{i}{j}{k}" for i, j, k in INDICES]
    full = max(range(8), key=lambda i: len(tiles[i]))
    other = next(i for i in range(8) if i != full)

    def join(index, **changed):
        changed = [replace(tile, **changed) if i == index else tile for i, tile in enumerate(tiles)]
        return halonet.join_tiles(changed, names)

    with pytest.raises(StorageError, match=rf"{names[other]}: .* have their Lagrangian centre outside of the tile"):
        join(other, columns=tiles[full].columns)
    twice = {name: np.repeat(values, 2) for name, values in tiles[full].columns.items()}
    with pytest.raises(StorageError, match=rf"{names[full]}: .* the Lagrangian centre of another one"):
        join(full, columns=twice)
    fewer = {name: values for name, values in tiles[0].columns.items() if name != "overdensity"}
    for index in (0, 7):
        without = {name: tiles[index][name] for name in fewer}
        with pytest.raises(StorageError, match="columns overdensity are in it or in 000, and not in both"):
            join(index, columns=without)
    for note in ("corner", {"index": [0, 0, 0]}, {"index": [0, 0], "of": 8}, {"index": [0, 0, 0.5], "of": 8}):
        with pytest.raises(StorageError, match=f"{names[1]}: notes: tile = .* is what a tile says of itself"):
            join(1, notes=tiles[1].notes | {"tile": note})


def test_a_tile_of_another_power_spectrum_is_of_another_universe(tiles, tmp_path):
    k, power = halonet.linear_power_spectrum()
    write_power_spectrum(tmp_path / "cambs.csv", k, power)
    write_power_spectrum(tmp_path / "tilted.csv", k, power * (k / 0.2) ** 0.01)
    index = tile_of(tiles[1])
    again, tilted = (
        halonet.make_mock(universe=3, cells=CELLS, tile=index.index, of=8, power_spectrum=tmp_path / name)
        for name in ("cambs.csv", "tilted.csv")
    )
    halonet.join_tiles([tiles[0], again, *tiles[2:]])
    with pytest.raises(StorageError, match="tile 1: of another universe than tile 0, or made in another way"):
        halonet.join_tiles([tiles[0], tilted, *tiles[2:]])


def test_tiles_that_do_not_make_up_a_universe_are_not_joined(whole, tiles):
    assert len(halonet.join_tiles(tiles)) == len(whole)
    with pytest.raises(StorageError, match="b: the same tile as a"):
        halonet.join_tiles([tiles[0], tiles[0]], ["a", "b"])
    with pytest.raises(StorageError, match="a: of its 8 tiles 1 are missing: 0,0,0"):
        halonet.join_tiles(tiles[1:], list("abcdefg"))
    with pytest.raises(StorageError, match=r"tile 0: of its 8 tiles 6 are missing: 0,1,0 and 0,1,1 \.\.\."):
        halonet.join_tiles(tiles[:2])
    cut = replace(tiles[1], notes=tiles[1].notes | {"tile": {"index": [0, 0, 0], "of": 1}})
    with pytest.raises(StorageError, match="b: one of 1 tiles, but a is one of 8"):
        halonet.join_tiles([tiles[0], cut], ["a", "b"])
    with pytest.raises(StorageError, match="tile 0: is no tile of a universe"):
        halonet.join_tiles([whole])
    other = replace(tiles[1], header=replace(tiles[1].header, seed=1))
    with pytest.raises(StorageError, match="tile 1: of another universe than tile 0, or made in another way"):
        halonet.join_tiles([tiles[0], other])
    with pytest.raises(StorageError, match="there are no tiles"):
        halonet.join_tiles([])


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"universe": 1, "of": 9}, r"of = 9; .* 8 or 27, say"),
        ({"universe": 1, "of": 0}, "of: 0 is out of range; a whole number of at least 1"),
        ({"universe": 1, "of": 8, "tile": (0, 2, 1)}, "tile = 0,2,1; three numbers from 0 to 1 for one of 8"),
        ({"universe": 1, "of": 8, "tile": (0, 1)}, "tile = 0,1; three numbers"),
        ({"universe": 1, "of": 27, "cells": 64}, "cells = 64 of the universe; a multiple of 3 is cut into 27 tiles"),
        ({"seed": 1, "of": 8}, "only a universe has tiles"),
        ({"seed": 1, "universe": 1}, "one of them and not seed and universe"),
        ({"universe": 1, "flip_phases": True}, "neither phases are flipped nor fields kept"),
        (
            {"universe": 1, "of": 8, "abundance_matching": True},
            "abundance_matching of one of 8 tiles; .* join the tiles",
        ),
        ({"universe": 1, "keep": {"density": "d.h5"}}, "neither phases are flipped nor fields kept"),
    ],
)
def test_requests_that_make_no_tile_are_refused(asked, message):
    with pytest.raises(SettingsError, match=message):
        MockRequest(**asked)


def test_other_methods_light_cones_and_ranks_have_no_universes():
    request = MockRequest(universe=1, cells=CELLS)
    with pytest.raises(
        SettingsError, match="universe = 1 is for the method 'peak_patch'; this mock is made by 'n_body'"
    ):
        mock_by("n_body", request)
    with pytest.raises(SettingsError, match="a light cone is of a repeated box"):
        LightConeRequest(request)

    with pytest.raises(SettingsError, match="only the method peak_patch makes its tiles"):
        MockBox(request).density_slab(Slabs(CELLS))

    class Ranks:
        rank, size = 0, 2

    with pytest.raises(SettingsError, match="2 MPI ranks; a tile of a universe is made by one process"):
        PeakPatchMock(request).make(Ranks())


def test_the_cells_of_a_universe_are_those_along_its_side_and_its_box_follows_from_them():
    box = MockBox(MockRequest(universe=1, cells=64, of=8, tile=(1, 0, 1)))
    assert (box.cells, box.header.box_size_mpc, box.universe().cell_size) == (64, 64.0, 1.0)
    box = MockBox(MockRequest(universe=1, cells=64, box_size_mpc=128.0))
    assert box.universe().cell_size == 2.0
    assert TileOf((1, 0, 1), 8).cells(64) == ((32, 0, 32), 32)


def test_a_tile_that_is_no_three_numbers_is_refused_on_the_command_line(capsys):
    with pytest.raises(SystemExit):
        parse(["mock", "--universe", "1", "--tile", "0,x,1", "--of", "8", "-o", "t.h5"])
    assert "'0,x,1': 'x' is no number" in capsys.readouterr().err
