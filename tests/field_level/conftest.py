"""A forward model of 12^3 cells, a toy universe whose posterior is known, and targets made of it."""

import numpy as np
import pytest
from scipy import fft

from halonet.settings import CosmologySettings

COSMOLOGY = CosmologySettings()


@pytest.fixture(scope="session")
def spectrum():
    """Linear power spectrum, k (1/Mpc) and P (Mpc^3)."""
    from halonet.kept_spectra import kept_power_spectrum

    return kept_power_spectrum(COSMOLOGY)


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
        self.gravity, self.gradients = gravity, 0
        self.shape = (gravity.cells,) * 3
        rng, response = np.random.default_rng(seed), gravity.amplitude
        self.truth = rng.standard_normal(self.shape)
        data = response * fft.rfftn(self.truth) + fft.rfftn(sigma * rng.standard_normal(self.shape))
        self.precision = 1 + response**2 / sigma**2
        self.source = self.filtered(response / sigma**2, data)
        self.mean = self.filtered(1 / self.precision, fft.rfftn(self.source))

    def filtered(self, response, modes):
        return fft.irfftn(response * modes, self.shape)

    def energy(self, noise):
        return float(0.5 * noise @ (self.gradient(noise) - self.source.ravel()))

    def gradient(self, noise):
        self.gradients += 1
        return (self.filtered(self.precision, fft.rfftn(noise.reshape(self.shape))) - self.source).ravel()


@pytest.fixture(scope="session")
def toy(make_gravity):
    return WienerToy(make_gravity(6))


# Some 10^-3.5 haloes per Mpc^3 of linear bias 1.5.
ROWS = np.array([-8.7, -10.9, -2.5, 4.8, 1.0, -0.7])
THETA = np.array([0.5, 0.03, 0.01, 0.005, 0.0, 3.0, 3.0, 0.0, 0.0, 0.5, 0.2, 0.0, 0.0, 0.1, 0.05, 0.0, 0.0])


@pytest.fixture(scope="session")
def make_mock(spectrum):
    """Mock drawn from the model on a small grid, and the settings it was made with."""
    import tensorflow as tf

    from halonet.field_level.mock import make_mock
    from halonet.settings import FieldLevelSettings

    tf.config.threading.set_intra_op_parallelism_threads(1)

    def make(cells=8, cell_size=10.0, seed=3, **settings):
        settings = FieldLevelSettings(cells=cells, minimum_mass_msun=3e12, **settings)
        return make_mock(cells * cell_size, spectrum, COSMOLOGY, settings, THETA, ROWS, seed), settings

    return make
