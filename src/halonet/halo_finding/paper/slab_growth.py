"""Growing haloes in slabs over ranks to those of one process (:mod:`halonet.halo_finding.paper.growth`).

Which cells a halo may take depends on all that have grown before it, in one order for the whole box. Each rank grows
the haloes centred in its planes, in this order, on its planes and some of its neighbours', and takes the haloes of
others to be what they were in the last round, at first nothing. Rounds go on until no halo changes. Then each has grown
as all before it say, and so as in one process: by induction the first haloes of the order are right after one round,
those that depend on them after two, and so on. Few rounds are needed, as only haloes that touch depend on each other.
"""

import numpy as np
from numba import njit

from halonet.grid.scratch import zeros
from halonet.grid.shells import shells_within
from halonet.grid.slabs import Slabs
from halonet.halo_finding.paper.growth import claim, count_shells, shell_threshold_at
from halonet.settings import ShellThresholdSettings

FIRST_DEPTH = 16  # planes of neighbours, and so the reach of haloes; more where a halo outgrows them


class SlabGrowth:
    """As :class:`~halonet.halo_finding.paper.growth.HaloGrowth`, of slabs; all methods are collective.

    Parameters
    ----------
    probability
        This rank's planes, float32 of shape (planes, N, N).
    """

    def __init__(self, probability: np.ndarray, shell_threshold: ShellThresholdSettings, slabs: Slabs):
        self.slabs, self.shell_threshold, self._own = slabs, shell_threshold, probability
        self.largest_reach = (slabs.cells - 1) // 2
        self._centres, self._cells = np.empty((0, 3), np.int64), np.empty(0, np.int64)  # of haloes that have grown
        self._widen(min(FIRST_DEPTH, self.largest_reach))

    def _widen(self, depth: int) -> None:
        """Get ``depth`` planes of the neighbours on either side, with what is claimed in them."""
        slabs, self.depth = self.slabs, depth
        wanted = []
        for start, stop in zip(slabs.bounds, slabs.bounds[1:], strict=False):
            beside = stop - start + 2 * depth < slabs.cells
            wanted.append((start - depth, stop - start + 2 * depth) if beside else (start, slabs.cells))
        self._first, count = wanted[slabs.rank]
        self._probability = slabs.fetch_planes(self._own, wanted)
        self._taken = zeros((count, slabs.cells, slabs.cells), bool)
        _claim_all(self._taken, self._first, self._centres, self._cells, shells_within(depth).offsets)

    @property
    def claimed(self) -> np.ndarray:
        """This rank's cells that belong to a halo already, bool of shape (planes, N, N)."""
        own = (self.slabs.start - self._first) % self.slabs.cells
        return self._taken[own : own + self.slabs.planes]

    def grow(self, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Grow haloes from cells of the whole box, the same on all ranks; see :meth:`HaloGrowth.grow`."""
        known = np.zeros((len(centres), 2), np.int64)  # squared radii and cells
        rows, own = self.slabs.own_rows(centres[:, 0]), np.zeros(len(centres), bool)
        own[rows] = True
        while True:
            taken, found, shells = self._taken.copy(), known.copy(), shells_within(self.depth)
            thresholds, final = shell_threshold_at(self.shell_threshold, shells.radii), self.depth == self.largest_reach
            place = (self._probability, taken, self._first, centres, own)
            arrays = (shells.offsets, shells.starts, shells.squared_radii, thresholds)
            outgrown = _grow_own(*place, *arrays, final, found)
            if self.slabs.largest(np.array([outgrown])) > 0:
                self._widen(min(2 * self.depth, self.largest_reach))
                continue
            found = self.slabs.merge(rows, found[rows])
            if np.array_equal(found, known):
                break
            known = found
        self._taken = taken
        grown = found[:, 1] > 0
        self._centres = np.concatenate([self._centres, centres[grown]])
        self._cells = np.concatenate([self._cells, found[grown, 1]])
        return found[:, 0], found[:, 1]


@njit(cache=True)
def _claim_all(claimed, first, centres, cells, offsets):
    for halo in range(len(cells)):
        claim(claimed, first, centres[halo], offsets[: cells[halo]])


@njit(cache=True)
def _grow_own(probability, claimed, first, centres, own, offsets, starts, squares, thresholds, final, found):
    """Grow one's ``own`` haloes into ``found`` and claim others as they are; tells whether one outgrows the shells."""
    planes, n, _ = claimed.shape
    for halo in range(len(centres)):
        centre = centres[halo]
        x = (centre[0] - first) % n
        if own[halo]:
            found[halo, 0], found[halo, 1] = 0, 0
            if claimed[x, centre[1], centre[2]]:
                continue
            count = count_shells(probability, claimed, first, centre, offsets, starts, thresholds)
            if count == thresholds.size and not final:
                return True
            if count:
                found[halo, 0], found[halo, 1] = squares[count - 1], starts[count]
        reach = int(np.sqrt(found[halo, 0])) + 1
        if found[halo, 1] and (x < planes + reach or x + reach >= n):
            claim(claimed, first, centre, offsets[: found[halo, 1]])
    return False
