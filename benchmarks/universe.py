"""Universes in tiles: their power, their tiles against the whole, and what a tile of a large one costs.

    python benchmarks/universe.py spectrum --cells 256 --coarsening 8 --output FOLDER
    python benchmarks/universe.py tiles --cells 128 --output FOLDER
    python benchmarks/universe.py cost --cells 4096 --across 16 --output FOLDER

``spectrum`` holds the power of assembled bricks against the input, in every shell of a fundamental, and their
displacements against those of the whole box; ``--coarsening`` takes the coarse cells of a larger universe. ``tiles``
makes a universe at once and as eight tiles, and compares halo by halo; also with an ordinary box of the same density.
``cost`` works the coarse grid of a universe and a few bricks of a tile, and says what all bricks of the tile take:
seconds of one core, which do not depend on what else runs, and memory. All write JSON.
"""

import argparse
import json
import resource
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from performance.measuring import machine

from halonet.catalogue import EULERIAN
from halonet.grid.lattice_cube import Cube
from halonet.grid.slabs import Slabs
from halonet.initial_conditions import universe as universes
from halonet.initial_conditions.bricks import Bricks
from halonet.initial_conditions.density import scaled
from halonet.initial_conditions.displacement import (
    first_order_displacement,
    second_order_displacement,
    second_order_source,
)
from halonet.initial_conditions.universe_tile import Tile
from halonet.mocks.by_peak_patch import PeakPatchMock
from halonet.mocks.request import MockRequest
from halonet.peak_patch.candidates import find_candidates
from halonet.peak_patch.finder import find_haloes
from halonet.peak_patch.steps import search_of
from halonet.peak_patch.tile import USUAL_SHIFT
from halonet.peak_patch.tile_fields import TileFields, bricks_around
from halonet.storage import write_json
from halonet.tiles_of_universes import TileOf, join_tiles

SEED = 7


def mock_of(arguments, **tile):
    """A mock of a universe by Peak Patch."""
    size = arguments.box_size or arguments.cells
    return PeakPatchMock(
        MockRequest(universe=SEED, cells=arguments.cells, box_size_mpc=size, threads=arguments.threads, **tile)
    )


def assembled(universe, second=False):
    """Density of all bricks of a universe and their displacement of first order; of second, too, where it is wanted."""
    cube = Cube((0, 0, 0), universe.cells, universe.cells)
    bricks, vectors = Bricks(universe, cube), (*cube.shape, 3)
    density, fields = np.empty(cube.shape, np.float32), [np.empty(vectors, np.float32) for _ in range(1 + second)]
    if second:
        bricks.long.keep_second_order()
    for start in cube.bricks(universe.brick):
        there = cube.window(start, universe.brick)
        density[there], fields[0][there] = bricks.first_order(start)
        if second:
            fields[1][there] = bricks.second_order(start)
    return density, *fields


def coarse_rows(universe):
    """Indices of the modes of the coarse grid along an axis that has negative ones, in the universe and on it."""
    half = universe.coarse_cells // 2
    return (
        np.r_[0:half, universe.cells - half + 1 : universe.cells],
        np.r_[0:half, half + 1 : 2 * half],
        np.arange(half),
    )


def exact_modes(universe, slabs):
    """Modes of the density of a universe of which all is there at once, without bricks and interpolation."""
    modes = slabs.forward(universe.noise((0, 0, 0), universe.cells))
    scaled(modes, slabs, universe.cells * universe.cell_size, universe.short_amplitude)
    rows, own, first = coarse_rows(universe)
    modes[np.ix_(rows, rows, first)] += universe.long_modes()[np.ix_(own, own, first)] * universe.coarsening**3
    return modes


def kept_power(universe, slabs):
    """Power that the two fields have together, over the input, of every mode; of the mean 1."""
    kx, ky, kz = slabs.wavenumbers
    k = 2 * np.pi / (universe.cells * universe.cell_size) * np.sqrt(kx**2 + ky**2 + kz**2)
    k = np.maximum(k, universe.k[0])
    amplitude = np.interp(np.log(k), np.log(universe.k), np.sqrt(universe.power / universe.cell_size**3))
    power = universe.short_amplitude(k) ** 2
    rows, _, first = coarse_rows(universe)
    zone = np.ix_(rows, rows, first)
    power[zone] += universe.long_amplitude(k[zone]) ** 2 * universe.coarsening**3
    return power / amplitude**2


