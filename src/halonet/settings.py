"""Typed settings: one model per stage, validated when the workflow starts.

``config.yaml`` is the only place where a user sets science. Every stage's script takes its own model as JSON, so that a
stage depends on nothing but what stands in its model. Lengths are comoving Mpc without h, masses solar masses.
"""

import json
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

Fraction = Annotated[float, Field(ge=0, le=1)]
Radius = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]


class SettingsError(ValueError):
    """A setting that cannot be used; the message names its key, its value and what would be right."""


class Model(BaseModel):
    """Frozen settings: an unknown key is an error, and text is never taken for a number or a truth value."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


M = TypeVar("M", bound=Model)


class RunSettings(Model):
    """What identifies a run: its results stand under ``<results>/<name>/``."""

    name: Name
    seed: int = Field(ge=0, lt=2**63)
    results: str = "results"
    networks: list[Name] = Field(min_length=1, description="which of the networks below are trained and compared")
    neural_bias: bool = Field(True, description="false: neither `all` nor the report has the neural bias model")
    keep_density: bool = Field(True, description="false: density.h5 is deleted once nothing needs it")
    keep_probability: bool = Field(True, description="false: predicted probabilities are deleted after use")


class CosmologySettings(Model):
    """Flat LambdaCDM and the redshift of the output (HaloNet paper, section 3.1)."""

    h: float = Field(0.7, gt=0, lt=2)
    omega_b: float = Field(0.043, gt=0, lt=1)
    omega_cdm: float = Field(0.207, gt=0, lt=1)
    n_s: float = Field(0.96, gt=0, lt=2)
    sigma8: float = Field(0.8, gt=0, lt=3)
    redshift: float = Field(0.0, ge=0, le=50)

    @property
    def omega_m(self) -> float:
        """Matter density today in units of the critical density."""
        return self.omega_b + self.omega_cdm

    @model_validator(mode="after")
    def _is_flat(self) -> Self:
        if self.omega_m >= 1:
            raise ValueError(f"omega_b + omega_cdm is {self.omega_m}; flat LambdaCDM needs less than 1")
        return self


class BoxSettings(Model):
    """The boxes: first the training boxes, then the validation boxes, the last ones are the test set."""

    count: int = Field(ge=1)
    validation: int = Field(ge=0, description="boxes held back from training when the split is by box")
    test: int = Field(ge=1)
    cells: int = Field(ge=8, description="cells along a side")
    box_size_mpc: float = Field(gt=0)

    @model_validator(mode="after")
    def _has_training_boxes(self) -> Self:
        if self.validation + self.test >= self.count:
            raise ValueError(f"validation {self.validation} + test {self.test} leave none of the {self.count} boxes")
        return self

    @property
    def cell_size(self) -> float:
        """Side of a cell (Mpc)."""
        return self.box_size_mpc / self.cells


class FilterBankSettings(Model):
    """Top-hat radii on which density peaks are sought."""

    smallest_cells: float = Field(2.0, gt=0)
    ratio: float = Field(1.2, gt=1)
    largest_mpc: float = Field(34.0, gt=0)


class PeakPatchSettings(Model):
    """Peak Patch (Bond & Myers 1996; Stein, Alvarez & Bond 2018); defaults are those of the HaloNet catalogues.

    ``published`` search reproduces the logic behind the published catalogues, ``corrected`` the method as designed.
    """

    search: Literal["published", "corrected"] = "published"
    reduction: Literal["shared", "smaller"] = "shared"
    final_state_exclusion: float | None = Field(0.1868, gt=0)
    filters: FilterBankSettings = FilterBankSettings()
    largest_sphere_cells: int = Field(31, ge=2)
    minimum_cells: float = Field(27.0, ge=0, description="haloes smaller than this volume (cells) are left out")
    collapse_table: Literal["published", "fine"] = "published"


def _names_boxes(pattern: str) -> str:
    if "{box}" not in pattern or set("{}") & set(pattern.replace("{box}", "")):
        raise ValueError("{box} must stand where the name of a box (000, 001, ...) does, and no other braces")
    return pattern


BoxFiles = Annotated[str, AfterValidator(_names_boxes)]


class TruthFilesSettings(Model):
    """A user's own truth: HDF5 files of each box, with ``{box}`` in place of its name (000, 001, ...).

    Paths are relative to the folder in which the workflow runs. Their layout is that of the project's own files.
    """

    density: BoxFiles = Field(description="linear density, extrapolated to cosmology.redshift")
    haloes: BoxFiles | None = Field(None, description="Lagrangian spheres; without a mask, their union is the mask")
    mask: BoxFiles | None = Field(None, description="1 where a cell ends in a halo; alone, it is no catalogue")

    @model_validator(mode="after")
    def _tells_the_truth(self) -> Self:
        if self.haloes is None and self.mask is None:
            raise ValueError("neither haloes nor mask is given; the truth is at least one of them")
        return self


class GroundTruthSettings(Model):
    """Where true haloes come from: ``peak_patch`` finds them in densities drawn here, ``files`` are a user's own."""

    source: Literal["peak_patch", "files"] = "peak_patch"
    files: TruthFilesSettings | None = None
    ranks: int = Field(1, ge=1, description="MPI ranks of one box; changes no result")
    launcher: str = Field("mpiexec", description="what starts MPI ranks, like 'srun --mpi=pmi2'; changes no result")
    peak_patch: PeakPatchSettings = PeakPatchSettings()

    @property
    def has_haloes(self) -> bool:
        """Whether the truth has a catalogue; a user's mask alone has none."""
        return self.files is None or self.files.haloes is not None

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if self.source == "files" and self.files is None:
            raise ValueError("source is 'files', but the key files is missing; it says where density, haloes, mask are")
        if self.source == "peak_patch" and self.files is not None:
            raise ValueError("files are given, but source is 'peak_patch'; set source to 'files', or files to null")
        return self


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


