"""Density and displacement against the input spectrum, analytic cases and the rank count."""

import numpy as np
import pytest

from halonet.cosmology import compute_power_spectrum, growth_factor, sigma_of_radius
from halonet.grid.slabs import Slabs
from halonet.grid.windows import top_hat
from halonet.initial_conditions.density import linear_density
from halonet.initial_conditions.displacement import (
    first_order_displacement,
    second_order_coefficient,
    second_order_displacement,
    second_order_source,
)
from halonet.initial_conditions.noise import derived_seed, white_noise
from halonet.settings import CosmologySettings

PAPER = CosmologySettings()
SLABS = Slabs(64)
BOX = 128.0


@pytest.fixture(scope="module")
def spectrum():
    return compute_power_spectrum(PAPER)


@pytest.fixture(scope="module")
def density(spectrum):
    return linear_density(SLABS, 11, BOX, *spectrum, PAPER)


def shell_power(density, box_size):
    """Mean power, number of independent modes and mean k of linear shells of one fundamental."""
    cells = len(density)
    modes = np.fft.fftn(density.astype(float)) * (box_size / cells) ** 3
    k = np.fft.fftfreq(cells, 1 / cells)
    radius = np.sqrt(k[:, None, None] ** 2 + k[None, :, None] ** 2 + k**2)
    shell = np.rint(radius).astype(int).ravel()
    counts = np.bincount(shell)
    power = np.bincount(shell, np.abs(modes.ravel()) ** 2 / box_size**3) / counts
    return power, counts / 2, shell, radius.ravel() * 2 * np.pi / box_size


def test_measured_power_is_within_cosmic_variance_of_the_input_in_every_shell(density, spectrum):
    power, modes, shell, k = shell_power(density, BOX)
    expected = np.bincount(shell, np.interp(k, *spectrum)) / (2 * modes)
    shells = slice(1, 50)
    deviation = (power / expected - 1)[shells] * np.sqrt(modes[shells])
    assert np.abs(deviation).max() < 4.5
    assert abs(deviation.mean()) < 4 / np.sqrt(49)


def test_variance_in_spheres_of_8_mpc_over_h_is_that_of_the_modes_in_the_box(spectrum):
    radius, variance, expected = 8 / PAPER.h, 0.0, 0.0
    kx, ky, kz = SLABS.wavenumbers
    k = 2 * np.pi / BOX * np.sqrt(kx**2 + ky**2 + kz**2)
    window = top_hat(k * radius)
    weights = np.where((kz > 0) & (kz < SLABS.cells / 2), 2, 1) * window**2
    expected = np.sum(weights * np.interp(k, *spectrum) * (k > 0)) / BOX**3
    for seed in range(8):
        field = linear_density(SLABS, seed, BOX, *spectrum, PAPER)
        variance += SLABS.inverse((SLABS.forward(field) * window).astype(np.complex64)).var(dtype=float) / 8
    assert variance == pytest.approx(expected, rel=0.15)  # eight boxes with some tens of modes that matter
    assert expected < sigma_of_radius(*spectrum, radius) ** 2  # a finite box lacks the longest waves


def test_density_is_extrapolated_with_the_growth_factor(density, spectrum):
    later = PAPER.model_copy(update={"redshift": 1.0})
    np.testing.assert_allclose(
        linear_density(SLABS, 11, BOX, *spectrum, later), density * growth_factor(PAPER, 1.0), rtol=1e-4, atol=1e-5
    )


def test_divergence_of_the_displacement_is_minus_the_density(density):
    modes = SLABS.forward(density)
    divergence = np.zeros(SLABS.shape)
    off_nyquist = np.ones_like(modes, dtype=np.float32)
    for axis in range(3):
        psi = SLABS.forward(first_order_displacement(modes, SLABS, BOX / 64, axis))
        gradient = 1j * SLABS.wavenumbers[axis] * 2 * np.pi / BOX
        divergence += SLABS.inverse((gradient * psi).astype(np.complex64))
        off_nyquist = off_nyquist * SLABS.off_nyquist[axis]
    # Odd derivatives do not exist on the Nyquist planes; compare the other modes.
    np.testing.assert_allclose(
        SLABS.inverse(SLABS.forward(divergence.astype(np.float32)) * off_nyquist),
        -SLABS.inverse(modes * off_nyquist),
        atol=2e-4,
    )


def test_second_order_displacement_of_a_plane_wave_vanishes():
    x = (np.arange(64) + 0.5) / 64 * 2 * np.pi
    phase = 2 * x[:, None, None] + 3 * x[None, :, None] + x
    source = second_order_source(SLABS.forward(np.cos(phase).astype(np.float32)), SLABS)
    assert np.abs(source).max() < 1e-5


def test_second_order_displacement_of_crossed_waves_is_the_analytic_one():
    # delta = cos k1 x + cos k2 y gives S = cos k1 x cos k2 y and eta2 = grad laplacian^-1 S.
    cell_size = BOX / 64
    q = (np.arange(64) + 0.5) * cell_size
    k1, k2 = 2 * np.pi / BOX * np.array([2, 3])
    density = np.broadcast_to(np.cos(k1 * q)[:, None, None] + np.cos(k2 * q)[None, :, None], SLABS.shape)
    source = second_order_source(SLABS.forward(density.astype(np.float32)), SLABS)
    np.testing.assert_allclose(source[:, :, 5], np.cos(k1 * q)[:, None] * np.cos(k2 * q), atol=1e-5)
    eta = second_order_displacement(SLABS.forward(source), SLABS, cell_size, 0)
    expected = k1 / (k1**2 + k2**2) * np.sin(k1 * q)[:, None] * np.cos(k2 * q)
    np.testing.assert_allclose(eta[:, :, 5], expected, atol=1e-4)


def test_second_order_coefficient_is_the_check_value_of_peak_patch():
    assert second_order_coefficient(PAPER, 0.0) == pytest.approx(-0.432746, rel=1e-5)


def test_white_noise_has_unit_variance_and_boxes_differ():
    noise = white_noise(SLABS, derived_seed(1, "box", 0))
    assert noise.mean() == pytest.approx(0, abs=4 / 64**1.5)
    assert noise.var() == pytest.approx(1, abs=4 * 2**0.5 / 64**1.5)
    other = white_noise(SLABS, derived_seed(1, "box", 1))
    assert abs(np.mean(noise * other)) < 4 / 64**1.5


def test_density_file_is_bitwise_the_same_for_one_and_three_ranks(tmp_path, run_script):
    run_script("compute_power_spectrum", "--output", tmp_path / "power.csv")
    for ranks in (1, 3):
        common = ("--cells", 32, "--box-size", 64, "--seed", 5, "--box", 3, "--ranks", ranks)
        output = ("--power-spectrum", tmp_path / "power.csv", "--density", tmp_path / f"{ranks}.h5")
        run_script("draw_density", *common, *output, ranks=ranks)
    assert (tmp_path / "1.h5").read_bytes() == (tmp_path / "3.h5").read_bytes()


def test_a_spectrum_that_does_not_reach_the_grid_is_refused(spectrum):
    k, power = spectrum
    with pytest.raises(ValueError, match="the power spectrum covers"):
        linear_density(SLABS, 1, BOX, k[k < 1], power[k < 1], PAPER)
