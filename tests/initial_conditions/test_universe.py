"""A universe in bricks against all of it at once: noise, power, displacement, and the same bits for all parts."""

import numpy as np
import pytest

from halonet.cosmology import compute_power_spectrum
from halonet.grid.lattice_cube import Cube
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.bricks import Bricks
from halonet.initial_conditions.density import scaled
from halonet.initial_conditions.displacement import (
    first_order_displacement,
    second_order_displacement,
    second_order_source,
)
from halonet.initial_conditions.interpolation import interpolate, prepared
from halonet.initial_conditions.universe import Universe
from halonet.settings import CosmologySettings, SettingsError

CELLS = 64
WHOLE = Cube((0, 0, 0), CELLS, CELLS)


@pytest.fixture(scope="module")
def spectrum():
    return compute_power_spectrum(CosmologySettings())


@pytest.fixture(scope="module")
def universe(spectrum):
    return Universe(5, CELLS, 1.0, *spectrum, threads=2)


@pytest.fixture(scope="module")
def bricks(universe):
    return Bricks(universe, WHOLE)


@pytest.fixture(scope="module")
def assembled(universe, bricks):
    """Density and displacements of first and second order of all bricks."""
    bricks.long.keep_second_order()
    density, first, second = (np.empty((*WHOLE.shape, *rest), np.float32) for rest in ((), (3,), (3,)))
    for start in WHOLE.bricks(universe.brick):
        there = WHOLE.window(start, universe.brick)
        density[there], first[there] = bricks.first_order(start)
        second[there] = bricks.second_order(start)
    return density, first, second


def shells(slabs):
    """Number of the shell of every mode, and how many modes it stands for."""
    kx, ky, kz = slabs.wavenumbers
    weights = np.where((kz > 0) & (kz < slabs.cells / 2), 2, 1) * np.ones(slabs.modes_shape)
    return np.rint(np.sqrt(kx**2 + ky**2 + kz**2)).astype(int).ravel(), weights.ravel()


def test_powers_of_the_short_and_the_long_field_add_up_to_the_input(universe, spectrum):
    k = np.geomspace(0.01, 5.4, 300)
    short, long = universe.short_amplitude(k) ** 2, universe.long_amplitude(k) ** 2 * universe.coarsening**3
    expected = np.exp(np.interp(np.log(k), np.log(spectrum[0]), np.log(spectrum[1])))
    np.testing.assert_allclose(short + long, expected, rtol=1e-4)
    beyond = k > np.pi / universe.coarse_cell_size
    assert (long / expected)[beyond].max() < 0.002  # what the coarse grid cannot hold


def test_bricks_have_the_modes_of_noise_times_amplitude_in_every_shell_to_half_a_percent_of_power(universe, assembled):
    slabs = Slabs(CELLS)
    expected = slabs.forward(universe.noise((0, 0, 0), CELLS))
    scaled(expected, slabs, CELLS * universe.cell_size, universe.short_amplitude)
    coarse, half = universe.long_modes(), universe.coarse_cells // 2
    rows = np.r_[0:half, CELLS - half + 1 : CELLS]  # coarse wavenumbers but for their Nyquist planes
    own = np.r_[0:half, half + 1 : 2 * half]
    expected[np.ix_(rows, rows, np.arange(half))] += coarse[np.ix_(own, own, np.arange(half))] * universe.coarsening**3
    modes = slabs.forward(assembled[0])
    shell, weights = shells(slabs)

    def sums(values):
        return np.bincount(shell, weights * values.ravel())[1:]

    power = sums(np.abs(expected) ** 2)
    np.testing.assert_allclose(sums(np.abs(modes) ** 2) / power, 1, atol=0.005)
    assert (sums(np.abs(modes - expected) ** 2) / power).max() < 1e-4


def test_the_power_of_universes_is_within_cosmic_variance_of_the_input_in_every_shell(spectrum):
    cells, slabs = 32, Slabs(32)
    shell, weights = shells(slabs)
    kx, ky, kz = slabs.wavenumbers
    k = (2 * np.pi / cells * np.sqrt(kx**2 + ky**2 + kz**2)).ravel()
    input_power = np.bincount(shell, weights * np.interp(k, *spectrum))[1:]
    cube, ratios = Cube((0, 0, 0), cells, cells), []
    for seed in range(12):
        universe = Universe(seed, cells, 1.0, *spectrum)
        bricks, density = Bricks(universe, cube), np.empty(cube.shape, np.float32)
        for start in cube.bricks(universe.brick):
            density[cube.window(start, universe.brick)] = bricks.first_order(start)[0]
        power = np.abs(slabs.forward(density)).astype(float) ** 2 / cells**3
        ratios.append(np.bincount(shell, weights * power.ravel())[1:] / input_power)
    independent = np.bincount(shell, weights)[1:] / 2
    departure = (np.mean(ratios, axis=0) - 1) * np.sqrt(independent * len(ratios))
    assert np.abs(departure).max() < 4.5
    assert abs(departure.mean()) < 4 / np.sqrt(len(departure))


