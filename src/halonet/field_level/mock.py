"""A catalogue drawn from the model itself: its phases and bias parameters are known, and inference must find them."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from halonet.field_level.data import FieldData, make_data
from halonet.field_level.gravity import make_gravity
from halonet.initial_conditions.noise import generator
from halonet.neural_bias.fit import NeuralBiasModel, Offsets, make_model
from halonet.neural_bias.inputs import Haloes
from halonet.neural_bias.results import draw_from, positions_in
from halonet.settings import CosmologySettings, FieldLevelSettings


@dataclass(frozen=True)
class Mock:
    """A mock and its truth.

    Attributes
    ----------
    noise
        White noise behind it, shape (N, N, N).
    model, theta
        Engine with the constants it was drawn with, and its parameters, shape (parameters,).
    """

    data: FieldData
    noise: np.ndarray
    model: NeuralBiasModel
    theta: np.ndarray

    def theta_of(self, model: NeuralBiasModel) -> np.ndarray:
        """The true parameters in the constants of another model of the same layout (:func:`rebased`)."""
        return rebased(self.theta, self.model, model)


def make_mock(
    box_size: float,
    spectrum: tuple[np.ndarray, np.ndarray],
    cosmology: CosmologySettings,
    settings: FieldLevelSettings,
    theta: np.ndarray,
    rows: np.ndarray,
    seed: int,
) -> Mock:
    """Draw phases from their prior and haloes from the engine at ``theta``.

    Parameters
    ----------
    theta
        Bias parameters, shape (parameters,).
    rows
        Constants of the outputs (:class:`halonet.neural_bias.model.Offsets`), which set the global mass function.
    """
    gravity = make_gravity(*spectrum, settings.cells, box_size, cosmology, settings.lpt_order, settings.supersample)
    rng, cells = generator(seed, "field level mock"), settings.cells
    noise = rng.standard_normal((cells,) * 3)
    density = gravity.density(tf.constant(noise)).numpy()
    model = make_model(settings.engine)
    features = model.features(tf.constant(np.log(density + settings.density_floor)))
    means = features.numpy().mean(axis=1)
    model = model.with_offsets(Offsets(np.asarray(rows, float), means, model.layers[-1].outputs * np.log(2.0)))
    drawn = draw_from(model, theta, features, np.full(cells**3, (box_size / cells) ** 3), rng)
    positions = positions_in(drawn.voxels, cells, box_size, rng)
    haloes = Haloes(positions, settings.minimum_mass_msun * np.exp(drawn.log_mass))
    truth = {"linear": gravity.linear_density(tf.constant(noise)).numpy(), "density": density}
    data = make_data(haloes, box_size, spectrum, cosmology, settings, seed, truth)
    return Mock(data, noise, model, np.asarray(theta, float))


def rebased(theta: np.ndarray, model: NeuralBiasModel, other: NeuralBiasModel) -> np.ndarray:
    """Parameters, shape (parameters,), that make of ``other`` the same mass function as ``theta`` makes of ``model``.

    Both are engines of one layer and of one layout; their constants differ.
    """
    if not model.is_pointwise or model.dense or model.shapes != other.shapes:
        raise ValueError("parameters can be rebased between engines of one layer, without dense layers, of one layout")
    blocks = {name: np.array(block) for name, block in model.unpack(np.asarray(theta, float)).items()}
    old, new = model.known_offsets, other.known_offsets
    weights = [block for name, block in blocks.items() if name.startswith("layer0.l")]
    shift = new.feature_means - old.feature_means
    start, moved = 0, []
    for block in weights:
        moved.append(block @ shift[start : start + block.shape[1]])
        start += block.shape[1]
    blocks["layer0.bias"] = blocks["layer0.bias"] + np.concatenate(moved)
    rows = (old.rows - new.rows).reshape(3, -1)
    for name, constants in zip(("amplitude", "mean", "width"), rows, strict=True):
        slope = blocks[f"{name}.weights"][0] * (new.summary - old.summary)
        blocks[f"{name}.bias"] = blocks[f"{name}.bias"] + constants + slope
    return np.concatenate([blocks[name].ravel() for name in model.shapes])
