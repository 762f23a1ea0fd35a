"""The simulation as a whole: linear growth, an exact solution, conservation, symmetry."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from halonet.grid.slabs import Slabs
from halonet.n_body.growth import Growth
from halonet.n_body.start import start_particles


def test_the_start_is_second_order_perturbation_theory_at_both_times_of_a_step(random_density, cosmology):
    """Momenta are a^3 E dx/da of the displacements, by a difference of two starts."""
    growth, a, step = Growth(cosmology), 0.1, 1e-3
    later, earlier = (start_particles(random_density, Slabs(32), growth, a + sign * step)[0] for sign in (1, -1))
    displacements, momenta = start_particles(random_density, Slabs(32), growth, a)
    weight = growth.first_momentum(a) / ((growth.first(a + step) - growth.first(a - step)) / (2 * step))
    rate = (later - earlier) / (2 * step) * weight
    assert np.abs(rate - momenta).max() < 1e-3 * np.abs(momenta).max()
    first, _ = start_particles(random_density * np.float32(1e-3), Slabs(32), growth, a)
    second = displacements - 1e3 * first
    assert 0.005 < second.std() / displacements.std() < 0.2


def shells(field, box_size, edges):
    """Modes of the vectors of a field in shells of |k| (per Mpc), complex arrays of shape (modes, 3)."""
    n = len(field)
    k = 2 * np.pi / box_size * np.fft.fftfreq(n, 1 / n)
    length = np.sqrt(k[:, None, None] ** 2 + k[:, None] ** 2 + np.abs(k[: n // 2 + 1]) ** 2)
    modes = np.fft.rfftn(field.astype(float), axes=(0, 1, 2))
    return [modes[(length > low) & (length <= high)] for low, high in pairwise(edges)]


@pytest.fixture(scope="module")
def faint_density(cosmology):
    """64^3 cells of 2 Mpc, so smooth and faint that all scales stay linear."""
    noise = np.random.default_rng(8).standard_normal((64,) * 3)
    smooth = gaussian_filter(noise, 2.0, mode="wrap")
    return (0.02 / smooth.std() * smooth).astype(np.float32)


@pytest.mark.parametrize("steps", [10, 40])
def test_large_scales_grow_as_the_linear_growth_factor_whatever_the_number_of_steps(
    faint_density, run_simulation, cosmology, steps
):
    start, _ = start_particles(faint_density, Slabs(64), Growth(cosmology), 0.1)
    growth = Growth(cosmology)
    _, snapshots = run_simulation(faint_density, [1.0, 0.0], steps=steps)
    for redshift in (1.0, 0.0):
        expected = growth.first(1 / (1 + redshift)) / growth.first(0.1)
        fields = (start, snapshots[redshift].displacements)
        for before, after in zip(*(shells(field, 128.0, [0.04, 0.06, 0.08, 0.1]) for field in fields), strict=True):
            assert len(before) >= 4
            amplitude = (after * before.conj()).sum().real / (np.abs(before) ** 2).sum()
            assert amplitude == pytest.approx(expected, rel=0.005)


@pytest.mark.parametrize(("mesh", "steps", "error"), [(1, 20, 0.03), (2, 10, 0.01), (2, 40, 0.01), (3, 20, 0.01)])
def test_a_plane_wave_stays_on_the_solution_of_zeldovich_until_shells_cross(
    run_simulation, cosmology, mesh, steps, error
):
    """delta = A cos(k q) moves by -A / k sin(k q) D, exactly, as long as A D < 1."""
    cells, amplitude = 32, 0.8
    k, q = 2 * np.pi / cells, np.arange(cells) + 0.5
    density = np.broadcast_to((amplitude * np.cos(k * q)).astype(np.float32)[:, None, None], (cells,) * 3).copy()
    _, snapshots = run_simulation(density, [0.5, 0.0], mesh=mesh, steps=steps)
    growth = Growth(cosmology)
    for redshift in (0.5, 0.0):
        found, a = snapshots[redshift], 1 / (1 + redshift)
        wave = (-amplitude / k * np.sin(k * q))[:, None, None]
        place, momentum = growth.first(a) * wave, growth.first_momentum(a) * wave
        assert np.abs(found.displacements[..., 0] - place).max() < error * np.abs(place).max()
        assert np.abs(found.momenta[..., 0] - momentum).max() < 2 * error * np.abs(momentum).max()
        assert np.abs(found.displacements[..., 1:]).max() < 1e-3 * np.abs(place).max()


def test_momentum_is_conserved_to_rounding(random_density, run_simulation):
    state, _ = run_simulation(random_density, steps=10)
    total, size = state.momenta.sum(axis=(0, 1, 2), dtype=float), np.abs(state.momenta).sum(dtype=float)
    assert np.abs(total).max() < 1e-6 * size


def test_structure_forms(random_density, run_simulation):
    """The particles end up far from where perturbation theory of first order would take them, and denser."""
    state, _ = run_simulation(random_density, steps=10)
    counts = np.zeros((32,) * 3)
    positions = np.stack(np.meshgrid(*[np.arange(32) + 0.5] * 3, indexing="ij"), axis=-1) + state.displacements
    np.add.at(counts, tuple(np.floor(positions).astype(int).reshape(-1, 3).T % 32), 1)
    assert counts.var() > 3


def test_a_shift_of_the_density_by_whole_cells_shifts_the_particles(random_density, run_simulation):
    state, _ = run_simulation(random_density, steps=5)
    moved, _ = run_simulation(np.roll(random_density, (5, -3, 9), (0, 1, 2)), steps=5)
    expected = np.roll(state.displacements, (5, -3, 9), (0, 1, 2))
    assert np.abs(moved.displacements - expected).max() < 0.02 * expected.std()


def test_axes_are_alike(random_density, run_simulation):
    state, _ = run_simulation(random_density, steps=5)
    turned, _ = run_simulation(np.ascontiguousarray(random_density.transpose(2, 0, 1)), steps=5)
    expected = state.displacements.transpose(2, 0, 1, 3)[..., [2, 0, 1]]
    assert np.abs(turned.displacements - expected).max() < 0.02 * expected.std()


def test_a_snapshot_on_the_way_is_the_end_of_a_simulation_that_stops_there(random_density, run_simulation):
    """With steps at the same times, to the last bit."""
    _, both = run_simulation(random_density, [1.0, 0.0], steps=18)  # steps of 0.05
    _, early = run_simulation(random_density, [1.0], steps=8)
    np.testing.assert_array_equal(both[1.0].displacements, early[1.0].displacements)
    np.testing.assert_array_equal(both[1.0].momenta, early[1.0].momenta)


def test_two_threads_give_the_bits_of_one(random_density, run_simulation):
    one, _ = run_simulation(random_density, steps=5)
    two, _ = run_simulation(random_density, steps=5, threads=2)
    np.testing.assert_array_equal(one.displacements, two.displacements)
    np.testing.assert_array_equal(one.momenta, two.momenta)
