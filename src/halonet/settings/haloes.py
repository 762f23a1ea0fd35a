"""Settings of halo finding and statistics."""

from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from halonet.settings.base import Fraction, Model
from halonet.settings.network import NetworkSettings
from halonet.settings.simulation import StepsSettings


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
    """Object finder of :mod:`halonet.halo_finding.votes.search`, for a network that has both heads."""

    least_probability: Fraction = Field(0.3, description="cells below do not vote")
    scale: float = Field(0.6, gt=0, le=2, description="kernel with which votes are counted, in predicted radii")
    smallest_scale_cells: float = Field(1.5, gt=0.5, le=8, description="least kernel (cells)")
    least_peak: float = Field(0.03, gt=0, description="count of votes from which on a maximum is a candidate")
    reach: float = Field(0.85, gt=0, le=2, description="farthest a vote is from its halo, in predicted radii")
    radius_weight: float = Field(1.0, ge=0, description="a difference of ln radius, as a distance in radii")
    exclusion: float = Field(1.0, ge=0, le=2, description="a halo this close to a larger one, in its radii, is dropped")
    least_votes: float = Field(0.3, ge=0.1, description="of a halo, where a complete one has 1")
    volume_weight: float = Field(
        0.0, ge=0, le=2, description="in ln radius, of the volume that votes; the rest has the radius that it predicts"
    )
    volume_factor: float = Field(1.0, gt=0, description="volume of a halo over that of the cells that vote for it")
    volume_slope: float = Field(1.0, gt=0, le=2, description="power of the volume of a halo, in units of 300 cells")
    large_volume_slope: float | None = Field(
        None, gt=0, le=2, description="the same of what is beyond 1000 cells; null: that of smaller haloes"
    )
    rounds: int = Field(3, ge=1, description="of competition for the votes")


class FinderKeys(NamedTuple):
    """What settings know of a halo finder.

    Attributes
    ----------
    constants
        Keys of ``halo_finding`` that hold its constants; any may be ``calibrated``. The last one is of no finder before
        it in the table.
    without_heads
        Finder in its place for a network without heads; None for a finder that needs none.
    """

    constants: tuple[str, ...]
    without_heads: str | None = None


# By name, one line for a finder; the methods themselves: halonet.halo_finding.table.
FINDERS = {
    "paper": FinderKeys(("peak_thresholds", "shell_threshold")),
    "fitted": FinderKeys(("peak_thresholds", "shell_threshold", "sphere_fit")),
    "votes": FinderKeys(("votes",), without_heads="fitted"),
}


def calibrated_finder(record: dict[str, Any]) -> str:
    """Finder whose constants a thresholds file holds."""
    return next(name for name in reversed(FINDERS) if FINDERS[name].constants[-1] in record)


def _asks_for_calibration(value: object) -> bool:
    return any(map(_asks_for_calibration, value.values())) if isinstance(value, dict) else value == "calibrated"


class DisplacementSettings(StepsSettings):
    """How haloes move to their Eulerian positions: by the mean of a displacement around their Lagrangian centres."""

    KEY = "halo_finding.displacement"

    method: Literal["second_order", "particle_mesh"] = Field(
        "second_order",
        description="perturbation theory; or the particles of a short simulation, for haloes like those of simulations",
    )
    steps: int = Field(5, ge=1, description="particle_mesh: of the simulation, linear in the scale factor")
    start: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="particle_mesh: scale factor at which it starts; where steps and start are those of the simulation "
        "that a network sees (channels.simulation), mocks move haloes by that one",
    )
    mesh: int = Field(1, ge=1, le=4, description="particle_mesh: cells of the force mesh along a cell of the box")
    spacing: Literal[1, 2] = Field(
        1, description="particle_mesh: cells from a particle to the next; with 2 it takes a third of the time"
    )
    average: Literal["sphere", "gathered"] = Field(
        "sphere",
        description="over the Lagrangian sphere; or, particle_mesh: over its particles that end near one another",
    )

    @model_validator(mode="after")
    def _has_particles(self) -> Self:
        if self.average == "gathered" and self.method != "particle_mesh":
            raise ValueError(f"average is 'gathered', which needs method = 'particle_mesh' and not {self.method!r}")
        return self


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
    peak_thresholds: list[Fraction] | Literal["calibrated"] = Field(
        [0.9999, 0.99, 0.975], description="probabilities above which connected cells are a candidate, falling"
    )
    shell_threshold: ShellThresholdSettings | Literal["calibrated"] = ShellThresholdSettings()
    calibrate_on: Literal["training", "validation"] = "validation"
    calibration_boxes: int = Field(4, ge=1)
    calibration_cells: int = Field(100, ge=1, description="haloes above this volume decide on the peak thresholds")
    calibration_large_cells: int | None = Field(
        None, ge=1, description="fitted, votes: haloes above this volume, few as they are, count as much as all"
    )
    calibration_abundance: Fraction = Field(
        0.0, description="fitted, votes: error of the mass function, at any size, that does not count against constants"
    )
    calibration_score: Literal["mean", "lesser"] = Field(
        "mean", description="fitted, votes: harmonic mean of completeness and purity, or the lesser of both"
    )
    calibration_power: Fraction | None = Field(
        None,
        description="fitted, votes: error of the power of haloes at Lagrangian positions, to 0.3 per Mpc, that does "
        "not count; null: clustering is not looked at",
    )
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
    displacement: DisplacementSettings = DisplacementSettings()

    @property
    def needs_calibration(self) -> bool:
        """Whether boxes of known truth must be predicted before haloes can be found."""
        return _asks_for_calibration(self.model_dump(include=set(FINDERS[self.finder].constants)))

    def of_network(self, network: NetworkSettings) -> Self:
        """The same for the haloes of a network, by another finder where this one needs heads that it has not."""
        instead = None if network.heads.vote else FINDERS[self.finder].without_heads
        return self.by(instead or self.finder)

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
