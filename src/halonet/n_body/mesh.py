"""Mesh of the forces: counts of clouds in cells become the potential, in two buffers that are allocated once.

The real mesh holds counts (int32), then the density contrast, then the potential (float32), all in the same memory; the
complex mesh holds modes. Transforms go plane by plane and column by column, so that nothing of the size of the mesh is
ever allocated beside these two, and pages that the system has given stay in use.

The smoothing of clouds in cells is not corrected: a correction rings, so that pairs 1.5 cells apart would pull 1.4
times too strongly, with a scatter of as much over directions, and a lattice of particles would collapse too early.
"""

import numpy as np
from scipy import fft

from halonet.grid.slabs import Slabs
from halonet.grid.transposes import Rows, gather_ky, rounds, scatter_ky
from halonet.n_body.clouds import ABOVE, BELOW, WEIGHT
from halonet.settings import SettingsError

BLOCK_BYTES = 2**23  # of the planes, or columns, that are transformed at a time
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
        self._take_over_counts()
        self._counts_to_contrast()
        self._forward()
        self._columns()
        self._inverse()
        self._share_planes()

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
        total = 0
        for whole, contrast in zip(counts, self.own, strict=True):
            total += int(whole.sum(dtype=np.int64))
            np.divide(whole, np.float32(mean), out=contrast, casting="unsafe", dtype=np.float32)
            contrast -= 1
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
        for rows in self._rounds():
            block = slice(*rows[slabs.rank])
            planes = _transformed(self.own[block], slabs.threads)
            if slabs.ranks == 1:
                self.modes[block] = planes
                continue
            columns, done = scatter_ky(slabs, planes, rows), 0
            for first, (start, stop) in zip(slabs.bounds, rows, strict=False):
                self.modes[first + start : first + stop] = columns[done : done + stop - start]
                done += stop - start

    def _columns(self) -> None:
        """Transform along x, multiply by -1 / k^2, transform back; a few ky at a time, which fit into the cache."""
        slabs, workers = self.slabs, self.slabs.threads
        kz = self._squares[: slabs.cells // 2 + 1]
        size = max(1, BLOCK_BYTES // self.modes[:, 0].nbytes)
        for block in (slice(start, min(start + size, slabs.planes)) for start in range(0, slabs.planes, size)):
            columns = np.ascontiguousarray(self.modes[:, block])
            columns = fft.fft(columns, axis=0, overwrite_x=True, workers=workers)
            ky = self._squares[slabs.start + block.start : slabs.start + block.stop]
            across = ky[:, None] + kz
            for plane, kx in zip(columns, self._squares, strict=True):
                squared = kx + across
                squared[squared == 0] = np.inf  # the mean has no force
                plane *= -1 / squared
            self.modes[:, block] = fft.ifft(columns, axis=0, overwrite_x=True, workers=workers)

    def _inverse(self) -> None:
        """Gather all ky of this rank's planes and transform them back."""
        slabs = self.slabs
        for rows in self._rounds():
            block = slice(*rows[slabs.rank])
            planes = self.modes[block] if slabs.ranks == 1 else gather_ky(slabs, self.modes, rows)
            if not len(planes):
                continue  # other ranks have a plane more
            planes = fft.ifft(planes, axis=1, overwrite_x=True, workers=slabs.threads)
            self.own[block] = fft.irfft(planes, n=slabs.cells, axis=2, workers=slabs.threads)

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


def _transformed(planes: np.ndarray, threads: int) -> np.ndarray:
    """Modes of planes, of which there may be none."""
    if not len(planes):
        return np.zeros((0, planes.shape[1], planes.shape[2] // 2 + 1), np.complex64)
    return fft.rfft2(planes, axes=(1, 2), workers=threads)
