"""Universes in tiles: their power, their tiles against the whole, and what a tile of a large one costs.

    python benchmarks/universe.py spectrum --cells 256 --output FOLDER
    python benchmarks/universe.py tiles --cells 256 --output FOLDER
    python benchmarks/universe.py cost --cells 4096 --across 16 --output FOLDER

``spectrum`` holds the power of assembled bricks against the input, in every shell of a fundamental, and their
displacements against those of the whole box. ``tiles`` makes a universe at once and as eight tiles, and compares halo
by halo; also with an ordinary box of the same density. ``cost`` makes one tile of a universe that is cut into
``across`` tiles along each axis, and writes times of the phases and memory. All write JSON; ``cost`` is wall time, so
nothing else should run.
"""

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np
from performance.measuring import machine

from halonet.catalogue import EULERIAN
from halonet.grid.cubes import Cube
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.bricks import Bricks
from halonet.initial_conditions.density import scaled
from halonet.initial_conditions.displacement import (
    first_order_displacement,
    second_order_displacement,
    second_order_source,
)
from halonet.mocks.by_peak_patch import PeakPatchMock
from halonet.mocks.request import MockRequest
from halonet.peak_patch.finder import find_haloes
from halonet.peak_patch.steps import Progress
from halonet.peak_patch.tile import find_tile
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
    """Power of a universe over the input, and errors of displacements."""
    universe, slabs = mock_of(arguments).box.universe(), Slabs(arguments.cells, threads=arguments.threads)
    density, first, second = assembled(universe, second=True)
    modes, known = slabs.forward(density), exact_modes(universe, slabs)
    power = shell_sums(slabs, np.abs(known) ** 2)
    # The same modes above and below the line: no cosmic variance is left.
    bricks = shell_sums(slabs, np.abs(modes) ** 2) / power
    kept = shell_sums(slabs, kept_power(universe, slabs)) / shell_sums(slabs, np.ones(slabs.modes_shape))
    source = slabs.forward(second_order_source(modes, slabs))
    errors = []
    for axis in range(3):
        wholes = (
            first_order_displacement(modes, slabs, universe.cell_size, axis),
            second_order_displacement(source, slabs, universe.cell_size, axis),
        )
        for field, whole in zip((first, second), wholes, strict=True):
            errors.append([float(whole.std()), float((field[..., axis] - whole).std())])
    return {
        "k": (2 * np.pi / universe.cells / universe.cell_size * np.arange(1, len(power) + 1)).tolist(),
        "power_over_input": (bricks * kept).tolist(),
        "largest_departure": float(np.abs(bricks * kept - 1).max()),
        "modes_that_differ": float((shell_sums(slabs, np.abs(modes - known) ** 2) / power).max()),
        "displacements": np.reshape(errors, (3, 2, 2)).mean(axis=0).tolist(),
    }


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
    half = arguments.cells / 2
    centres = whole.centres_in_cells()
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
    """One tile, phase by phase."""
    phases, last = {}, [time.perf_counter()]

    def finished(phase):
        phases[phase], last[0] = time.perf_counter() - last[0], time.perf_counter()
        print(f"{phase}: {phases[phase]:.1f} s", flush=True)

    tile = TileOf((0, 0, 0), arguments.across**3)
    mock = mock_of(arguments, tile=tile.index, of=tile.of)
    table, universe = mock.table(), mock.box.universe()
    finished("collapse table and spectrum")
    progress = Progress(finished=finished)
    place = tile.cells(arguments.cells)
    haloes = find_tile(universe, place, mock.box.cosmology, mock.settings, table, mock.header, progress)
    return {
        "processor": machine()["cpu"], "threads": arguments.threads, "tile_cells": place[1], "of": tile.of,
        "haloes": len(haloes), "seconds": sum(phases.values()), "phases": phases,
        "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
    }  # fmt: skip


def main():
    """Parse the command line, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    measured = {"spectrum": spectrum, "tiles": tiles, "cost": cost}
    parser.add_argument("what", choices=measured)
    parser.add_argument("--cells", type=int, default=256, help="along a side of the universe")
    parser.add_argument("--box-size", type=float, help="side of the universe (Mpc); default: cells of 1 Mpc")
    parser.add_argument("--across", type=int, default=16, help="tiles along an axis")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    universe = mock_of(arguments).box.universe()
    result = {
        "cells": universe.cells, "cell_size_mpc": universe.cell_size, "coarsening": universe.coarsening,
        "brick": universe.brick,
    } | measured[arguments.what](arguments)  # fmt: skip
    write_json(arguments.output / f"universe_{arguments.what}_{arguments.cells}.json", result)
    shown = {name: value for name, value in result.items() if name not in ("k", "power_over_input")}
    print(json.dumps(shown, indent=1))


if __name__ == "__main__":
    main()
