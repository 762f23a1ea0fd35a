"""A small density and models with hand-set constants."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter


@pytest.fixture(scope="session")
def field():
    """ln(rho) of a smooth random field on 12^3 cells."""
    rng = np.random.default_rng(4)
    smooth = gaussian_filter(rng.standard_normal((12, 12, 12)), 1.0, mode="wrap")
    return 0.7 * smooth / smooth.std()


@pytest.fixture(scope="session")
def make_model(field):
    """Model whose theta = 0 is a fixed mass function of a few hundredths of a halo per Mpc^3."""
    import tensorflow as tf

    from halonet.neural_bias.constants import Offsets
    from halonet.neural_bias.model import NeuralBiasModel

    def make(rows=(-4.0, -5.0, -1.5, 1.0, 1.0, 0.0), **choices):
        model = NeuralBiasModel(**choices)
        means = model.features(tf.constant(field, tf.float64)).numpy().mean(axis=1)
        means = np.concatenate([means, np.zeros(model.carried)])
        return model.with_offsets(Offsets(np.array(rows), means, np.log(2.0)))

    return make