def shell_sums(slabs, values):
    """Sums over the modes in shells of a fundamental, from the first on."""
    kx, ky, kz = slabs.wavenumbers
    weights = np.where((kz > 0) & (kz < slabs.cells / 2), 2, 1) * np.ones(slabs.modes_shape)
    shell = np.rint(np.sqrt(kx**2 + ky**2 + kz**2)).astype(int)
    return np.bincount(shell.ravel(), (weights * values).ravel())[1:]


def spectrum(arguments):
    """Power of universes over the input, and errors of displacements."""
    first, slabs = mock_of(arguments).box.universe(), Slabs(arguments.cells, threads=arguments.threads)
    sums = np.zeros((3, len(shell_sums(slabs, 1.0))))
    for seed in range(arguments.universes):
        universe = replace(first, seed=seed)
        modes, known = slabs.forward(assembled(universe)[0]), exact_modes(universe, slabs)
        # The same modes above and below the line: no cosmic variance is left.
        sums += [shell_sums(slabs, np.abs(each) ** 2) for each in (modes, known, modes - known)]
    kept = shell_sums(slabs, kept_power(first, slabs)) / shell_sums(slabs, 1.0)
    ratio = sums[0] / sums[1] * kept
    return {
        "universes": arguments.universes,
        "k": (2 * np.pi / first.cells / first.cell_size * np.arange(1, len(ratio) + 1)).tolist(),
        "power_over_input": ratio.tolist(),
        "largest_departure": float(np.abs(ratio - 1).max()),
        "modes_that_differ": float((sums[2] / sums[1]).max()),
        "displacements": displacement_errors(first, slabs),
    }


def displacement_errors(universe, slabs):
    """Rms of the displacements of first and second order of a whole universe, and of the error of its bricks' (Mpc)."""
    density, first, second = assembled(universe, second=True)
    modes = slabs.forward(density)
    source, errors = slabs.forward(second_order_source(modes, slabs)), []
    for axis in range(3):
        wholes = (
            first_order_displacement(modes, slabs, universe.cell_size, axis),
            second_order_displacement(source, slabs, universe.cell_size, axis),
        )
        for field, whole in zip((first, second), wholes, strict=True):
            errors.append([float(whole.std()), float((field[..., axis] - whole).std())])
    return np.reshape(errors, (3, 2, 2)).mean(axis=0).tolist()


def tiles(arguments):
    """Eight tiles against the universe at once, and against an ordinary box of the same density."""
    made = [mock_of(arguments, tile=index, of=8).make() for index in np.ndindex(2, 2, 2)]
    whole, joined = mock_of(arguments).make(), join_tiles(made)
    equal = all(np.array_equal(joined[name], values) for name, values in whole.columns.items())
    mock = mock_of(arguments)
    universe, slabs = mock.box.universe(), Slabs(arguments.cells, threads=arguments.threads)
    density = assembled(universe)[0]
    box = find_haloes(density, slabs, universe.cell_size, mock.box.cosmology, mock.settings, mock.table())
    cells = [{tuple(cell): row for row, cell in enumerate(each.centres_in_cells())} for each in (whole, box)]
    rows = np.array([[each[cell] for each in cells] for cell in cells[0].keys() & cells[1].keys()])
    own, other = whole.select(rows[:, 0]), box.select(rows[:, 1])
    side = whole.box_size_mpc
    apart = np.mod(own.positions(EULERIAN) - other.positions(EULERIAN) + side / 2, side) - side / 2
    half, centres = arguments.cells / 2, whole.centres_in_cells()
    to_faces = np.abs(centres - half * np.rint(centres / half)).min(axis=1) * whole.cell_size
    return {
        "haloes_at_once": len(whole), "haloes_of_tiles": len(joined), "equal_in_every_column": equal,
        "haloes_across_faces": int((to_faces < whole["raw_radius"]).sum()),
        "ordinary_box": len(box), "common": len(rows),
        "median_error_of_mass": float(np.median(np.abs(own["mass"] / other["mass"] - 1))),
        "masses_within_a_percent": float(np.mean(np.abs(own["mass"] / other["mass"] - 1) < 0.01)),
        "rms_error_of_positions": float(np.sqrt(np.mean(apart**2))),
    }  # fmt: skip


