"""Mean and deviation of a density: a linear overdensity at its redshift has those of its spectrum."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import integrate

from halonet.cosmology import growth_factor
from halonet.grid.slabs import Slabs
from halonet.plausibility.spectrum import shape_without_wiggles
from halonet.plausibility.verdict import judge
from halonet.settings import CosmologySettings

log = logging.getLogger("halonet")
LARGEST_MEAN = 0.5  # a periodic overdensity has the mean 0, 1 + delta has 1, and a part of a larger box some tenths
USUAL_MEAN = 0.02
ENOUGH = 32  # planes of a box
# Deviation over that of the spectrum. Fields of other codes are smoothed by their cell (0.8), and the spectrum here is
# a fit; a density at redshift 1 has 0.6 of that at 0.
OF_SPECTRUM = (0.7, 1.4)
OF_NETWORK = (0.9, 1.11)  # over that of the training boxes, for boxes of the same cells: redshift 0.2 has 0.9
ALLOWANCE = 2.0  # over the number of cells along a side: scatter of small boxes, two to three standard deviations


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation of a density."""

    mean: float
    deviation: float


def moments(field: np.ndarray, slabs: Slabs | None = None) -> Moments:
    """Moments of a field from this rank's planes, shape (N / ranks, N, N), float64 sums; collective.

    Of large boxes every second, fourth, … plane is looked at, :data:`ENOUGH` to twice as many. Planes at equal
    distances have the mean of all of them, but for waves along x that have the same phase in each: in a box of 256
    cells of 1 Mpc these have a few thousandths of the field's deviation.
    """
    slabs = slabs or Slabs(field.shape[1])
    step = 1 << max(0, (slabs.cells // ENOUGH).bit_length() - 1)
    means, squares, seen = np.zeros((3, len(field)))
    cells = np.empty(field.shape[1:])
    for index in range(-slabs.start % step, len(field), step):
        np.copyto(cells, field[index])  # it stays in the processor's cache
        means[index], seen[index] = cells.mean(), 1
        cells -= means[index]
        squares[index] = np.sum(np.multiply(cells, cells, out=cells))
    planes = slabs.sum_planes(seen)
    mean = slabs.sum_planes(means) / planes
    variance = slabs.sum_planes(squares / cells.size + seen * (means - mean) ** 2) / planes
    return Moments(mean, variance**0.5)


def expected_deviation(cosmology: CosmologySettings, box_size: float, cells: int) -> float:
    """Standard deviation of the linear overdensity of a grid, at the redshift of ``cosmology``.

    Parameters
    ----------
    box_size
        Side of the box (Mpc).
    cells
        Along a side.

    Notes
    -----
    The spectrum without wiggles, normalised to sigma8, over the modes of the grid: from the fundamental one to the
    corners of the Fourier cube. Right to some per cent; nothing is solved for it.
    """
    nyquist, fundamental = np.pi * cells / box_size, 2 * np.pi / box_size
    # The mode at zero, which is left out, takes the room of a sphere of 0.62 fundamental modes.
    k = np.geomspace(0.62 * fundamental, 3**0.5 * nyquist, 400)
    power = shape_without_wiggles(k, cosmology)
    ratio = k / nyquist  # part of a sphere that lies within the cube
    inside = np.where(ratio <= 1, 1.0, np.where(ratio <= 2**0.5, 3 / ratio - 2, 0.382 * (3**0.5 - ratio)))
    variance = integrate.simpson(power * k**3 * np.maximum(inside, 0) / (2 * np.pi**2), x=np.log(k))
    return float(growth_factor(cosmology, cosmology.redshift) * variance**0.5)


def check_against_spectrum(
    field: np.ndarray,
    slabs: Slabs,
    box_size: float,
    cosmology: CosmologySettings,
    source: str | Path,
    go_on: bool = False,
) -> None:
    """Hold a linear density, this rank's planes of it, against its cosmology and redshift; see :func:`check_density`.

    ``box_size`` is the side of the box (Mpc). Collective.
    """
    expected = expected_deviation(cosmology, box_size, slabs.cells)
    check_density(moments(field, slabs), expected, source, slabs.cells, go_on=go_on)


def check_density(
    found: Moments, expected: float, source: str | Path, cells: int, of_network: bool = False, go_on: bool = False
) -> None:
    """Refuse a density whose mean or deviation is not that of a linear overdensity at its redshift.

    Parameters
    ----------
    expected
        Standard deviation of the spectrum, or of the boxes a network was trained on.
    cells
        Along a side.
    of_network
        Whether ``expected`` was measured on boxes of the same cells, and not computed.

    Raises
    ------
    PlausibilityError
        Unless ``go_on``.
    """
    if abs(found.mean) > LARGEST_MEAN:
        judge(
            f"{source}: the density has the mean {found.mean:.3g}, a linear overdensity of a periodic box has 0: "
            "subtract the mean, of rho / <rho> that is 1",
            go_on,
        )
    elif abs(found.mean) > USUAL_MEAN:
        log.warning("%s: the density has the mean %.3g; that of a whole periodic box is 0", source, found.mean)
    low, high = OF_NETWORK if of_network else OF_SPECTRUM
    ratio, allowed = found.deviation / expected, ALLOWANCE / cells
    if not low - allowed <= ratio <= high + allowed:
        whose = "the boxes the network was trained on have" if of_network else "its cosmology, redshift and cells give"
        judge(
            f"{source}: the density has the standard deviation {found.deviation:.4g}, but {whose} {expected:.4g} "
            f"({ratio:.3g} times): it must be the linear overdensity, extrapolated to the redshift of the output (a "
            "field of initial conditions times the ratio of growth factors), in the cells that the file says",
            go_on,
        )
