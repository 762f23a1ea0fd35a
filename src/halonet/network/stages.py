"""What a training stage of the settings means in Keras: optimizer, learning rate, loss."""

import math

import keras
from keras import ops

from halonet.network.heads import measures, training_loss
from halonet.settings import HeadsSettings, TrainingStageSettings


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """Learning rate that rises linearly from zero, then stays constant or falls to zero as a half cosine.

    Parameters
    ----------
    peak
        Learning rate at the end of the warm-up.
    steps, warmup_steps
        Steps of the whole stage and of its warm-up.
    cosine
        Fall as a half cosine after the warm-up.
    """

    def __init__(self, peak: float, steps: int, warmup_steps: int, cosine: bool) -> None:
        self.peak, self.steps, self.warmup_steps, self.cosine = peak, steps, warmup_steps, cosine

    def __call__(self, step: keras.KerasTensor) -> keras.KerasTensor:
        """Learning rate of the update after ``step`` updates."""
        step = ops.cast(step, "float32")
        rate = ops.ones_like(step) * self.peak
        if self.cosine:
            fraction = (step - self.warmup_steps) / max(self.steps - self.warmup_steps, 1)
            rate = rate * 0.5 * (1 + ops.cos(math.pi * ops.clip(fraction, 0, 1)))
        return ops.where(step < self.warmup_steps, self.peak * (step + 1) / max(self.warmup_steps, 1), rate)

    def get_config(self) -> dict:
        """Arguments of the constructor."""
        return {
            "peak": self.peak,
            "steps": self.steps,
            "warmup_steps": self.warmup_steps,
            "cosine": self.cosine,
        }


def build_optimizer(stage: TrainingStageSettings, steps: int, precision: str) -> keras.optimizers.Optimizer:
    """Optimizer of a stage of ``steps`` steps; float16 gradients are scaled so that they do not vanish."""
    warmup = round(stage.warmup * steps)
    rate = Schedule(stage.learning_rate, steps, warmup, stage.schedule == "cosine")
    common = {
        "learning_rate": rate,
        "weight_decay": stage.weight_decay or None,
        "global_clipnorm": stage.clip_norm,
    }
    if stage.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(momentum=stage.momentum, **common)
    else:
        # Decay by nothing would be computed for every variable in every step.
        adam = keras.optimizers.AdamW if stage.weight_decay else keras.optimizers.Adam
        optimizer = adam(**common, beta_2=stage.beta_2)
    return keras.optimizers.LossScaleOptimizer(optimizer) if precision == "mixed_float16" else optimizer


def compile_for(
    model: keras.Model, stage: TrainingStageSettings, steps: int, precision: str, heads: HeadsSettings | None = None
) -> None:
    """Compile ``model``, which has ``heads``, for a stage; its losses and measures give one value per sample."""
    heads = heads or HeadsSettings()
    # XLA slows 3-D convolutions down under TensorFlow on CPUs and fails under a distribution strategy.
    jit = False if keras.backend.backend() == "tensorflow" else "auto"
    model.compile(
        optimizer=build_optimizer(stage, steps, precision),
        loss=training_loss(stage.loss, heads),
        metrics=list(measures(heads)),
        jit_compile=jit,
    )
    model.optimizer.build(model.trainable_variables)
