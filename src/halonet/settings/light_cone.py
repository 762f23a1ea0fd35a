"""Settings of light cones."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from halonet.settings.base import Model, RoundedRedshift

Finite = Annotated[float, Field(allow_inf_nan=False)]
Redshift = Annotated[RoundedRedshift, Field(ge=0, le=50)]


class CircleSettings(Model):
    """A circle on the sky, in degrees."""

    right_ascension: float = Field(0.0, ge=0, lt=360)
    declination: float = Field(0.0, ge=-90, le=90)
    radius: float = Field(gt=0, le=180, description="from its centre to its edge")


class LightConeSettings(Model):
    """What an observer sees of a box that is repeated periodically: each halo when its light has left it."""

    option: ClassVar[str] = "--light-cone"
    observer: Annotated[list[Finite], Field(min_length=3, max_length=3)] = Field(
        [0.0, 0.0, 0.0], description="his comoving position from the corner of the box (Mpc)"
    )
    opening: Literal["full_sky", "hemisphere", "octant"] | CircleSettings = Field(
        "octant", description="on the sky: a name, or a circle; octant: x, y, z not below the observer's, hemisphere: z"
    )
    redshift_range: Annotated[list[Redshift], Field(min_length=2, max_length=2)] = Field(
        [0.0, 0.5], description="cosmological redshifts; the first is in, the second is out"
    )
    margin_mpc: float | None = Field(
        None, gt=0, description="beyond the borders within which neighbours are searched; null: from the density"
    )

    @model_validator(mode="after")
    def _has_depth(self) -> Self:
        first, last = self.redshift_range
        if not first < last:
            raise ValueError(
                f"redshift_range {self.redshift_range} must ascend; a box at one redshift is what "
                "halonet mock --cosmology makes"
            )
        return self


class LightConesSettings(LightConeSettings):
    """Light cones of a run, each of a box of its own."""

    count: int = Field(1, ge=1)
    first_seed: int = Field(1, ge=0, lt=2**62, description="the boxes have this seed and those that follow it")
    box_size_mpc: float = Field(512.0, gt=0, allow_inf_nan=False)
    cells: int = Field(256, ge=16, description="cells along a side of the box")
    ranks: int = Field(1, ge=1, description="MPI ranks of a light cone; changes no result")

    @property
    def cone(self) -> LightConeSettings:
        """What an observer sees, without the box."""
        return LightConeSettings(**{name: getattr(self, name) for name in LightConeSettings.model_fields})

    @model_validator(mode="after")
    def _has_a_plane_for_every_rank(self) -> Self:
        if self.ranks > self.cells:
            raise ValueError(f"ranks = {self.ranks} are more than the planes of a box of cells = {self.cells}")
        return self
