"""What a user asks of a light cone, and the observer and region that follow from it."""

from dataclasses import dataclass, field

import numpy as np

from halonet.mocks.box import MockBox
from halonet.mocks.request import MockRequest
from halonet.settings import LightConeSettings, SettingsError
from halonet.sky.epochs import Epochs
from halonet.sky.region import Region, region_of
from halonet.storage import FieldHeader

DIGITS = 6  # of the observer's position (Mpc), so that a whole box more or less leaves every bit as it is


@dataclass(frozen=True)
class LightConeRequest:
    """A light cone that is asked for.

    Attributes
    ----------
    box
        The box that is repeated, its cosmology, and the settings of the method. The redshift of a cosmology has no
        meaning for a light cone; that of a density says what it is extrapolated to.
    settings
        Observer, opening and range of redshifts.
    """

    box: MockRequest
    settings: LightConeSettings = field(default_factory=LightConeSettings)

    def __post_init__(self) -> None:
        cosmology = self.box.cosmology
        if self.box.density is None and cosmology is not None and cosmology.redshift:
            raise SettingsError(
                f"cosmology.redshift = {cosmology.redshift:g}; a light cone has all redshifts of its redshift_range, "
                "leave the redshift out"
            )
        if self.box.universe is not None:
            raise SettingsError("universe: a light cone is of a repeated box; give a seed")
        if self.box.abundance_matching:
            raise SettingsError("abundance_matching is for boxes; masses of a light cone are those of its method")
        if others := {"probability", "mask"} & set(self.box.keep):
            raise SettingsError(
                f"keep_{min(others)}: a light cone has no one {min(others)}; it keeps phases and density"
            )
        if self.box.scratch:
            raise SettingsError(f"scratch = {self.box.scratch}: a light cone keeps its fields in memory; leave it out")

    def observer(self, box_size: float) -> np.ndarray:
        """The observer's position within the box (Mpc), shape (3,)."""
        return np.mod(np.round(np.mod(self.settings.observer, box_size), DIGITS), box_size)

    def epochs(self, box: MockBox) -> Epochs:
        """Distances and growth, from today to beyond the last redshift."""
        return Epochs(box.cosmology, 1.5 * (1 + self.settings.redshift_range[1]))

    def region(self, epochs: Epochs) -> Region:
        """What the observer sees."""
        return region_of(self.settings, epochs)

    def header(self, box: MockBox, settings: dict[str, object]) -> FieldHeader:
        """Box, cosmology, seed and provenance of the catalogue; ``settings`` are those of the method."""
        record = box.provenance(settings | {"light_cone": self.settings.model_dump()})
        cosmology = box.cosmology.model_dump(exclude={"redshift"})
        return FieldHeader(box.header.box_size_mpc, None, cosmology, box.header.seed, record)
