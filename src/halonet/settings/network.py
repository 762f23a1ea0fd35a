"""Settings of dataset, networks, training and prediction."""

import math
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from halonet.settings.base import Fraction, Model
from halonet.settings.channels import ChannelSettings
from halonet.settings.heads import HEADS
from halonet.settings.paths import GivenPath, Launcher
from halonet.settings.teacher import TeacherSettings


class DatasetSettings(Model):
    """Sub-volumes of the boxes."""

    window: int = Field(128, ge=8, description="cells along a side of a sub-volume")
    split_by: Literal["box", "subvolume"] = "box"
    validation_fraction: Fraction = Field(0.125, description="of the sub-volumes, when the split is by sub-volume")


class TrainingStageSettings(Model):
    """One stage of a training schedule. Its length is given in epochs or in steps."""

    optimizer: Literal["sgd", "adamw"] = "sgd"
    learning_rate: float = Field(gt=0)
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: Fraction = Field(0.0, description="fraction of the stage over which the learning rate rises from zero")
    momentum: Fraction = 0.0
    weight_decay: float = Field(0.0, ge=0)
    beta_2: Fraction = 0.999
    clip_norm: float | None = Field(None, gt=0)
    dropout: Fraction = 0.0
    loss: Literal["dice", "dice_cross_entropy"] = "dice"
    boxes: int | None = Field(None, ge=1, description="train on the first so many training boxes only")
    epochs: int | None = Field(None, ge=1)
    steps: int | None = Field(None, ge=1)
    batch_size: int = Field(3, ge=1)
    window: int | None = Field(None, ge=8, description="cells along a side of a sample; null: the network's window")

    @model_validator(mode="after")
    def _has_one_length(self) -> Self:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("a training stage needs either epochs or steps, and not both")
        return self


class HeadSettings(Model):
    """An output beside the probability, and how much its loss counts beside that of the probability."""

    weight: float = Field(1.0, gt=0, allow_inf_nan=False)


class HeadsSettings(Model):
    """Outputs that tell a cell which halo it belongs to (:mod:`halonet.network.heads`); none without the keys."""

    centre_offset: HeadSettings | None = Field(None, description=HEADS["centre_offset"].description)
    log_radius: HeadSettings | None = Field(None, description=HEADS["log_radius"].description)

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each head that there is, by name."""
        return {name: head.weight for name, head in self if head}

    @property
    def vote(self) -> bool:
        """Whether there is all that haloes are found from by votes."""
        return self.weights.keys() == HEADS.keys()


class NetworkSettings(Model):
    """A network, its input and its training schedule: all that decides its weights besides data and seed."""

    architecture: Literal["vnet", "unet"] = "vnet"
    levels: int = Field(5, ge=1, le=8, description="how often the resolution is halved")
    filters: int = Field(16, ge=1)
    kernel: int = Field(5, ge=1)
    convolutions: int = Field(3, ge=1)
    activation: Literal["leaky_relu", "prelu"] = "leaky_relu"
    batch_normalisation: bool = False
    window: int = Field(128, ge=8, description="cells along a side of a training sample")
    normalisation: Literal["global", "individual", "threshold"] = Field(
        "global",
        description="what the density is divided by: the deviation of the training boxes, that of each box, or the "
        "overdensity at which a sphere collapses",
    )
    augmentation: Literal["none", "reflections", "cube"] = "reflections"
    channels: ChannelSettings = ChannelSettings()
    heads: HeadsSettings = HeadsSettings()
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    start_from: GivenPath | None = Field(
        None,
        description="one of `networks`, or the folder of a trained network, whose weights training begins with; heads "
        "and channels may be new, all else must be its own",
    )
    teacher: TeacherSettings | None = None
    stages: list[TrainingStageSettings] = Field(min_length=1)
    validation_interval: int = Field(1000, ge=1, description="steps between validations")
    validation_windows: int | None = Field(None, ge=1, description="validate on the first so many windows")

    @model_validator(mode="after")
    def _fits_its_window(self) -> Self:
        for window in {self.window, *map(self.window_of, self.stages)}:
            if window % 2**self.levels:
                raise ValueError(
                    f"window {window} cannot be halved {self.levels} times; a network of {self.levels} levels needs a "
                    f"multiple of {2**self.levels}"
                )
            if self.activation == "prelu" and window != self.window:
                raise ValueError(
                    f"window {window} of a stage is not the network's, {self.window}, to which prelu's slopes are tied"
                )
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel {self.kernel} is even; a cell-centred convolution needs an odd kernel")
        return self

    @model_serializer(mode="wrap")
    def _as_ever(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Networks without heads, start or teacher keep the record, and its digests, from before there were any."""
        values = serialise(self)
        without = {"heads": not self.heads.weights, "start_from": not self.start_from, "teacher": not self.teacher}
        return {name: value for name, value in values.items() if not without.get(name)}

    @property
    def needed_networks(self) -> list[str]:
        """Networks, by name or folder, that have to be trained before this one."""
        return [name for name in (self.start_from, self.teacher and self.teacher.network) if name]

    def window_of(self, stage: TrainingStageSettings) -> int:
        """Cells along a side of the samples of a stage."""
        return stage.window or self.window


