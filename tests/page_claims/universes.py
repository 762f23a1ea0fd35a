"""Universes in tiles: docs/universes.md."""

from page_claims.base import claims, fixed, percent, results, row

UNIVERSES = ("universe_spectrum_256_2", "universe_spectrum_256_4", "universe_spectrum_256_8")


@claims("docs/universes.md")
def power_and_displacements():
    for name in UNIVERSES:
        held = results(name)
        (first, error_first), (second, error_second) = held["displacements"]
        yield row(
            f"{held['coarsening']} cells",
            percent(held["largest_departure"], 2),
            percent(held["modes_that_differ"], 3),
            f"{fixed(error_first, 3)} of {fixed(first, 1)} Mpc",
            f"{fixed(3 / 7 * error_second, 3)} of {fixed(3 / 7 * second, 1)} Mpc",
        )


@claims("docs/universes.md")
def tiles_and_the_whole():
    held = results("universe_tiles_128_2")
    assert held["equal_in_every_column"]
    assert held["haloes_at_once"] == held["haloes_of_tiles"]
    yield f"The {held['haloes_of_tiles']:,} haloes of eight tiles of a universe of {held['cells']}³ cells"
    yield f"the spheres of {held['haloes_across_faces']:,} of them lie across faces"
    yield f"has {held['ordinary_box']:,} haloes, {held['common']:,} of them in the same cells"
    yield f"{percent(held['masses_within_a_percent'], 2)} of their masses agree within 1%"
    yield f"Eulerian positions to {fixed(held['rms_error_of_positions'], 3)} Mpc rms"


@claims("docs/universes.md")
def cost_of_a_tile():
    held = results("universe_cost_4096_8")
    seconds = held["core_seconds"]
    coarse = (seconds["coarse grid, first order"] + seconds["coarse grid, second order"]) / 60
    yield f"a tile of {held['tile_cells']}³ cells of a universe of {held['cells']}³ takes {held['core_minutes']:.0f} minutes of one core"
    yield f"{coarse:.0f} of them for the coarse grid"
    yield f"take {held['bricks']['first order']} and {held['bricks']['candidates']} bricks"
    yield f"{fixed(held['gigabytes_of_coarse_grid_and_bricks'], 1)} GB for coarse grid and bricks, and {fixed(held['gigabytes_of_fields'], 1)} GB for the fields"
