"""Settings of the boxes: how many of what size and, where they differ in cosmology and redshift, which has which."""

from collections.abc import Iterable
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from halonet.settings.base import Model, SettingsError, validate
from halonet.settings.simulation import CosmologySettings

OMEGA_M = "omega_m"  # in ranges it may stand for omega_cdm: all matter, of which omega_b is a part
PARAMETERS = (*CosmologySettings.model_fields, OMEGA_M)
DIGITS = 6  # of a parameter that is drawn; files and command lines give it in full
Departures = dict[str, float]


class BoxCosmologiesSettings(Model):
    """Cosmology and redshift of each box; what is not named is as in ``cosmology``.

    Training boxes have either points of a Latin hypercube between ``ranges``, ends included, or those of ``training``
    in turn; so have validation boxes, in a hypercube of their own. Test boxes have those of ``test`` in turn.
    Redshifts of a hypercube are even in the scale factor, as amplitudes nearly are: haloes are many near redshift 0.
    """

    ranges: dict[str, tuple[float, float]] = Field(
        {}, description="of parameters, omega_m among them, between which training boxes lie"
    )
    training: list[Departures] = Field([], description="cosmologies that training boxes have in turn")
    test: list[Departures] = Field(min_length=1, description="cosmologies that test boxes have in turn")

    @model_validator(mode="after")
    def _names_parameters(self) -> Self:
        if bool(self.ranges) == bool(self.training):
            raise ValueError("give ranges, or a list training: one of the two")
        named: list[Iterable[str]] = [self.ranges, *self.training, *self.test]
        for names in map(list, named):
            if unknown := [name for name in names if name not in PARAMETERS]:
                raise ValueError(f"{', '.join(unknown)}: no parameter; there are {', '.join(PARAMETERS)}")
            if OMEGA_M in names and "omega_cdm" in names:
                raise ValueError("omega_m and omega_cdm: give one of them, the other follows by omega_b")
        for name, (low, high) in self.ranges.items():
            if not low < high:
                raise ValueError(f"ranges: {name} = [{low:g}, {high:g}]; the first must be below the second")
        return self

    def of_boxes(
        self, base: CosmologySettings, training: int, validation: int, test: int, seed: int
    ) -> list[CosmologySettings]:
        """Cosmology of every box: so many for training, validation and test, in this order.

        Raises
        ------
        SettingsError
            If one of them is no cosmology.
        """
        rng = np.random.default_rng([seed, 20261130])
        known = [point for number in (training, validation) for point in self._points(number, rng)]
        points = known + [self.test[i % len(self.test)] for i in range(test)]
        found = [cosmology_with(base, point, f"boxes.cosmologies: box {box}") for box, point in enumerate(points)]
        for name, (low, high) in self.ranges.items():
            for box, cosmology in enumerate(found[len(known) :], len(known)):
                if not low <= (value := getattr(cosmology, name)) <= high:
                    raise SettingsError(
                        f"boxes.cosmologies: test box {box} has {name} = {value:g}, outside of the ranges, {low:g} to "
                        f"{high:g}; the network would refuse it"
                    )
        return found

    def _points(self, number: int, rng: np.random.Generator) -> list[Departures]:
        """Departures from the base of ``number`` boxes."""
        if self.training:
            return [self.training[i % len(self.training)] for i in range(number)]
        from scipy.stats import qmc  # here, as it takes half a second of every script

        centred = qmc.LatinHypercube(len(self.ranges), scramble=False, rng=rng).random(number)
        # Strata of a hypercube have their centres within; here the first and the last one lie on the ends.
        inside = (centred * number - 0.5) / (number - 1) if number > 1 else centred
        columns = [
            [round(_between(name, *ends, float(part)), DIGITS) for part in parts]
            for (name, ends), parts in zip(self.ranges.items(), inside.T, strict=True)
        ]
        return [dict(zip(self.ranges, point, strict=True)) for point in zip(*columns, strict=True)]


class BoxSettings(Model):
    """The boxes: first the training boxes, then the validation boxes, the last ones are the test set."""

    count: int = Field(ge=1)
    validation: int = Field(ge=0, description="boxes held back from training when the split is by box")
    test: int = Field(ge=1)
    cells: int = Field(ge=8, description="cells along a side")
    box_size_mpc: float = Field(gt=0)
    cosmologies: BoxCosmologiesSettings | None = Field(
        None, description="of each box, where they differ; null: all boxes have that of `cosmology`"
    )

    @model_validator(mode="after")
    def _has_training_boxes(self) -> Self:
        if self.validation + self.test >= self.count:
            raise ValueError(f"validation {self.validation} + test {self.test} leave none of the {self.count} boxes")
        return self

    @property
    def cell_size(self) -> float:
        """Side of a cell (Mpc)."""
        return self.box_size_mpc / self.cells

    def cosmology_of_each(self, base: CosmologySettings, seed: int) -> list[CosmologySettings]:
        """Cosmology and redshift of every box; ``seed`` decides which points of a hypercube they have."""
        if self.cosmologies is None:
            return [base] * self.count
        known = self.count - self.test
        return self.cosmologies.of_boxes(base, known - self.validation, self.validation, self.test, seed)


def _between(name: str, low: float, high: float, part: float) -> float:
    """Value at this part of the way from ``low`` to ``high``; of the scale factor, where it is a redshift."""
    if name != "redshift":
        return low + (high - low) * part
    return 1 / _between("a", 1 / (1 + low), 1 / (1 + high), part) - 1


def cosmology_with(base: CosmologySettings, departures: Departures, source: str) -> CosmologySettings:
    """``base`` with other values of some parameters; ``omega_m`` decides ``omega_cdm``."""
    values = base.model_dump() | departures
    if OMEGA_M in departures:
        values["omega_cdm"] = round(values.pop(OMEGA_M) - values["omega_b"], 12)
    try:
        return validate(CosmologySettings, values, source)
    except SettingsError as error:
        raise SettingsError(f"{error} (with {departures})") from None
