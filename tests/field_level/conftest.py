"""A forward model of 12^3 cells, a toy universe whose posterior is known, and targets made of it."""

import numpy as np
import pytest

from halonet.settings import CosmologySettings

COSMOLOGY = CosmologySettings()


@pytest.fixture(scope="session")
def spectrum():
    """Linear power spectrum, k (1/Mpc) and P (Mpc^3)."""
    from halonet.cosmology import compute_power_spectrum

    return compute_power_spectrum(COSMOLOGY)


@pytest.fixture(scope="session")
def make_gravity(spectrum):
    """Forward model of small grids with cells of 7.5 Mpc."""
    from halonet.field_level.gravity import make_gravity

    def make(cells=12, order=2, supersample=2, cell_size=7.5):
        return make_gravity(*spectrum, cells, cells * cell_size, COSMOLOGY, order, supersample)

    return make


class WienerToy:
    """Linear density with Gaussian noise of one standard deviation per cell: its posterior is Gaussian, mode by mode.

    With d = R s + n, R the linear model, the precision of the white-noise mode s_k is 1 + a_k^2 / sigma^2 and its mean
    (a_k / sigma^2) d_k / precision.
    """

    def __init__(self, gravity, sigma=0.5, seed=5):
        self.gravity, self.sigma, self.gradients = gravity, sigma, 0
        rng, cells = np.random.default_rng(seed), gravity.cells
        self.truth = rng.standard_normal((cells,) * 3)
        self.data = self.linear(self.truth) + sigma * rng.standard_normal((cells,) * 3)
        self.precision = 1 + gravity.amplitude**2 / sigma**2
        modes = gravity.amplitude / sigma**2 / self.precision * np.fft.rfftn(self.data)
        self.mean = np.fft.irfftn(modes, (cells,) * 3)

    def linear(self, noise):
        cells = self.gravity.cells
        return np.fft.irfftn(self.gravity.amplitude * np.fft.rfftn(noise.reshape((cells,) * 3)), (cells,) * 3)

    def energy(self, noise):
        return 0.5 * np.sum((self.linear(noise) - self.data) ** 2) / self.sigma**2 + 0.5 * np.sum(noise**2)

    def gradient(self, noise):
        self.gradients += 1
        return self.linear(self.linear(noise) - self.data).ravel() / self.sigma**2 + noise


@pytest.fixture(scope="session")
def toy(make_gravity):
    return WienerToy(make_gravity(8))