class ChannelSettings(Model):
    """Input channels beside the density, computed from a whole periodic box (:mod:`halonet.dataset.channels`)."""

    smoothing_cells: list[Radius] = Field([], description="radii of top-hat smoothed densities (cells)")
    shear_cells: list[Radius] = Field([], description="top-hat radii of the shear amplitudes (cells)")

    @property
    def count(self) -> int:
        """Number of channels, without the density."""
        return len(self.smoothing_cells) + len(self.shear_cells)

    def check_box(self, cells: int) -> None:
        """Refuse a radius that a periodic box of ``cells``^3 cells cannot hold."""
        for name, radii in self.model_dump().items():
            if radii and 2 * max(radii) > cells:
                raise SettingsError(
                    f"channels.{name} = {radii}: a radius of {max(radii)} cells is larger than half of a box of "
                    f"{cells} cells"
                )

    @model_validator(mode="after")
    def _differ(self) -> Self:
        for name, radii in self.model_dump().items():
            if len(set(radii)) < len(radii):
                raise ValueError(f"{name} {radii} names a radius twice")
        return self


class HeadSettings(Model):
    """An output beside the probability, and how much its loss counts beside that of the probability."""

    weight: float = Field(1.0, gt=0, allow_inf_nan=False)


class HeadsSettings(Model):
    """Outputs that tell a cell which halo it belongs to (:mod:`halonet.network.heads`); none without the keys."""

    centre_offset: HeadSettings | None = Field(None, description="vector to the centre of the cell's halo (cells)")
    log_radius: HeadSettings | None = Field(None, description="ln of its Lagrangian radius in cells")

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each head that there is, by name."""
        return {name: head.weight for name, head in self if head}

    @property
    def vote(self) -> bool:
        """Whether there is all that haloes are found from by votes."""
        return bool(self.centre_offset and self.log_radius)


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
    normalisation: Literal["global", "individual"] = "global"
    augmentation: Literal["none", "reflections", "cube"] = "reflections"
    channels: ChannelSettings = ChannelSettings()
    heads: HeadsSettings = HeadsSettings()
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
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
    def _without_heads_as_ever(self, serialise: SerializerFunctionWrapHandler) -> dict:
        """Networks without heads keep the record, and with it the digests, that they had before there were any."""
        values = serialise(self)
        if not self.heads.weights:
            values.pop("heads", None)
        return values

    def window_of(self, stage: TrainingStageSettings) -> int:
        """Cells along a side of the samples of a stage."""
        return stage.window or self.window


class TrainingSettings(Model):
    """How a training job runs; changes no weight, but for rounding where ranks share the batches."""

    checkpoint_minutes: float = Field(10.0, gt=0)
    threads: int = Field(2, ge=1)
    gpus: int = Field(0, ge=0, description="of each rank")
    ranks: int = Field(1, ge=1, description="MPI ranks that share every batch")
    launcher: str = Field("mpiexec", description="what starts MPI ranks, like 'srun --mpi=pmi2'")

    @model_validator(mode="after")
    def _has_one_gpu_per_rank(self) -> Self:
        if self.ranks > 1 and self.gpus > 1:
            raise ValueError(
                f"gpus {self.gpus} of each of {self.ranks} ranks; give every GPU a rank of its own, gpus 1"
            )
        return self


class JobSettings(Model):
    """How much a job asks for, beside what was measured; changes no result."""

    # A profile gives these by --config, in which Snakemake takes every number within braces for text.
    model_config = ConfigDict(strict=False)

    boxes_per_job: int = Field(1, ge=1, description="in a job of the target `batches`")
    memory_factor: float = Field(1.0, gt=0, description="times the measured memory; every retry doubles it")
    time_factor: float = Field(1.0, gt=0, description="times the measured run time; every retry doubles it")
    largest_memory_mb: int | None = Field(None, ge=500, description="no job asks for more; null: no limit")
    longest_minutes: int | None = Field(None, ge=1, description="no job asks for more; null: no limit")
    gpu_tflops: float = Field(2.5, gt=0, description="10^12 operations per second that training reaches on one GPU")
    core_tflops: float = Field(0.04, gt=0, description="the same of one CPU core")


class PredictionSettings(Model):
    """Tiled prediction: tiles overlap, and ``buffer`` cells are trimmed from each face (paper, section 3.3)."""

    tile: int = Field(128, ge=8)
    buffer: int = Field(32, ge=0)
    blend: int = Field(0, ge=0, description="cells of the buffer in which neighbouring tiles fade into each other")
    average: Literal["none", "reflections", "cube"] = Field(
        "none", description="mean of the predictions of every tile under these symmetries, 1, 8 or 48 of them"
    )

    @model_validator(mode="after")
    def _leaves_a_core(self) -> Self:
        if 2 * self.buffer >= self.tile:
            raise ValueError(f"buffer {self.buffer} is not smaller than half of tile {self.tile}")
        core = self.tile - 2 * self.buffer
        if self.blend > min(self.buffer, core // 2):
            raise ValueError(f"blend {self.blend} exceeds the buffer, {self.buffer}, or half of the core, {core}")
        return self


class ShellThresholdSettings(Model):
    """Mean probability at which a halo of radius R ends, piecewise linear in R (cells), broken at ``break_cells``."""

    inner_slope: float = 0.044
    inner_value: float = 0.31
    outer_slope: float = 0.0045
    outer_value: float = 0.57
    break_cells: float = Field(6.7, gt=0)


class SphereFitSettings(Model):
    """Fit of spheres to the probability, from the haloes that the paper's finder has found."""

    own_fraction: Fraction | Literal["calibrated"] = Field(
        0.65, description="least part of a halo's volume that its own cells must hold"
    )
    reach: Annotated[float, Field(gt=1)] | Literal["calibrated"] = Field(
        1.45, description="distance up to which a halo claims cells, in its radius"
    )
    rounds: int = Field(6, ge=1, description="of the fit; each drops, moves and resizes haloes")


