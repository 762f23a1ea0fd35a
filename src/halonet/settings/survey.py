"""Settings of a survey."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from halonet.settings.base import Model, RoundedRedshift
from halonet.settings.paths import GivenPath

Degrees = Annotated[float, Field(ge=-90, le=90)]
Turn = Annotated[float, Field(ge=0, le=360)]


class CapSettings(Model):
    """A circle on the sky, in degrees."""

    ra: Turn
    dec: Degrees
    radius: float = Field(gt=0, le=180)


class SurveySettings(Model):
    """What a survey sees of a box: where from, which part of the sky, which redshifts, how many."""

    observer: list[Annotated[float, Field(ge=-1e6, le=1e6)]] | None = Field(
        None, min_length=3, max_length=3, description="position (Mpc) from the corner of the box; null: its centre"
    )
    replicate: bool = Field(False, description="repeat the periodic box wherever the survey reaches beyond it")
    smallest_redshift: RoundedRedshift = Field(0.0, ge=0, lt=20)
    largest_redshift: float = Field(ge=1e-5, le=20)
    ra: list[Turn] = Field([0.0, 360.0], min_length=2, max_length=2, description="from and to (degrees)")
    dec: list[Degrees] = Field([-90.0, 90.0], min_length=2, max_length=2, description="from and to (degrees)")
    holes: list[CapSettings] = Field([], description="circles that are not observed")
    density: GivenPath | None = Field(
        None, description="CSV with redshift and density_per_mpc3, the comoving n(z); null: all that the box has"
    )
    collision_arcsec: float = Field(0.0, ge=0, lt=3600, description="of a pair that is closer one is lost; 0: none")
    fkp_power_mpc3: float = Field(30000.0, ge=0, description="P0 of the weights 1 / (1 + n P0)")
    randoms: float = Field(10.0, ge=0, description="how many times as many randoms as the mean number of points")

    @model_validator(mode="after")
    def _ranges_rise(self) -> Self:
        if self.smallest_redshift >= self.largest_redshift:
            raise ValueError(
                f"smallest_redshift = {self.smallest_redshift:g} is not below largest_redshift = "
                f"{self.largest_redshift:g}"
            )
        for name, (low, high) in (("ra", self.ra), ("dec", self.dec)):
            if low >= high:
                raise ValueError(f"{name} = {[low, high]} does not rise; a region across ra = 0 needs two surveys")
        return self
