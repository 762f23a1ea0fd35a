"""Growing haloes in shells until the mean probability drops below a threshold (paper, section 4, step ii)."""

import numpy as np
from numba import njit

from halonet.grid.scratch import zeros
from halonet.grid.shells import shells_within
from halonet.settings import ShellThresholdSettings

FIRST_REACH = 32  # cells; about the largest halo of the paper, beyond which shells are set up only when needed


def shell_threshold_at(settings: ShellThresholdSettings, radius: np.ndarray) -> np.ndarray:
    """Mean probability at which a halo of each ``radius`` (cells) ends; same shape."""
    inner = settings.inner_slope * radius + settings.inner_value
    return np.where(radius <= settings.break_cells, inner, settings.outer_slope * radius + settings.outer_value)


class HaloGrowth:
    """Haloes grown one after another on one probability field, each from cells that no earlier one has claimed.

    Parameters
    ----------
    probability
        Probability to belong to a halo, float32 of shape (N, N, N), periodic.
    shell_threshold
        Mean probability of a shell at which a halo ends.

    Attributes
    ----------
    claimed
        Cells that belong to a halo already, bool of shape (N, N, N).
    """

    def __init__(self, probability: np.ndarray, shell_threshold: ShellThresholdSettings):
        self.probability, self.shell_threshold = probability, shell_threshold
        self.claimed = zeros(probability.shape, bool)
        self.largest_reach = (probability.shape[0] - 1) // 2  # a larger sphere would meet itself

    def grow(self, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Grow haloes from cells, one after another, each claiming its cells.

        Parameters
        ----------
        centres
            Centre cells, int64 of shape (n, 3).

        Returns
        -------
        squared_radii, cells
            Squared radius (cells^2) and number of cells within it, int64 of shape (n,). No cells where the centre was
            claimed already or its own probability is below the threshold, so that there is no halo.
        """
        squared_radii, cells = np.zeros(len(centres), np.int64), np.zeros(len(centres), np.int64)
        done, reach = 0, min(FIRST_REACH, self.largest_reach)
        while done < len(centres):
            shells = shells_within(reach)
            thresholds = shell_threshold_at(self.shell_threshold, shells.radii)
            final = reach == self.largest_reach
            arrays = (shells.offsets, shells.starts, shells.squared_radii, thresholds)
            done = _grow(self.probability, self.claimed, centres, *arrays, done, final, squared_radii, cells)
            reach = min(2 * reach, self.largest_reach)  # needed only if the halo ``done`` outgrew these shells
        return squared_radii, cells


@njit(cache=True)
def _grow(probability, claimed, centres, offsets, starts, squares, thresholds, first, final, squared_radii, cells):
    """Grow haloes from the ``first`` on; returns the first one that outgrows the shells, unless they are ``final``."""
    for halo in range(first, len(centres)):
        centre = centres[halo]
        if claimed[centre[0], centre[1], centre[2]]:
            continue
        count = count_shells(probability, claimed, 0, centre, offsets, starts, thresholds)
        if count == thresholds.size and not final:
            return halo
        if count:
            squared_radii[halo], cells[halo] = squares[count - 1], starts[count]
            claim(claimed, 0, centre, offsets[: starts[count]])
    return len(centres)


@njit(cache=True)
def count_shells(probability, claimed, first, centre, offsets, starts, thresholds):
    """Number of shells before the first whose unclaimed cells have a mean below its threshold.

    The fields are the planes of a periodic box from the ``first`` on, all that the shells reach.
    """
    n = probability.shape[1]
    for shell in range(thresholds.size):
        total, unclaimed = 0.0, 0
        for i in range(starts[shell], starts[shell + 1]):
            x, y, z = centre[0] + offsets[i, 0] - first, centre[1] + offsets[i, 1], centre[2] + offsets[i, 2]
            x, y, z = x % n, y % n, z % n
            if not claimed[x, y, z]:
                total += probability[x, y, z]
                unclaimed += 1
        if unclaimed and total < thresholds[shell] * unclaimed:
            return shell
    return thresholds.size


@njit(cache=True)
def claim(claimed, first, centre, offsets):
    """Claim the cells of a halo in the planes from the ``first`` on."""
    planes, n, _ = claimed.shape
    for i in range(offsets.shape[0]):
        x = (centre[0] + offsets[i, 0] - first) % n
        if x < planes:
            claimed[x, (centre[1] + offsets[i, 1]) % n, (centre[2] + offsets[i, 2]) % n] = True
