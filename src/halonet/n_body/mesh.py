"""Mesh of the forces: counts of clouds in cells become the potential, in two buffers that are allocated once.

The real mesh holds counts (int32), then the density contrast, then the potential (float32), all in the same memory; the
complex mesh holds modes. Transforms go plane by plane and column by column, so that nothing of the size of the mesh is
ever allocated beside these two, and pages that the system has given stay in use.

The smoothing of clouds in cells is not corrected: a correction rings, so that pairs 1.5 cells apart would pull 1.4
times too strongly, with a scatter of as much over directions, and a lattice of particles would collapse too early.
"""

from collections.abc import Callable

import numpy as np
from numba import njit
from scipy import fft

from halonet.grid.slabs import Slabs
from halonet.grid.threads import in_threads
from halonet.grid.transposes import Rows, gather_ky, rounds, scatter_ky
from halonet.grid.windows import top_hat_of_squares
from halonet.n_body.clouds import ABOVE, BELOW, WEIGHT
from halonet.settings import SettingsError

BLOCK_BYTES = 2**23  # of the planes that ranks exchange at a time
COLUMN_BYTES = 2**19  # of the columns that a thread transforms at a time
MOST_PARTICLES = 2**31 // WEIGHT  # in a cell of the mesh


class ForceMesh:
    """Buffers of a periodic mesh in slabs over ranks, and the potential of what is deposited in them.

    Parameters
    ----------
    slabs
        Distribution of the mesh, M cells along a side.
    particles
        Number of particles of all ranks.
    """

    def __init__(self, slabs: Slabs, particles: int) -> None:
        self.slabs, self.particles = slabs, particles
        fewest = slabs.cells // slabs.ranks
        if fewest < max(BELOW, ABOVE):
            raise SettingsError(
                f"a mesh of {slabs.cells} cells on {slabs.ranks} ranks has {fewest} planes a rank; at least "
                f"{max(BELOW, ABOVE)} are needed: use fewer ranks"
            )
        side = slabs.cells
        self.real = np.zeros((BELOW + slabs.planes + ABOVE, side, side), np.float32)
        self.modes = np.zeros(slabs.modes_shape, np.complex64)
        k = 2 * np.pi / side * slabs.wavenumbers[0].ravel()
        self._squares = (k**2).astype(np.float32)
        self._kz = self._squares[: side // 2 + 1]

    @property
    def counts(self) -> np.ndarray:
        """The real mesh as whole numbers, int32 of shape (BELOW + planes + ABOVE, M, M)."""
        return self.real.view(np.int32)

    @property
    def own(self) -> np.ndarray:
        """This rank's planes of the real mesh, without those of its neighbours: a view of shape (planes, M, M)."""
        return self.real[BELOW : BELOW + self.slabs.planes]

    def solve(self) -> None:
        """Turn deposited counts into the potential laplacian^-1 delta (cells of the mesh squared); collective.

        Raises
        ------
        SettingsError
            If a cell of the mesh has overflowed.
        """
        self._contrast()
        self._filter(lambda columns, first: to_potential(columns, self._squares, self._squares[first:], self._kz))

    def to_contrast(self) -> None:
        """Turn deposited counts into the density contrast, also in the planes of the neighbours; collective.

        Raises
        ------
        SettingsError
            As :meth:`solve`.
        """
        self._contrast()
        self._share_planes()

    def smooth(self, radius: float) -> None:
        """Average the density contrast over spheres (top-hat) of ``radius`` cells of the mesh, in place; collective."""
        window = top_hat_of_squares(self.slabs.cells, radius)
        self._filter(lambda columns, first: times_window(columns, first, window))

    def _filter(self, change: Callable[[np.ndarray, int], None]) -> None:
        """Change the modes of the real mesh; collective.

        ``change`` gets modes of a few ky as pairs of real numbers, float32 of shape (M, ky, M + 2), and the first ky.
        """
        self._forward()
        self._columns(change)
        self._inverse()
        self._share_planes()

    def _contrast(self) -> None:
        self._take_over_counts()
        self._counts_to_contrast()

    def _take_over_counts(self) -> None:
        """Add what particles of the rank below have deposited in this rank's first plane."""
        beyond = self.counts[BELOW + self.slabs.planes]
        self.counts[BELOW] += self._from_below(beyond) if self.slabs.ranks > 1 else beyond

    def _from_below(self, plane: np.ndarray) -> np.ndarray:
        slabs, received = self.slabs, np.empty_like(plane)
        upper, lower = (slabs.rank + 1) % slabs.ranks, (slabs.rank - 1) % slabs.ranks
        slabs.communicator.Sendrecv(np.ascontiguousarray(plane), upper, 0, received, lower, 0)
        return received

    def _counts_to_contrast(self) -> None:
        """Density contrast in place of counts; the sum of all counts says whether one has overflowed."""
        counts, mean = self.counts[BELOW : BELOW + self.slabs.planes], self.particles * WEIGHT / self.slabs.cells**3
        totals = np.zeros(self.slabs.planes, np.int64)

        def contrast(plane: int) -> None:
            totals[plane] = to_contrast(counts[plane], mean, self.own[plane])

        in_threads(contrast, range(self.slabs.planes), self.slabs.threads)
        total = int(totals.sum())
        if self.slabs.ranks > 1:
            total = self.slabs.communicator.allreduce(total)
        if total != self.particles * WEIGHT:
            raise SettingsError(
                f"more than {MOST_PARTICLES} particles in a cell of the force mesh ({self.slabs.cells} cells along a "
                "side): their weights no longer fit into 32 bits; use a finer mesh (ground_truth.n_body.mesh)"
            )

    def _rounds(self) -> list[Rows]:
        """Planes of every rank, of some BLOCK_BYTES at a time."""
        side = self.slabs.cells
        return rounds(self.slabs, max(1, BLOCK_BYTES // (8 * side * (side // 2 + 1))))

    def _forward(self) -> None:
        """Transform planes and hand them out by ky; the modes still lack the transform along x."""
        slabs = self.slabs
        if slabs.ranks == 1:
            in_threads(self._transform_plane, range(slabs.cells), slabs.threads)
            return
        for rows in self._rounds():
            planes = fft.rfft2(self.own[slice(*rows[slabs.rank])], axes=(1, 2), workers=slabs.threads)
            scatter_ky(slabs, planes, rows, self.modes)

    def _transform_plane(self, plane: int) -> None:
        self.modes[plane] = fft.rfft2(self.own[plane])

    def _columns(self, change: Callable[[np.ndarray, int], None]) -> None:
        """Transform along x, change the modes, transform back; a few ky at a time, which fit into the cache."""
        slabs = self.slabs

        def work(block: slice) -> None:
            columns = fft.fft(np.ascontiguousarray(self.modes[:, block]), axis=0, overwrite_x=True)
            change(columns.view(np.float32), slabs.start + block.start)
            self.modes[:, block] = fft.ifft(columns, axis=0, overwrite_x=True)

        size = max(1, COLUMN_BYTES // self.modes[:, 0].nbytes)
        blocks = [slice(start, min(start + size, slabs.planes)) for start in range(0, slabs.planes, size)]
        in_threads(work, blocks, slabs.threads)

    def _inverse(self) -> None:
        """Gather all ky of this rank's planes and transform them back."""
        slabs = self.slabs
        if slabs.ranks == 1:
            in_threads(lambda plane: self._transform_back(self.modes[plane], plane), range(slabs.cells), slabs.threads)
            return
        for rows in self._rounds():
            planes = gather_ky(slabs, self.modes, rows)  # none are left where other ranks have a plane more
            pairs = zip(planes, range(*rows[slabs.rank]), strict=True)
            in_threads(lambda pair: self._transform_back(*pair), pairs, slabs.threads)

    def _transform_back(self, modes: np.ndarray, plane: int) -> None:
        modes = fft.ifft(modes, axis=0, overwrite_x=True)
        self.own[plane] = fft.irfft(modes, n=self.slabs.cells, axis=1)

    def _share_planes(self) -> None:
        """Copy the planes of the neighbours that the derivative reaches."""
        planes, own = self.slabs.planes, self.own
        if self.slabs.ranks == 1:
            self.real[:BELOW], self.real[BELOW + planes :] = own[-BELOW:], own[:ABOVE]
            return
        slabs = self.slabs
        upper, lower = (slabs.rank + 1) % slabs.ranks, (slabs.rank - 1) % slabs.ranks
        exchange = slabs.communicator.Sendrecv
        exchange(np.ascontiguousarray(own[-BELOW:]), upper, 0, self.real[:BELOW], lower, 0)
        exchange(np.ascontiguousarray(own[:ABOVE]), lower, 1, self.real[BELOW + planes :], upper, 1)


@njit(cache=True, nogil=True)
def to_contrast(counts, mean, contrast):
    """Density contrast of a plane of counts, which may lie in the same memory; their sum is returned."""
    total, of_mean, one = np.int64(0), np.float32(mean), np.float32(1)
    for y in range(counts.shape[0]):
        for z in range(counts.shape[1]):
            count = counts[y, z]
            total += count
            contrast[y, z] = np.float32(count) / of_mean - one
    return total


@njit(cache=True, nogil=True)
def to_potential(modes, kx, ky, kz):
    """Multiply modes by -1 / k^2; the mean has no force.

    Complex numbers are pairs of real ones here: ``modes`` is float32 of shape (kx, ky, 2 kz). The others are squares of
    wavenumbers.
    """
    factors = np.empty(modes.shape[2], np.float32)
    for i in range(modes.shape[0]):
        for j in range(modes.shape[1]):
            for k in range(len(kz)):
                squared = kx[i] + (ky[j] + kz[k])
                factors[2 * k] = factors[2 * k + 1] = np.float32(-1) / squared if squared > 0 else np.float32(0)
            for k in range(modes.shape[2]):
                modes[i, j, k] *= factors[k]


@njit(cache=True, nogil=True)
def times_window(modes, first, window):
    """Multiply modes of a few ky, which begin with number ``first``, by a window of k^2 in units of the fundamental."""
    side = modes.shape[0]
    for i in range(side):
        kx = i if 2 * i <= side else i - side
        for j in range(modes.shape[1]):
            ky = first + j if 2 * (first + j) <= side else first + j - side
            across = kx * kx + ky * ky
            for k in range(modes.shape[2] // 2):
                factor = window[across + k * k]
                modes[i, j, 2 * k] *= factor
                modes[i, j, 2 * k + 1] *= factor
