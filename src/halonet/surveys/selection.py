"""The selection of a survey in redshift."""

from dataclasses import dataclass

import numpy as np

from halonet.checks.errors import StorageError
from halonet.checks.numbers import Number, NumberError
from halonet.settings.survey import SurveySettings

NEEDED = ("redshift", "density_per_mpc3")


@dataclass(frozen=True)
class Selection:
    """Comoving density of a survey by redshift, linear between the points of a table.

    Attributes
    ----------
    redshifts, densities
        Table, shapes (n,); densities in 1/Mpc^3.
    """

    redshifts: np.ndarray
    densities: np.ndarray

    def at(self, redshift: np.ndarray) -> np.ndarray:
        """Density (1/Mpc^3) at redshifts; 0 outside of the table."""
        return np.interp(redshift, self.redshifts, self.densities, left=0, right=0)


def selection_of(settings: SurveySettings, available: float) -> Selection:
    """The n(z) of a survey of a box whose points have the density ``available`` (1/Mpc^3).

    Raises
    ------
    StorageError
        If the file is no n(z), does not reach over the survey, or asks for more points than there are.
    """
    ends = np.array([settings.smallest_redshift, settings.largest_redshift])
    if settings.density is None:
        return Selection(ends, np.full(2, available))
    import pandas as pd  # here, as it takes a quarter of a second

    path = settings.density
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise StorageError(f"{path}: cannot be read as CSV ({error})") from None
    if missing := [name for name in NEEDED if name not in table]:
        raise StorageError(f"{path}: columns {', '.join(missing)} are missing; an n(z) has {' and '.join(NEEDED)}")
    if twice := [name for name in NEEDED if f"{name}.1" in table]:  # as pandas calls the second one
        raise StorageError(f"{path}: there are two columns {' and '.join(twice)}; keep one")
    redshifts, densities = (_numbers(path, name, table[name].to_numpy()) for name in NEEDED)
    if len(redshifts) < 2 or not (np.diff(redshifts) > 0).all() or not (densities >= 0).all():
        raise StorageError(f"{path}: redshifts must rise and densities be 0 or more, in two rows or more")
    if redshifts[0] > ends[0] or redshifts[-1] < ends[1]:
        raise StorageError(
            f"{path}: reaches from redshift {redshifts[0]:g} to {redshifts[-1]:g}, the survey from {ends[0]:g} to "
            f"{ends[1]:g}; give all of it"
        )
    selection = Selection(redshifts, densities)
    within = np.concatenate([ends, redshifts[(redshifts > ends[0]) & (redshifts < ends[1])]])
    if (most := selection.at(within).max()) > available * (1 + 1e-9):
        raise StorageError(
            f"{path}: density_per_mpc3 = {most:.4g}, and the box has {available:.4g} per Mpc^3; populate it with "
            "more, or ask for fewer"
        )
    return selection


def _numbers(path: str, name: str, values: np.ndarray) -> np.ndarray:
    """A column as finite numbers; the first value that is none is named."""
    number, numbers = Number(), np.empty(len(values))
    for row, value in enumerate(values):
        try:
            numbers[row] = number(value)
        except NumberError as error:
            raise StorageError(f"{path}: {name} of row {row + 1}: {error}") from None
    return numbers
