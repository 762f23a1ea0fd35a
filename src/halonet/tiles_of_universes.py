"""Tiles that a universe is cut into: which one a catalogue is of, and all of them joined."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.checks.errors import StorageError
from halonet.checks.numbers import Number, checked
from halonet.checks.types import of_type
from halonet.grid.lattice_cube import Corner
from halonet.settings import SettingsError
from halonet.sky.catalogue import LightConeCatalogue

NOTE = "tile"  # of a catalogue that is one
WHOLE = Number(whole=True)


@dataclass(frozen=True)
class TileOf:
    """One of the equal cubes that a universe is cut into.

    Attributes
    ----------
    index
        Its number along each axis, from 0.
    of
        How many tiles there are, a cube: 1, 8, 27, ...
    """

    index: Corner = (0, 0, 0)
    of: int = 1

    def __post_init__(self) -> None:
        for name, value in [("of", self.of), *(("tile", each) for each in self.index)]:
            checked(name, value, WHOLE)
        if self.of < 1 or self.across**3 != self.of:
            near = max(self.across, 1)
            raise SettingsError(
                f"of = {self.of}; tiles are equally many along each axis: {near**3} or {(near + 1) ** 3}, say"
            )
        if len(self.index) != 3 or not all(0 <= i < self.across for i in self.index):
            given = ",".join(map(str, self.index))
            raise SettingsError(f"tile = {given}; three numbers from 0 to {self.across - 1} for one of {self.of}")

    @property
    def across(self) -> int:
        """Tiles along each axis."""
        root = round(max(self.of, 0) ** (1 / 3))
        return root if root**3 <= self.of else root - 1

    def cut(self) -> list["TileOf"]:
        """All tiles of the cut, this one included."""
        return [TileOf((i, j, k), self.of) for i, j, k in product(range(self.across), repeat=3)]

    def cells(self, cells: int) -> tuple[Corner, int]:
        """First cell along each axis, and cells along a side, in a universe of so many cells along a side."""
        if cells % self.across:
            raise SettingsError(
                f"cells = {cells} of the universe; a multiple of {self.across} is cut into {self.of} tiles"
            )
        side = cells // self.across
        x, y, z = self.index
        return (x * side, y * side, z * side), side

    def note(self) -> dict[str, object]:
        """What a catalogue says of itself."""
        return {NOTE: {"index": list(self.index), "of": self.of}} if self.of > 1 else {}


def tile_of(haloes: object) -> TileOf | None:
    """The tile that a catalogue is of; None where it is of a whole box."""
    note = getattr(haloes, "notes", {}).get(NOTE)
    if note is None:
        return None
    try:
        x, y, z, of = (int(WHOLE(number)) for number in (*note["index"], note["of"]))
    except (KeyError, TypeError, ValueError):
        wanted = '{"index": [0, 0, 0], "of": 8}'
        raise StorageError(f"notes: tile = {note!r}; {wanted} is what a tile says of itself") from None
    return TileOf((x, y, z), of)


def check_whole(haloes: object, source: str = "haloes") -> None:
    """Refuse the catalogue of one tile, or of a light cone, where those of a whole periodic box are needed."""
    if isinstance(haloes, LightConeCatalogue):
        raise StorageError(f"{source}: a light cone; the catalogue of a whole periodic box is needed")
    try:
        tile = tile_of(haloes)
    except ValueError as error:
        raise StorageError(f"{source}: {error}") from None
    if tile:
        raise StorageError(
            f"{source}: tile {','.join(map(str, tile.index))} of {tile.of} of a universe; a whole box is needed, "
            "join all of its tiles first (halonet join)"
        )


def _check_tile(name: str, haloes: HaloCatalogue, tile: TileOf) -> None:
    """Refuse haloes that lie outside of their tile, or of which two are in one cell."""
    start, side = tile.cells(haloes.grid_cells)
    cells = np.floor(haloes.positions() / haloes.cell_size).astype(np.int64)
    outside = ((cells < start) | (cells >= np.add(start, side))).any(axis=1)
    if outside.any():
        shown = ", ".join(f"{value:.6g}" for value in haloes.positions()[outside.argmax()])
        raise StorageError(
            f"{name}: {outside.sum()} of {len(haloes)} haloes have their Lagrangian centre outside of the tile, the "
            f"first at {shown} Mpc"
        )
    if (twice := len(cells) - len(np.unique(cells, axis=0))) > 0:
        raise StorageError(f"{name}: {twice} haloes have the Lagrangian centre of another one; each must be there once")


def join_tiles(tiles: Sequence[HaloCatalogue], names: Sequence[str] | None = None) -> HaloCatalogue:
    """Join all tiles of a universe to the catalogue that it has as one tile.

    Parameters
    ----------
    tiles
        Catalogues of all tiles of one universe, in any order.
    names
        What messages call them.

    Returns
    -------
    HaloCatalogue
        Haloes of the whole periodic universe, most massive first.

    Raises
    ------
    StorageError
        If one is no tile, is of another universe or method, or is there twice, or if tiles are missing.

    Examples
    --------
    >>> import halonet
    >>> numbers = [(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)]
    >>> tiles = [halonet.make_mock(universe=7, cells=8, tile=number, of=8) for number in numbers]
    >>> halonet.join_tiles(tiles)
    <HaloCatalogue: 2 haloes of 9.55e+11 to 1.65e+12 Msun, box of 8 Mpc, redshift 0>
    """
    of_type(tiles, list | tuple, "tiles")
    _check_cut(tiles, names or [f"tile {i}" for i in range(len(tiles))])
    columns = {name: np.concatenate([haloes[name] for haloes in tiles]) for name in tiles[0].columns}
    notes = {key: value for key, value in tiles[0].notes.items() if key != NOTE}
    return HaloCatalogue(columns, tiles[0].header, tiles[0].grid_cells, notes).sorted_by_mass()


def _check_cut(tiles: Sequence[HaloCatalogue], names: Sequence[str]) -> None:
    """Refuse catalogues that are not all tiles of one universe, each once."""
    found: dict[TileOf, str] = {}
    for name, haloes in zip(names, tiles, strict=True):
        of_type(haloes, HaloCatalogue, name).check(name)
        try:
            tile = tile_of(haloes)
        except ValueError as error:
            raise StorageError(f"{name}: {error}") from None
        if tile is None:
            raise StorageError(f"{name}: is no tile of a universe, but of a whole box")
        if haloes.header != tiles[0].header or haloes.grid_cells != tiles[0].grid_cells:
            raise StorageError(f"{name}: of another universe than {names[0]}, or made in another way")
        if tile in found:
            raise StorageError(f"{name}: the same tile as {found[tile]}")
        _check_tile(name, haloes, tile)
        if differing := sorted(set(haloes.columns) ^ set(tiles[0].columns)):
            raise StorageError(f"{name}: columns {', '.join(differing)} are in it or in {names[0]}, and not in both")
        found[tile] = name
    if not found:
        raise StorageError("there are no tiles to join")
    first = next(iter(found))
    for tile, name in found.items():
        if tile.of != first.of:
            raise StorageError(f"{name}: one of {tile.of} tiles, but {found[first]} is one of {first.of}; join one cut")
    if lacking := [",".join(map(str, tile.index)) for tile in first.cut() if tile not in found]:
        shown = " and ".join(lacking[:2]) + (" ..." if len(lacking) > 2 else "")
        raise StorageError(f"{names[0]}: of its {first.of} tiles {len(lacking)} are missing: {shown}")