def test_displacements_of_bricks_are_those_of_the_whole_universe(assembled, universe):
    density, first, second = assembled
    slabs, size = Slabs(CELLS), universe.cell_size
    modes = slabs.forward(density)
    source = slabs.forward(second_order_source(modes, slabs))
    for axis in range(3):
        whole = first_order_displacement(modes, slabs, size, axis)
        assert (first[..., axis] - whole).std() < 0.004 * whole.std()
        whole = second_order_displacement(source, slabs, size, axis)
        assert (second[..., axis] - whole).std() < 0.04 * whole.std()


def test_the_short_field_moves_cells_by_what_its_power_says(universe, bricks):
    expected, found = universe.short_displacement, []
    for start in WHOLE.bricks(universe.brick):
        moved = bricks.first_order(start)[1]
        found += [moved[..., i] - bricks.long.at(f"first {i}", start, universe.brick) for i in range(3)]
    assert 0.93 < np.std(found) / expected < 1.0  # of which a part is of waves too short for the cells


def test_a_brick_has_the_same_bits_whatever_part_of_the_universe_is_made(assembled, universe):
    density, first, second = assembled
    start = (32, 0, 32)
    alone = Bricks(universe, Cube((20, -10, 30), 40, CELLS))
    alone.long.keep_second_order()
    there = WHOLE.window(start, universe.brick)
    values, vectors = alone.first_order(start)
    np.testing.assert_array_equal(values, density[there])
    np.testing.assert_array_equal(vectors, first[there])
    np.testing.assert_array_equal(alone.second_order(start), second[there])


def test_a_brick_has_the_same_bits_for_any_number_of_threads(assembled, universe, spectrum):
    alone = Bricks(Universe(5, CELLS, 1.0, *spectrum, threads=1), Cube((0, 32, 0), 32, CELLS))
    there = WHOLE.window((0, 32, 0), universe.brick)
    np.testing.assert_array_equal(alone.first_order((0, 32, 0))[0], assembled[0][there])


def test_the_density_has_no_seam_between_bricks(assembled, universe):
    density = assembled[0].astype(float)
    steps = np.sqrt(np.mean(np.diff(density, 3, axis=0) ** 2, axis=(1, 2)))
    across = [universe.brick - 3, universe.brick - 2, universe.brick - 1]
    inside = np.delete(steps, across)
    assert np.abs(steps[across] - inside.mean()).max() < 4 * inside.std()


def test_windows_of_noise_are_parts_of_one_white_noise(universe, spectrum):
    whole = universe.noise((0, 0, 0), CELLS)
    assert abs(whole.mean()) < 4 / CELLS**1.5
    assert abs(whole.var() - 1) < 4 * (2 / CELLS**3) ** 0.5
    np.testing.assert_array_equal(universe.noise((-5, 40, 70), 30), whole[WHOLE.window((-5, 40, 70), 30)])
    np.testing.assert_array_equal(
        universe.noise((-40, 0, 3), 140)[:CELLS, :CELLS, :CELLS], np.roll(whole, (40, 0, -3), (0, 1, 2))
    )
    other = Universe(6, CELLS, 1.0, *spectrum).noise((0, 0, 0), CELLS)
    assert abs(np.mean(whole * other)) < 4 / CELLS**1.5


def test_a_wave_of_the_coarse_grid_is_interpolated_to_a_ten_thousandth():
    coarse, times = 24, 4
    slabs = Slabs(coarse)
    points, cells = np.arange(coarse), np.arange(-7, 33)
    for number in (0, 3, 7):  # of 12, the Nyquist frequency
        wave = np.cos(2 * np.pi * (number * points[:, None, None] + 2 * points[:, None] - points) / coarse)
        ready = slabs.inverse(prepared(slabs.forward(wave.astype(np.float32)), slabs, times))
        found = interpolate(ready, Cube((0, 0, 0), coarse, coarse), (-7, -7, -7), 40, times)
        expected = np.cos(2 * np.pi * (number * cells[:, None, None] + 2 * cells[:, None] - cells) / (coarse * times))
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_coarse_grid_stays_small_however_large_the_universe(spectrum):
    for cells, coarsening in ((512, 2), (1024, 4), (4096, 8), (6144, 16)):
        universe = Universe(1, cells, 1.0, *spectrum)
        assert (universe.coarsening, universe.brick) == (coarsening, min(cells // 2, 128))
        assert universe.coarse_cells <= 512


def test_cells_that_bricks_or_coarse_cells_do_not_fill_are_refused(spectrum):
    with pytest.raises(SettingsError, match=r"cells = 262; .* none divides it"):
        Universe(1, 262, 1.0, *spectrum)
    with pytest.raises(SettingsError, match=r"cells = 105; a universe needs a multiple of 2"):
        Universe(1, 105, 1.0, *spectrum)
