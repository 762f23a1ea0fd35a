"""From haloes on the grid to masses, Eulerian positions and velocities."""

import numpy as np
import pytest

from halonet.catalogue import EULERIAN, LAGRANGIAN, VELOCITY
from halonet.cosmology import growth_rate, hubble_rate, mean_matter_density
from halonet.halo_finding.haloes import to_catalogue, with_eulerian_columns
from halonet.halo_finding.paper.search import FoundHaloes
from halonet.settings import CosmologySettings
from halonet.storage import FieldHeader

COSMOLOGY = CosmologySettings()
CELLS, BOX = 32, 64.0
FOUND = FoundHaloes(
    np.array([[0, 0, 31], [3, 20, 7], [17, 5, 5], [31, 8, 8]]),
    np.array([4, 9, 3, 2]),
    np.array([33, 123, 27, 19]),
    np.array([0.99, 0.9, 0.9, 0.9]),
)


def catalogue():
    return to_catalogue(FOUND, CELLS, FieldHeader(BOX), COSMOLOGY, 27)


def test_mass_is_volume_times_mean_matter_density_and_small_haloes_are_left_out():
    haloes = catalogue()
    assert haloes["cells"].tolist() == [33, 123, 27]
    np.testing.assert_allclose(haloes["mass"], haloes["cells"] * 8 * mean_matter_density(COSMOLOGY))
    np.testing.assert_allclose(haloes["radius"], [4, 6, 2 * 3**0.5])
    np.testing.assert_allclose(haloes.positions(), (FOUND.centres[:3] + 0.5) * 2)


@pytest.mark.parametrize("redshift", [0.0, 1.0])
def test_a_plane_wave_moves_haloes_as_zeldovich_has_it(redshift):
    # delta = A cos(k x) gives psi = -(A / k) sin(k x) to first order and nothing to second.
    amplitude, k = 0.3, 2 * np.pi / BOX
    x = (np.arange(CELLS) + 0.5) * BOX / CELLS
    density = np.broadcast_to(amplitude * np.cos(k * x)[:, None, None], (CELLS,) * 3).astype(np.float32)
    haloes = with_eulerian_columns(catalogue(), density, COSMOLOGY, redshift)
    # The mean of sin over cells within R is sin at the centre times a factor that depends on the cells alone.
    for row in range(3):
        radius = FOUND.squared_radii[row] ** 0.5
        axis = np.arange(-4, 5)
        offsets = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
        inside = offsets[(offsets**2).sum(axis=1) <= radius**2 + 1e-6]
        psi = -(amplitude / k) * np.sin(k * (haloes["qx"][row] + 2 * inside[:, 0])).mean()
        assert haloes["x"][row] == pytest.approx((haloes["qx"][row] + psi) % BOX, abs=1e-4)
        rate = hubble_rate(COSMOLOGY, redshift) * growth_rate(COSMOLOGY, redshift) / (1 + redshift)
        assert haloes["vx"][row] == pytest.approx(rate * psi, abs=0.02)
    for still, name in (("qy", "y"), ("qz", "z")):
        np.testing.assert_allclose(haloes[name], haloes[still], atol=1e-4)


def test_the_second_order_counts_twice_in_the_velocity():
    # Two crossed waves have a second order; x - q - v / rate = -psi2 isolates it, and it scales with the square.
    k, x = 2 * np.pi / BOX, (np.arange(CELLS) + 0.5) * BOX / CELLS
    wave = np.cos(k * x)
    rate = hubble_rate(COSMOLOGY, 0) * growth_rate(COSMOLOGY, 0)
    second = []
    for amplitude in (0.2, 0.4):
        density = (amplitude * (wave[:, None, None] + wave[None, :, None] + 0 * wave)).astype(np.float32)
        haloes = with_eulerian_columns(catalogue(), density, COSMOLOGY, 0.0)
        moved = (haloes.positions(EULERIAN) - haloes.positions(LAGRANGIAN) + BOX / 2) % BOX - BOX / 2
        second.append(haloes.positions(VELOCITY) / rate - moved)
    assert np.abs(second[1]).max() > 0.1
    np.testing.assert_allclose(second[1], 4 * second[0], atol=2e-3)


def test_eulerian_positions_stay_in_the_box():
    density = np.random.default_rng(1).normal(0, 3, (CELLS,) * 3).astype(np.float32)
    haloes = with_eulerian_columns(catalogue(), density, COSMOLOGY, 0.0)
    for name in EULERIAN:
        assert (haloes[name] >= 0).all()
        assert (haloes[name] < BOX).all()