class VoteSettings(Model):
    """Object finder of :mod:`halonet.halo_finding.vote_finder`, for a network that has both heads."""

    least_probability: Fraction = Field(0.3, description="cells below do not vote")
    scale: float = Field(0.6, gt=0, le=2, description="kernel with which votes are counted, in predicted radii")
    smallest_scale_cells: float = Field(1.5, gt=0.5, le=8, description="least kernel (cells)")
    least_peak: float = Field(0.03, gt=0, description="count of votes from which on a maximum is a candidate")
    reach: float = Field(0.85, gt=0, le=2, description="farthest a vote is from its halo, in predicted radii")
    radius_weight: float = Field(1.0, ge=0, description="a difference of ln radius, as a distance in radii")
    exclusion: float = Field(1.0, ge=0, le=2, description="a halo this close to a larger one, in its radii, is dropped")
    least_votes: float = Field(0.3, ge=0.1, description="of a halo, where a complete one has 1")
    rounds: int = Field(3, ge=1, description="of competition for the votes")


class HaloFindingSettings(Model):
    """Halo finder of section 4 of the paper. ``calibrated`` thresholds are fitted on calibration boxes."""

    finder: Literal["paper", "fitted", "votes"] = Field(
        "paper",
        description="fitted: spheres fitted to the probability, after the paper's search; votes: by the cells' votes, "
        "for networks that have both heads (others: fitted)",
    )
    beside: Literal["paper", "fitted"] | None = Field(
        None, description="a second finder, whose haloes are compared with the truth beside those of the first"
    )
    sphere_fit: SphereFitSettings = SphereFitSettings()
    votes: VoteSettings | Literal["calibrated"] = VoteSettings()
    peak_thresholds: list[Fraction] | Literal["calibrated"] = [0.9999, 0.99, 0.975]
    shell_threshold: ShellThresholdSettings | Literal["calibrated"] = ShellThresholdSettings()
    calibrate_on: Literal["training", "validation"] = "validation"
    calibration_boxes: int = Field(4, ge=1)
    calibration_cells: int = Field(100, ge=1, description="haloes above this volume decide on the peak thresholds")
    calibration_centre: Fraction = Field(
        0.0, description="true haloes of a lower central probability do not count in the fit of the shell threshold"
    )
    calibration_shifts: list[float] = Field(
        [0.0], min_length=1, description="paper's finder: added to the fitted shell threshold; the best one is taken"
    )
    calibration_tolerance: Fraction = Field(
        0.04, description="paper's finder: thresholds that score this close are told apart by their mass function"
    )
    minimum_cells: int = Field(27, ge=1, description="smaller haloes are left out of the catalogue")

    @property
    def needs_calibration(self) -> bool:
        """Whether boxes of known truth must be predicted before haloes can be found."""
        if self.finder == "votes":
            return self.votes == "calibrated"
        fit = (self.sphere_fit.own_fraction, self.sphere_fit.reach) if self.finder == "fitted" else ()
        return "calibrated" in (self.peak_thresholds, self.shell_threshold, *fit)

    def of_network(self, network: NetworkSettings) -> Self:
        """The same for the haloes of a network, of whom only those with both heads have votes."""
        return self.by(self.finder if network.heads.vote or self.finder != "votes" else "fitted")

    def by(self, finder: str) -> Self:
        """The same with one finder, and none beside it."""
        return self.model_copy(update={"finder": finder, "beside": None})

    @model_validator(mode="after")
    def _descends(self) -> Self:
        thresholds = self.peak_thresholds
        if thresholds != "calibrated" and (not thresholds or thresholds != sorted(set(thresholds), reverse=True)):
            raise ValueError(f"peak_thresholds {thresholds} must descend, like 0.9999, 0.99, 0.975")
        return self


