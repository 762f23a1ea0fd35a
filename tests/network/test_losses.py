import keras
import numpy as np
import pytest

from halonet.network import losses


def evaluate(function, mask, foreground) -> np.ndarray:
    predicted = np.stack([foreground, 1 - foreground], axis=-1).astype("f4")
    return keras.ops.convert_to_numpy(function(np.asarray(mask, np.uint8)[..., None], predicted))


@pytest.fixture
def mask() -> np.ndarray:
    """Two samples of 8^3 voxels with 27% and 50% of them in haloes."""
    random = np.random.default_rng(4).random((2, 8, 8, 8))
    return random < np.array([0.27, 0.5])[:, None, None, None]


@pytest.fixture
def foreground() -> np.ndarray:
    return np.random.default_rng(5).random((2, 8, 8, 8)).astype("f4")


def test_a_perfect_prediction_has_dice_1_in_every_form(mask):
    for function in (losses.dice, losses.foreground_dice, losses.voxel_dice):
        np.testing.assert_allclose(evaluate(function, mask, mask.astype("f4")), 1, rtol=1e-6)


def test_an_all_background_prediction_reaches_the_floor_which_is_the_fraction_outside_haloes(mask):
    nothing = np.zeros(mask.shape, "f4")
    outside = 1 - mask.mean(axis=(1, 2, 3))
    np.testing.assert_allclose(evaluate(losses.dice, mask, nothing), outside, rtol=1e-6)
    np.testing.assert_allclose(evaluate(losses.floor, mask, nothing), outside, rtol=1e-6)
    np.testing.assert_allclose(evaluate(losses.foreground_dice, mask, nothing), 0)


def test_dice_is_equation_2_over_both_channels_and_all_voxels(mask, foreground):
    for sample in range(2):
        g = np.concatenate([mask[sample].ravel(), ~mask[sample].ravel()]).astype(float)
        p = np.concatenate([foreground[sample].ravel(), 1 - foreground[sample].ravel()]).astype(float)
        expected = 2 * g @ p / (g @ g + p @ p)
        assert evaluate(losses.dice, mask, foreground)[sample] == pytest.approx(expected, rel=1e-5)


def test_foreground_and_voxel_dice_are_their_definitions(mask, foreground):
    g, p = mask.astype(float), foreground.astype(float)
    axes = (1, 2, 3)
    expected = 2 * (g * p).sum(axes) / (g**2 + p**2).sum(axes)
    np.testing.assert_allclose(evaluate(losses.foreground_dice, mask, foreground), expected, rtol=1e-5)
    overlap = g * p + (1 - g) * (1 - p)
    expected = (2 * overlap / (1 + p**2 + (1 - p) ** 2)).mean(axes)
    np.testing.assert_allclose(evaluate(losses.voxel_dice, mask, foreground), expected, rtol=1e-5)


def test_cross_entropy_adds_minus_the_mean_logarithm_of_the_truths_probability(mask, foreground):
    foreground = 0.05 + 0.9 * foreground
    added = evaluate(losses.dice_cross_entropy_loss, mask, foreground) - evaluate(losses.dice_loss, mask, foreground)
    expected = -np.log(np.where(mask, foreground, 1 - foreground)).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(added, expected, rtol=1e-4)


def test_certain_and_wrong_is_a_finite_loss(mask):
    assert np.isfinite(evaluate(losses.dice_cross_entropy_loss, mask, 1 - mask.astype("f4"))).all()


def test_half_precision_probabilities_are_summed_in_float32():
    """In float16 a sum of 64^3 squares would overflow, and small probabilities would be lost in it."""
    mask = np.zeros((1, 64, 64, 64, 1), np.uint8)
    predicted = np.broadcast_to(np.array([0.1, 0.9], np.float16), (1, 64, 64, 64, 2))
    value = keras.ops.convert_to_numpy(losses.dice(mask, predicted))
    assert value.dtype == np.float32
    assert value[0] == pytest.approx(1.8 / (1 + 0.82), rel=1e-3)
