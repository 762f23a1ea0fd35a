import keras
import numpy as np
import pytest

from halonet.network.stages import Schedule, build_optimizer
from halonet.settings import TrainingStageSettings


def rates(schedule, steps) -> np.ndarray:
    return np.array([float(keras.ops.convert_to_numpy(schedule(step))) for step in range(steps)])


def test_a_constant_rate_stays():
    np.testing.assert_allclose(rates(Schedule(0.1, 50, 0, cosine=False), 60), 0.1, rtol=1e-6)


def test_warm_up_rises_in_equal_steps_to_the_full_rate():
    schedule = Schedule(0.1, 50, 10, cosine=False)
    np.testing.assert_allclose(rates(schedule, 12), 0.1 * np.minimum(np.arange(1, 13) / 10, 1), rtol=1e-6)


def test_a_cosine_falls_from_the_full_rate_to_zero():
    found = rates(Schedule(0.2, 110, 10, cosine=True), 111)
    expected = 0.1 * (1 + np.cos(np.pi * np.arange(101) / 100))
    np.testing.assert_allclose(found[10:], expected, atol=1e-7)
    assert found.max() == pytest.approx(0.2)


def test_the_papers_stages_are_sgd_with_their_momentum():
    stage = TrainingStageSettings(learning_rate=0.1, momentum=0.4, epochs=1)
    optimizer = build_optimizer(stage, 10, "float32")
    assert isinstance(optimizer, keras.optimizers.SGD)
    assert (optimizer.momentum, optimizer.weight_decay, optimizer.global_clipnorm) == (0.4, None, None)


def test_adamw_takes_its_settings():
    stage = TrainingStageSettings(
        optimizer="adamw", learning_rate=0.002, weight_decay=1e-4, beta_2=0.99, clip_norm=1.0, steps=10
    )
    optimizer = build_optimizer(stage, 10, "float32")
    assert isinstance(optimizer, keras.optimizers.AdamW)
    assert (optimizer.weight_decay, optimizer.beta_2, optimizer.global_clipnorm) == (1e-4, 0.99, 1.0)


def test_adamw_without_decay_moves_weights_as_with_a_decay_by_nothing_bit_for_bit():
    stage = TrainingStageSettings(optimizer="adamw", learning_rate=0.01, steps=5)
    moved = []
    for optimizer in (build_optimizer(stage, 5, "float32"), keras.optimizers.AdamW(0.01, weight_decay=0.0)):
        weight = keras.Variable(np.linspace(-1, 1, 7, dtype="f4"))
        for step in range(5):
            optimizer.apply([keras.ops.sin(weight + step)], [weight])
        moved.append(keras.ops.convert_to_numpy(weight))
    np.testing.assert_array_equal(*moved)
    assert np.abs(moved[0] - np.linspace(-1, 1, 7)).max() > 0.01


def test_float16_gradients_are_scaled():
    stage = TrainingStageSettings(learning_rate=0.1, steps=1)
    assert isinstance(build_optimizer(stage, 1, "mixed_float16"), keras.optimizers.LossScaleOptimizer)


def test_a_gradient_longer_than_the_clip_norm_is_shortened_to_it():
    stage = TrainingStageSettings(learning_rate=1.0, clip_norm=1.0, steps=5)
    weights = [keras.Variable(np.zeros(3, "f4")), keras.Variable(np.zeros(4, "f4"))]
    build_optimizer(stage, 5, "float32").apply([keras.ops.full((3,), 10.0), keras.ops.full((4,), 10.0)], weights)
    moved = np.concatenate([keras.ops.convert_to_numpy(weight) for weight in weights])
    assert np.linalg.norm(moved) == pytest.approx(1, rel=1e-5)