def cost(arguments):
    """What one tile takes, from the coarse grid and a few bricks."""
    index = TileOf((0, 0, 0), arguments.across**3)
    mock = mock_of(arguments, tile=index.index, of=index.of)
    universe = mock.box.universe()
    search = search_of(Slabs(universe.cells), universe.cell_size, mock.settings, mock.table())
    place, reach = index.cells(universe.cells), search.sphere.reach
    tile = Tile(universe, *place, reach + int(USUAL_SHIFT / universe.cell_size)).with_whole_bricks(reach)
    seconds, last = {}, [time.process_time()]

    def done(phase, parts=1.0):
        seconds[phase] = (time.process_time() - last[0]) * parts
        print(f"{phase}: {seconds[phase]:.0f} s", flush=True)
        last[0] = time.process_time()

    fields = TileFields(tile, search)
    done("coarse grid, first order")
    half = np.array([tile.known.side // 2])
    middle = tile.known.start + half[:, None]
    numbers = {
        "first order": len(fields.cube.bricks(universe.brick)), "candidates": len(tile.bricks()),
        "second order": len(bricks_around(middle, half + reach - 1, universe.brick, universe.cells)),
    }  # fmt: skip
    density = fields.bricks.first_order((0, 0, 0))[0]  # which makes what all windows share
    last[0] = time.process_time()
    for _ in range(arguments.bricks):
        fields.bricks.first_order((0, 0, 0))
    done("first order", numbers["first order"] / arguments.bricks)
    window = Slabs(universe.brick + 2 * fields.smoothing_margin)
    values = np.resize(density, window.shape)
    for _ in range(arguments.bricks):
        find_candidates(
            window.forward(values), window, search.radii_mpc / universe.cell_size, search.table.threshold(0)
        )
    done("candidates", numbers["candidates"] / arguments.bricks)
    fields.bricks.long.keep_second_order()
    done("coarse grid, second order")
    fields.bricks.second_order((0, 0, 0))
    last[0] = time.process_time()
    for _ in range(arguments.bricks):
        fields.bricks.second_order((0, 0, 0))
    done("second order", numbers["second order"] / arguments.bricks)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return {
        "processor": machine()["cpu"], "across": arguments.across, "tile_cells": place[1], "margin": tile.margin,
        "bricks": numbers, "core_seconds": seconds, "core_minutes": sum(seconds.values()) / 60,
        "gigabytes_of_coarse_grid_and_bricks": peak, "gigabytes_of_fields": 16 * fields.cube.side**3 / 1e9,
    }  # fmt: skip


def main():
    """Parse the command line, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    measured = {"spectrum": spectrum, "tiles": tiles, "cost": cost}
    parser.add_argument("what", choices=measured)
    parser.add_argument("--cells", type=int, default=256, help="along a side of the universe")
    parser.add_argument("--box-size", type=float, help="side of the universe (Mpc); default: cells of 1 Mpc")
    parser.add_argument("--coarsening", type=int, default=2, help="cells along a coarse cell, at least")
    parser.add_argument("--across", type=int, default=16, help="tiles along an axis")
    parser.add_argument("--universes", type=int, default=4, help="whose power is averaged")
    parser.add_argument("--bricks", type=int, default=2, help="that are timed")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    universes.FINEST = arguments.coarsening
    universe = mock_of(arguments).box.universe()
    result = {
        "cells": universe.cells, "cell_size_mpc": universe.cell_size, "coarsening": universe.coarsening,
        "brick": universe.brick,
    } | measured[arguments.what](arguments)  # fmt: skip
    write_json(arguments.output / f"universe_{arguments.what}_{universe.cells}_{universe.coarsening}.json", result)
    shown = {name: value for name, value in result.items() if name not in ("k", "power_over_input")}
    print(json.dumps(shown, indent=1))


if __name__ == "__main__":
    main()