class StatisticsSettings(Model):
    """Comparison with the truth, on the test boxes."""

    minimum_cells: int = Field(100, ge=1, description="only haloes above this volume are compared")
    radius_tolerance: Fraction = Field(0.25, description="largest relative difference of radii of a matched pair")
    number_cuts: list[float] = Field(
        [3000.0, 15000.0], description="most massive haloes per (512 Mpc)^3, scaled by volume"
    )
    assignment: Literal["nearest", "cloud_in_cell"] = "nearest"
    mass_classes_msun: list[Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(
        [3.2e12, 1e13, 1e14], min_length=3, max_length=3, description="least masses of galaxies, groups and clusters"
    )
    radial_zones: list[Annotated[float, Field(gt=0, lt=1)]] = Field(
        [0.3, 0.6], min_length=2, max_length=2, description="outer limits of inner and middle cells (halo radii)"
    )

    @model_validator(mode="after")
    def _ascends(self) -> Self:
        for name in ("mass_classes_msun", "radial_zones"):
            values = getattr(self, name)
            if values != sorted(set(values)):
                raise ValueError(f"{name} {values} must ascend")
        return self


class EngineLayerSettings(Model):
    """A convolutional layer of the neural physical engine: its kernel and how many filters of each multipole."""

    kernel: int = Field(3, ge=1, le=9, description="cells along a side, odd")
    ell: list[Annotated[int, Field(ge=0, le=8)]] = Field([0], min_length=1)
    filters: list[Annotated[int, Field(ge=1)]] = Field([1], min_length=1, description="number of filters of each ell")

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel {self.kernel} must be odd")
        if len(self.ell) != len(self.filters) or len(set(self.ell)) != len(self.ell):
            raise ValueError(
                f"filters {self.filters} must give one number for each of ell {self.ell}, none of them twice"
            )
        return self


class EngineSettings(Model):
    """The neural bias model (Charnock et al. 2020); the paper had ``offsets: paper`` and ``mean_gap: relu``."""

    layers: list[EngineLayerSettings] = Field([EngineLayerSettings()], min_length=1)
    dense: list[Annotated[int, Field(ge=1)]] = Field(
        [], description="widths of dense layers between engine and mixture"
    )
    components: int = Field(2, ge=1, le=8, description="Gaussians of the mass function")
    boundary: Literal["wrap", "valid"] = "wrap"
    invariant: bool = Field(False, description="feed multipoles l > 0 as rotation-invariant powers")
    centre: bool = Field(True, description="measure responses and summaries from their mean")
    offsets: Literal["fit", "paper"] = "fit"
    mean_gap: Literal["softplus", "relu"] = "softplus"
    minimum_width: float = Field(0.05, ge=0, description="least width of a Gaussian in ln mass")
    prior_width: float = Field(10.0, gt=0)


class SamplerSettings(Model):
    """Chains of the neural bias model's parameters."""

    kind: Literal["frozen_metric", "quasi_newton", "hmc"] = "frozen_metric"
    chains: int = Field(4, ge=1, le=64)
    warmup: int = Field(400, ge=0, description="transitions, not kept, during which metric and step size are learnt")
    samples: int = Field(1500, ge=8)
    thinning: int = Field(1, ge=1, description="transitions between samples")
    acceptance: float = Field(0.8, gt=0, lt=1, description="goal of the step size")
    first_step: float = Field(0.1, gt=0, description="first step size; for quasi_newton its largest")
    trajectory: float = Field(1.5, gt=0, description="mean duration of a trajectory, in units of the posterior's width")
    most_steps: int = Field(64, ge=1)
    inverse_mass: float = Field(1000.0, gt=0, description="quasi_newton: M^-1 of every parameter")
    adapt_always: bool = Field(False, description="quasi_newton: never freeze the inverse Hessian, as was done")
    guide_points: int | None = Field(
        None,
        ge=16,
        description="points that stand for all voxels, and for all haloes, in gradients; null: all of them",
    )
    checkpoint_interval: int = Field(250, ge=1, description="transitions between checkpoints")

    @property
    def transitions(self) -> int:
        """Transitions of a whole chain."""
        return self.warmup + self.samples * self.thinning


class NeuralBiasSettings(Model):
    """Halo mass function of every environment, inferred from the density and the haloes of one box."""

    box: int | None = Field(None, ge=0, description="index of the box; null: the first test box")
    cells: int = Field(64, ge=4, description="cells along a side of the engine's grid")
    minimum_mass_msun: float = Field(3.4e12, gt=0, description="haloes below are left out")
    maximum_mass_msun: float | None = Field(None, gt=0)
    lpt_order: Literal[1, 2] = 2
    supersample: int = Field(2, ge=1, le=4, description="particles per cell along a side")
    density_floor: float = Field(
        0.01, gt=0, description="added to the density, in units of the mean, under the logarithm"
    )
    engine: EngineSettings = EngineSettings()
    sampler: SamplerSettings = SamplerSettings()
    precision: Literal["float32", "float64"] = "float32"
    draws: int = Field(2, ge=0, description="halo catalogues drawn from posterior samples")
    ablation_kernels: list[Annotated[int, Field(ge=1, le=9)]] = Field([1, 3, 5], description="fitted for comparison")

    @model_validator(mode="after")
    def _has_a_mass_range(self) -> Self:
        if self.maximum_mass_msun is not None and self.maximum_mass_msun <= self.minimum_mass_msun:
            raise ValueError(
                f"maximum_mass_msun = {self.maximum_mass_msun} must exceed minimum_mass_msun = {self.minimum_mass_msun}"
            )
        return self


class MockSettings(Model):
    """Mock catalogues from a trained network, and their mean and covariance."""

    count: int = Field(10, ge=1)
    first_seed: int = Field(1, ge=0, lt=2**62, description="the mocks have this seed and those that follow it")
    box_size_mpc: float = Field(256.0, gt=0, allow_inf_nan=False)
    cells: int = Field(256, ge=16, description="cells along a side")
    network: str = Field(
        "networks/vnet-small-channels", description="one of run.networks, or the folder of a trained network"
    )
    abundance_matching: bool = Field(False, description="also write catalogues whose masses follow Tinker et al. 2008")
    keep_density: bool = False
    keep_probability: bool = False
    outside_validity: bool = Field(False, description="warn, not refuse, where the network was not trained for the box")
    minimum_cells: int = Field(100, ge=1, description="smaller haloes do not enter mean and covariance")
    largest_k_per_mpc: float = Field(0.3, gt=0, description="of the power spectrum in the covariance")
    precision: float = Field(0.1, gt=0, lt=1, description="wanted relative error of a variance")
    ranks: int = Field(1, ge=1, description="MPI ranks of a mock; changes no result")
    gpus: int = Field(0, ge=0, description="of each rank")

    @model_validator(mode="after")
    def _is_shared_evenly(self) -> Self:
        if self.cells % self.ranks:
            raise ValueError(f"ranks = {self.ranks} does not divide cells = {self.cells}")
        return self


class Settings(Model):
    """Everything a run depends on."""

    run: RunSettings
    cosmology: CosmologySettings
    boxes: BoxSettings
    ground_truth: GroundTruthSettings
    dataset: DatasetSettings
    networks: dict[Name, NetworkSettings]
    training: TrainingSettings
    prediction: PredictionSettings
    halo_finding: HaloFindingSettings
    statistics: StatisticsSettings
    neural_bias: NeuralBiasSettings
    mocks: MockSettings = MockSettings()
    jobs: JobSettings = JobSettings()

    @property
    def catalogues(self) -> dict[str, HaloFindingSettings]:
        """Every catalogue that is compared with the truth, and how its haloes are found.

        A catalogue has the name of its network, and ``<network>/<finder>`` where a second finder stands beside.
        """
        found, beside = {}, self.halo_finding.beside
        for name in self.run.networks:
            found[name] = self.halo_finding.of_network(self.networks[name])
            if beside not in (None, found[name].finder):
                found[f"{name}/{beside}"] = self.halo_finding.by(beside)
        return found

    @model_validator(mode="after")
    def _stages_fit_together(self) -> Self:
        boxes, window = self.boxes, self.dataset.window
        core = self.prediction.tile - 2 * self.prediction.buffer
        for what, size in (("dataset.window", window), ("prediction.tile - 2 prediction.buffer", core)):
            if boxes.cells % size:
                raise ValueError(f"{what} = {size} does not divide boxes.cells = {boxes.cells}")
        if self.prediction.tile > boxes.cells + 2 * self.prediction.buffer:
            raise ValueError(f"prediction.tile = {self.prediction.tile} is larger than a box with its buffers")
        if self.ground_truth.source == "peak_patch":
            self._peak_patch_fits()
        else:
            self._own_files_stand_apart()
        if (self.neural_bias.box or 0) >= boxes.count:
            raise ValueError(f"neural_bias.box = {self.neural_bias.box}; the boxes are 0 to {boxes.count - 1}")
        return self._networks_fit()

    def _peak_patch_fits(self) -> None:
        boxes, truth = self.boxes, self.ground_truth
        if boxes.cells % truth.ranks:
            raise ValueError(f"ground_truth.ranks = {truth.ranks} does not divide {boxes.cells} cells")
        largest = truth.peak_patch.filters.largest_mpc
        if 2 * largest > boxes.box_size_mpc:
            raise ValueError(
                f"ground_truth.peak_patch.filters.largest_mpc = {largest} exceeds half of the box "
                f"({boxes.box_size_mpc / 2} Mpc)"
            )

    def _own_files_stand_apart(self) -> None:
        """Refuse files within the run's results: the workflow deletes what a job is about to make."""
        results = Path(self.run.results, self.run.name).resolve()
        for name, pattern in self.ground_truth.files.model_dump(exclude_none=True).items():
            if Path(pattern).resolve().is_relative_to(results):
                raise ValueError(
                    f"ground_truth.files.{name} = {pattern!r} lies within the results of this run ({self.run.results}/"
                    f"{self.run.name}), which are made anew; move your files elsewhere, or give the run another name"
                )

    def _networks_fit(self) -> Self:
        for name in self.run.networks:
            if name not in self.networks:
                raise ValueError(f"run.networks names {name!r}; the networks are {', '.join(sorted(self.networks))}")
            network = self.networks[name]
            self._ranks_share_batches(name)
            if (largest := max(map(network.window_of, network.stages))) > self.dataset.window:
                raise ValueError(
                    f"networks.{name}: a window of {largest} cells exceeds dataset.window = {self.dataset.window}"
                )
            if self.prediction.tile % 2**network.levels:
                raise ValueError(
                    f"prediction.tile = {self.prediction.tile} is no multiple of {2**network.levels} for {name}"
                )
            try:
                network.channels.check_box(self.boxes.cells)
            except SettingsError as error:
                raise ValueError(f"networks.{name}.{error}") from None
        return self._haloes_can_be_found()

    def _haloes_can_be_found(self) -> Self:
        finding, heads = self.halo_finding, {name: self.networks[name].heads for name in self.run.networks}
        for name in (name for name in heads if heads[name].weights and not self.ground_truth.has_haloes):
            raise ValueError(f"networks.{name}.heads learn from true haloes; give ground_truth.files.haloes")
        if finding.finder == "votes" and not any(each.vote for each in heads.values()):
            raise ValueError(
                f"halo_finding.finder is 'votes', but none of the networks {', '.join(heads)} has the heads "
                "centre_offset and log_radius; add them, or choose the finder 'fitted'"
            )
        calibrated = any(each.needs_calibration for each in self.catalogues.values())
        if calibrated and finding.calibrate_on == "validation" and not self.boxes.validation:
            raise ValueError("halo_finding.calibrate_on is 'validation' but boxes.validation is 0")
        if calibrated and not self.ground_truth.has_haloes:
            raise ValueError(
                "halo_finding.peak_thresholds or shell_threshold is 'calibrated', which is a fit to true haloes, but "
                "ground_truth.files has none; give ground_truth.files.haloes, or the thresholds as numbers"
            )
        return self

    def _ranks_share_batches(self, name: str) -> None:
        ranks, network = self.training.ranks, self.networks[name]
        if ranks > 1 and network.batch_normalisation:
            raise ValueError(f"training.ranks = {ranks}, but networks.{name}.batch_normalisation = true needs one rank")
        for index, stage in enumerate(network.stages):
            if stage.batch_size % ranks:
                raise ValueError(
                    f"training.ranks = {ranks} does not divide networks.{name}.stages.{index}.batch_size = "
                    f"{stage.batch_size}"
                )


def validate(model: type[M], values: object, source: str) -> M:
    """Validate ``values`` as ``model``; a failure names the key, its value and ``source`` (a file or command line)."""
    try:
        # Through JSON, so that lists and numbers of YAML are taken as JSON takes them even in strict mode.
        return model.model_validate_json(json.dumps(values))
    except ValidationError as error:
        raise SettingsError(f"{source}: {_explain(error)}") from None


def _explain(error: ValidationError) -> str:
    lines = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"]) or "settings"
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            message = "there is no such key"
        elif item["type"] == "missing":
            message = "this key is missing"
        shown = "" if isinstance(item["input"], dict) else f" = {item['input']!r}"
        lines.append(f"{key}{shown}: {message}")
    return "; ".join(lines)


def load_settings(path: str | Path, *over: str | Path) -> Settings:
    """Read and validate a whole configuration (YAML), with the files ``over`` laid over it in their order."""
    values = {}
    for file in (path, *over):
        _lay_over(values, yaml.safe_load(Path(file).read_text()) or {})
    return validate(Settings, values, " and ".join(map(str, (path, *over))))


def _lay_over(values: dict, above: dict) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(values.get(key), dict):
            _lay_over(values[key], value)
        else:
            values[key] = value


def stage_settings(model: type[M], argument: str | None) -> M:
    """Settings of one stage from a script's ``--settings``: JSON text, a JSON file's name, or None for defaults."""
    if argument is None:
        return validate(model, {}, "default settings")
    text, source = (argument, "--settings") if argument.lstrip().startswith("{") else (None, argument)
    if text is None:
        try:
            text = Path(argument).read_text()
        except OSError as error:
            raise SettingsError(f"--settings {argument}: {error.strerror}; give JSON text or a JSON file") from None
    try:
        return validate(model, json.loads(text), source)
    except json.JSONDecodeError as error:
        raise SettingsError(f"{source}: no valid JSON ({error})") from None
