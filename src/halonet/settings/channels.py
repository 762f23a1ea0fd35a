"""Settings of the input channels of a network beside the density."""

from typing import Any, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from halonet.settings.base import Model, Radius, SettingsError
from halonet.settings.simulation import CosmologySettings, StepsSettings


class ShortSimulationSettings(StepsSettings):
    """A particle-mesh simulation of few steps, with one particle and one cell of its mesh for every cell of the box."""

    KEY = "channels.simulation"
    steps: int = Field(4, ge=1, description="to the redshift of the box, linear in the scale factor")
    start: float = Field(0.25, gt=0, lt=1, description="scale factor at which 2LPT hands over to the simulation")
    around_cells: Radius = Field(2.5, description="radius of the sphere around where a particle ends (cells)")
    motion: bool = Field(
        False, description="three more channels: stretch and volume of the cell, and how fast it contracts"
    )

    @property
    def count(self) -> int:
        """Number of channels."""
        return 6 if self.motion else 3

    @model_serializer(mode="wrap")
    def _as_ever(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What came later is not in the record, nor in its digests, where it is not asked for."""
        return {name: value for name, value in serialise(self).items() if name != "motion" or value}


class ChannelSettings(Model):
    """Input channels beside the density, computed from a whole periodic box (:mod:`halonet.dataset.channels`)."""

    smoothing_cells: list[Radius] = Field([], description="radii of top-hat smoothed densities (cells)")
    shear_cells: list[Radius] = Field([], description="top-hat radii of the shear amplitudes (cells)")
    prolateness_cells: list[Radius] = Field([], description="top-hat radii of the prolateness of the strain (cells)")
    simulation: ShortSimulationSettings | None = Field(
        None, description="more channels, from where a short simulation carries the particle of a cell"
    )

    @property
    def radii(self) -> dict[str, list[float]]:
        """Radii of each kind of channel that has some, by its key, in the order of the channels."""
        return {
            "smoothing_cells": self.smoothing_cells,
            "shear_cells": self.shear_cells,
            "prolateness_cells": self.prolateness_cells,
        }

    @property
    def count(self) -> int:
        """Number of channels, without the density."""
        return sum(map(len, self.radii.values())) + (self.simulation.count if self.simulation else 0)

    @property
    def each(self) -> list[tuple[Any, ...]]:
        """What tells each channel from the others, in their order."""
        of_radii = [(kind, radius) for kind, radii in self.radii.items() for radius in radii]
        if (short := self.simulation) is None:
            return of_radii
        return of_radii + [(short.steps, short.start, short.around_cells, index) for index in range(short.count)]

    def check_box(self, cells: int) -> None:
        """Refuse a radius that a periodic box of ``cells``^3 cells cannot hold."""
        for name, radii in self.radii.items():
            if radii and 2 * max(radii) > cells:
                raise SettingsError(
                    f"channels.{name} = {radii}: a radius of {max(radii)} cells is larger than half of a box of "
                    f"{cells} cells"
                )
        if self.simulation and 2 * self.simulation.around_cells > cells:
            raise SettingsError(
                f"channels.simulation.around_cells = {self.simulation.around_cells} is larger than half of a box of "
                f"{cells} cells"
            )

    def check_cosmologies(self, cosmologies: list[CosmologySettings]) -> None:
        """Refuse a simulation where boxes have several cosmologies or redshifts: a prediction simulates in one."""
        if self.simulation and len(different := {repr(each) for each in cosmologies}) > 1:
            raise SettingsError(
                f"channels.simulation: the boxes have {len(different)} cosmologies or redshifts (boxes.cosmologies), "
                "and a prediction simulates its box in that of the network; leave the simulation out"
            )

    @model_validator(mode="after")
    def _differ(self) -> Self:
        for name, radii in self.radii.items():
            if len(set(radii)) < len(radii):
                raise ValueError(f"{name} {radii} names a radius twice")
        return self

    @model_serializer(mode="wrap")
    def _as_ever(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Kinds of channels that came later are not in the record, nor in its digests, where there are none."""
        values = serialise(self)
        without = {"prolateness_cells": not self.prolateness_cells, "simulation": self.simulation is None}
        return {name: value for name, value in values.items() if not without.get(name)}