class TrainingSettings(Model):
    """How a training job runs; changes no weight, but for rounding where ranks share the batches."""

    option: ClassVar[str] = "--training"
    checkpoint_minutes: float = Field(10.0, gt=0)
    threads: int = Field(2, ge=1)
    gpus: int = Field(0, ge=0, description="of each rank")
    ranks: int = Field(1, ge=1, description="MPI ranks that share every batch")
    launcher: Launcher = Field("mpiexec", description="what starts MPI ranks, like 'srun --mpi=pmi2'")

    @model_validator(mode="after")
    def _has_one_gpu_per_rank(self) -> Self:
        if self.ranks > 1 and self.gpus > 1:
            raise ValueError(
                f"gpus {self.gpus} of each of {self.ranks} ranks; give every GPU a rank of its own, gpus 1"
            )
        return self


Precision = Literal["float32", "fastest"]


class PredictionSettings(Model):
    """Tiled prediction: tiles overlap, and ``buffer`` cells are trimmed from each face (paper, section 3.3)."""

    tile: int = Field(128, ge=8)
    width: int | None = Field(
        None, ge=8, description="cells of a tile along y and z, where it is no cube; it takes more memory and less time"
    )
    buffer: int = Field(32, ge=0)
    blend: int = Field(0, ge=0, description="cells of the buffer in which neighbouring tiles fade into each other")
    average: Literal["none", "reflections", "cube"] = Field(
        "none", description="mean of the predictions of every tile under these symmetries, 1, 8 or 48 of them"
    )

    precision: Precision = Field(
        "float32",
        description="of the network: `fastest` takes whole numbers of eight bits where the network has them, and for "
        "the rest bfloat16 on processors that have it",
    )

    @property
    def sides(self) -> tuple[int, int, int]:
        """Cells of a tile along each axis."""
        return self.tile, self.width or self.tile, self.width or self.tile

    @property
    def tile_cells(self) -> int:
        """Cells of a tile, its buffers included."""
        return math.prod(self.sides)

    @property
    def overlap(self) -> float:
        """Cells of a tile over those of its core: how many times the box is predicted."""
        return self.tile_cells / math.prod(side - 2 * self.buffer for side in self.sides)

    @property
    def named_sides(self) -> dict[str, int]:
        """Cells of a tile by the names of the settings that say them."""
        return {"tile": self.tile} | ({} if self.width is None else {"width": self.width})

    @property
    def trimmed(self) -> int:
        """Cells that a tile's prediction loses at every face."""
        return self.buffer - self.blend

    @model_validator(mode="after")
    def _leaves_a_core(self) -> Self:
        if 2 * self.buffer >= self.tile:
            raise ValueError(f"buffer {self.buffer} is not smaller than half of tile {self.tile}")
        core = self.tile - 2 * self.buffer
        if self.blend > min(self.buffer, core // 2):
            raise ValueError(f"blend {self.blend} exceeds the buffer, {self.buffer}, or half of the core, {core}")
        if self.width is not None and (self.width < self.tile or self.average == "cube"):
            raise ValueError(
                f"width {self.width} is smaller than tile {self.tile}, or its tiles are to be turned (average cube)"
            )
        return self
