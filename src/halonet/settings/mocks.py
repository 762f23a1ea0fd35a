"""Settings of mocks."""

from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from halonet.settings.base import Model
from halonet.settings.galaxies import OccupationSettings
from halonet.settings.paths import GivenPath

FEWEST_CONTROLS = 4  # of which a regression can be made
MockStatistic = Literal[
    "mass_function", "power_spectrum", "multipoles", "bispectrum", "correlation_function", "counts_in_cells"
]


class MockSettings(Model):
    """Mock catalogues from a trained network, and their mean and covariance."""

    count: int = Field(10, ge=1)
    first_seed: int = Field(1, ge=0, lt=2**62, description="the mocks have this seed and those that follow it")
    box_size_mpc: float = Field(256.0, gt=0, allow_inf_nan=False)
    cells: int = Field(256, ge=16, description="cells along a side")
    network: GivenPath = Field("networks/n-body", description="one of run.networks, or the folder of a trained network")
    abundance_matching: bool = Field(False, description="also write catalogues whose masses follow Tinker et al. 2008")
    keep_density: bool = False
    keep_probability: bool = False
    outside_validity: bool = Field(False, description="warn, not refuse, where the network was not trained for the box")
    minimum_cells: int = Field(100, ge=1, description="smaller haloes do not enter mean and covariance")
    largest_k_per_mpc: float = Field(0.3, gt=0, description="of spectra in the covariance")
    statistics: list[MockStatistic] = Field(
        list(get_args(MockStatistic)), min_length=1, description="in the covariance"
    )
    control_fields: int = Field(
        0, ge=0, description="cheap fields beside the mocks' own, for control variates; 0: none"
    )
    truth: list[GivenPath] = Field([], description="catalogues of simulations of such boxes, to compare the mocks with")
    precision: float = Field(0.1, gt=0, lt=1, description="wanted relative error of a variance")
    galaxies: OccupationSettings | None = Field(None, description="galaxies of every mock; {} for the defaults below")
    threads: int | None = Field(
        None, ge=1, description="of a mock; null: one if there are several on CPUs, training.threads else"
    )
    ranks: int = Field(1, ge=1, description="MPI ranks of a mock; changes no result")
    gpus: int = Field(0, ge=0, description="of each rank")

    @property
    def threads_of_one(self) -> int | None:
        """Threads of a mock; None where that is left to the training's."""
        alone = self.count == 1 or self.ranks > 1 or self.gpus > 0
        return self.threads or (None if alone else 1)  # several at a time are sooner made than one after the other

    @model_validator(mode="after")
    def _has_enough_controls(self) -> Self:
        if 0 < self.control_fields < FEWEST_CONTROLS or (self.control_fields and self.count < FEWEST_CONTROLS):
            raise ValueError(
                f"control_fields = {self.control_fields} with count = {self.count}; control variates need "
                f"{FEWEST_CONTROLS} or more of both, or control_fields: 0"
            )
        return self

    @model_validator(mode="after")
    def _has_a_plane_for_every_rank(self) -> Self:
        if self.ranks > self.cells:
            raise ValueError(f"ranks = {self.ranks} are more than the planes of a box of cells = {self.cells}")
        return self
