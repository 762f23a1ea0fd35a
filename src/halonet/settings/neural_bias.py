"""Settings of the neural bias model and its sampler."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from halonet.settings.base import Model


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
    carried_mpc: list[Annotated[float, Field(gt=0)]] = Field(
        [],
        description="lengths over which the linear density is smoothed that matter brings along, for a second summary; "
        "the first must count positively",
    )
    degree: Literal[1, 2] = Field(1, description="of the mixture's parameters as polynomials in the summaries")
    counts: Literal["poisson", "negative_binomial", "generalised_poisson", "exclusion"] = Field(
        "poisson", description="law of the number of haloes in a voxel"
    )
    boundary: Literal["wrap", "valid"] = "wrap"
    invariant: bool = Field(False, description="feed multipoles l > 0 as rotation-invariant powers")
    centre: bool = Field(True, description="measure responses and summaries from their mean")
    offsets: Literal["fit", "paper"] = "fit"
    mean_gap: Literal["softplus", "relu"] = "softplus"
    minimum_width: float = Field(0.05, ge=0, description="least width of a Gaussian in ln mass")
    prior_width: float = Field(10.0, gt=0)

    @model_validator(mode="after")
    def _has_no_more_than_one_way_to_more_outputs(self) -> Self:
        if (self.carried_mpc or self.degree > 1) and (self.dense or len(self.layers) > 1):
            raise ValueError(
                f"carried_mpc = {self.carried_mpc} and degree = {self.degree} are for an engine of one layer without "
                f"dense layers; this one has {len(self.layers)} layers and dense = {self.dense}"
            )
        return self


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
    ablation_kernels: list[Annotated[int, Field(ge=1, le=9)]] = Field(
        [1, 3, 5], min_length=1, description="fitted for comparison"
    )

    @model_validator(mode="after")
    def _has_a_mass_range(self) -> Self:
        if self.maximum_mass_msun is not None and self.maximum_mass_msun <= self.minimum_mass_msun:
            raise ValueError(
                f"maximum_mass_msun = {self.maximum_mass_msun} must exceed minimum_mass_msun = {self.minimum_mass_msun}"
            )
        return self
