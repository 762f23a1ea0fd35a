"""Settings of field-level inference: phases and bias parameters together from a halo catalogue."""

from typing import Literal, Self

from pydantic import Field, model_validator

from halonet.settings.base import Model
from halonet.settings.neural_bias import EngineSettings, NeuralBiasSettings, SamplerSettings


class PhaseSamplerSettings(Model):
    """How the white-noise phases move."""

    kind: Literal["hmc", "mclmc"] = Field("hmc", description="mclmc: faster, without acceptance step and so biased")
    bias: float | None = Field(
        None, gt=0, description="linear bias of first phases and of the mass 1 + nbar b^2 P(k); null: the catalogue's"
    )
    first_step: float = Field(0.2, gt=0, description="first step size; for mclmc in units of sqrt(cells)")
    acceptance: float = Field(0.7, gt=0, lt=1, description="hmc: goal of the step size")
    trajectory: float = Field(1.5, gt=0, description="hmc: mean duration, in units of the posterior's width")
    most_steps: int = Field(64, ge=1, description="hmc: most steps of a trajectory")
    steps: int = Field(8, ge=1, description="mclmc: steps, of two gradients each, between two moves of theta")
    decoherence: float = Field(
        1.0, gt=0, description="mclmc: length after which the direction is forgotten (sqrt(cells))"
    )
    energy_variance: float = Field(
        1e-5, gt=0, description="mclmc: variance of the energy error of a step per cell, which bounds the bias"
    )


class BiasSamplerSettings(Model):
    """How the bias parameters theta move at fixed phases; as the sampler of the neural bias model."""

    kind: Literal["frozen_metric", "quasi_newton", "hmc"] = "frozen_metric"
    moves: int = Field(1, ge=1, description="trajectories of theta for every transition of the phases")
    acceptance: float = Field(0.8, gt=0, lt=1)
    first_step: float = Field(0.1, gt=0)
    trajectory: float = Field(1.5, gt=0)
    most_steps: int = Field(32, ge=1)
    inverse_mass: float = Field(1000.0, gt=0, description="quasi_newton: M^-1 of every parameter")
    adapt_always: bool = False


class FieldLevelSettings(Model):
    """Initial conditions and bias parameters of one box, inferred together from its haloes."""

    box: int | None = Field(None, ge=0, description="index of the box; null: the first test box")
    cells: int = Field(32, ge=4, description="cells along a side of the phases and the engine, even")
    minimum_mass_msun: float = Field(3.4e12, gt=0, description="haloes below are left out")
    maximum_mass_msun: float | None = Field(None, gt=0)
    lpt_order: Literal[1, 2] = 2
    supersample: int = Field(2, ge=1, le=4, description="particles per cell along a side")
    density_floor: float = Field(0.01, gt=0)
    engine: EngineSettings = EngineSettings()
    precision: Literal["float32", "float64"] = Field(
        "float64", description="of gradients by the phases; energies are float64"
    )
    phases: PhaseSamplerSettings = PhaseSamplerSettings()
    theta: BiasSamplerSettings = BiasSamplerSettings()
    start: Literal["filtered", "random"] = Field(
        "filtered", description="first phases: a draw around the filtered counts, or of the prior, scaled"
    )
    start_scale: float = Field(0.1, ge=0, le=1, description="of random first phases, as BORG begins over-smooth")
    chains: int = Field(2, ge=1, le=64)
    warmup: int = Field(300, ge=0, description="transitions, not kept, during which step sizes and metric are learnt")
    samples: int = Field(1000, ge=8)
    thinning: int = Field(1, ge=1, description="transitions between samples of theta and of summaries of the phases")
    phase_thinning: int = Field(20, ge=1, description="transitions between kept phases")
    checkpoint_interval: int = Field(50, ge=1, description="transitions between checkpoints")
    draws: int = Field(2, ge=0, description="posterior-predictive halo catalogues")
    constrained: int = Field(1, ge=0, description="phase samples written as densities of the pipeline")

    @property
    def transitions(self) -> int:
        """Transitions of a whole chain."""
        return self.warmup + self.samples * self.thinning

    def engine_settings(self) -> NeuralBiasSettings:
        """Engine and sampler of theta as the neural bias model takes them."""
        shared = ("cells", "minimum_mass_msun", "maximum_mass_msun", "lpt_order", "supersample", "density_floor")
        moves = self.theta.moves
        sampler = SamplerSettings(
            **self.theta.model_dump(exclude={"moves"}),
            warmup=self.warmup * moves,
            samples=self.samples,
            thinning=self.thinning * moves,
        )
        values = {name: getattr(self, name) for name in shared}
        return NeuralBiasSettings(**values, engine=self.engine, sampler=sampler, precision="float64")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.cells % 2:
            raise ValueError(f"cells = {self.cells} must be even: the transforms of the phases need it")
        if self.engine.boundary != "wrap":
            raise ValueError(f"engine.boundary = {self.engine.boundary!r}: phases are of a periodic box, 'wrap'")
        if self.engine.carried_mpc:
            raise ValueError(
                f"engine.carried_mpc = {self.engine.carried_mpc}: phases see the evolved density alone; leave it []"
            )
        if self.engine.offsets == "paper":
            raise ValueError("engine.offsets = 'paper' expects 10^11 times too many haloes; use 'fit'")
        if self.supersample < 2:
            raise ValueError(
                f"supersample = {self.supersample} leaves voxels empty, where gradients jump; use 2 or more"
            )
        if self.samples * self.thinning < self.phase_thinning:
            raise ValueError(
                f"phase_thinning = {self.phase_thinning} keeps no phases of {self.samples * self.thinning} transitions"
            )
        if self.maximum_mass_msun is not None and self.maximum_mass_msun <= self.minimum_mass_msun:
            raise ValueError(
                f"maximum_mass_msun = {self.maximum_mass_msun} must exceed minimum_mass_msun = {self.minimum_mass_msun}"
            )
        return self
