"""Slab decomposition of a periodic N^3 grid over MPI ranks, and its distributed real FFT.

A rank owns N / ranks planes of constant x, one more or less where ranks do not divide N. The forward transform does the
(y, z) plane, exchanges blocks once (Alltoallv) and finishes along x, so modes are distributed over ky. Every number a
rank computes is the one that a single rank would: 1-D transforms do not see how many of them there are, and sums run
over planes in their global order.
"""

from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import fft

from halonet.grid.transposes import Rows, gather_ky, rounds, scatter_ky
from halonet.mpi import Communicator

ROUND_BYTES = 2**24  # of modes that ranks exchange at a time


class SlabError(ValueError):
    """A grid and a number of ranks that do not fit together."""


class Slabs:
    """Slabs of an N^3 grid.

    Parameters
    ----------
    cells
        N, cells along a side.
    communicator
        MPI communicator; None for one slab without MPI.
    threads
        Threads of each rank's 1-D transforms.

    Attributes
    ----------
    start, stop, planes
        First plane of this rank, that after its last, and how many it has.
    bounds
        First planes of all ranks, and N.
    """

    def __init__(self, cells: int, communicator: Communicator | None = None, threads: int = 1):
        self.communicator: Any = communicator  # which is asked for only where there are several ranks
        self.threads, self.cells = threads, cells
        self.rank = communicator.rank if communicator else 0
        self.ranks = communicator.size if communicator else 1
        if cells < self.ranks:
            raise SlabError(f"{cells} cells along a side cannot be shared out among {self.ranks} ranks")
        self.bounds = [cells * rank // self.ranks for rank in range(self.ranks + 1)]
        self.start, self.stop = self.bounds[self.rank : self.rank + 2]
        self.planes = self.stop - self.start

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of a rank's real field."""
        return self.planes, self.cells, self.cells

    @cached_property
    def owners(self) -> np.ndarray:
        """Rank that has each plane, int64 of shape (N,)."""
        return np.repeat(np.arange(self.ranks), np.diff(self.bounds))

    @property
    def modes_shape(self) -> tuple[int, int, int]:
        """Shape of a rank's modes: all kx, its ky, kz >= 0."""
        return self.cells, self.planes, self.cells // 2 + 1

    # Fourier transforms, numpy's convention: the inverse divides by N^3.

    def forward(self, field: np.ndarray) -> np.ndarray:
        """Modes of a real field, complex64 of :attr:`modes_shape`."""
        if self.ranks == 1:
            modes = fft.rfft2(field, axes=(1, 2), workers=self.threads)
        else:
            modes = np.empty(self.modes_shape, np.result_type(field.dtype, np.complex64))
            for rows in self._rounds(modes.itemsize):
                planes = fft.rfft2(field[slice(*rows[self.rank])], axes=(1, 2), workers=self.threads)
                scatter_ky(self, planes, rows, modes)
        return fft.fft(modes, axis=0, overwrite_x=True, workers=self.threads)

    def inverse(self, modes: np.ndarray, overwrite: bool = False) -> np.ndarray:
        """Real field of modes, float32 of :attr:`shape`. To ``overwrite`` the modes saves a copy of them."""
        columns = fft.ifft(modes, axis=0, overwrite_x=overwrite, workers=self.threads)
        if self.ranks == 1:
            return self._transformed_back(columns)
        field = np.empty(self.shape, columns.real.dtype)
        for rows in self._rounds(columns.itemsize):
            # None are left where other ranks have a plane more.
            field[slice(*rows[self.rank])] = self._transformed_back(gather_ky(self, columns, rows))
        return field

    def _rounds(self, value: int) -> list[Rows]:
        """Planes of every rank whose modes, of ``value`` bytes each, are some :data:`ROUND_BYTES`."""
        return rounds(self, max(1, ROUND_BYTES // (value * self.cells * (self.cells // 2 + 1))))

    def _transformed_back(self, planes: np.ndarray) -> np.ndarray:
        # Axis by axis: irfft2 would take memory of its own for the modes between its two axes, which costs a third more
        # time. The bits are the same.
        planes = fft.ifft(planes, axis=1, overwrite_x=True, workers=self.threads)
        return fft.irfft(planes, n=self.cells, axis=2, workers=self.threads)

    # Wavenumbers, in units of 2 pi / L as float64, shaped to broadcast against the modes.

    @cached_property
    def wavenumbers(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Integer wavenumbers (kx, ky, kz) in units of the fundamental, shaped to broadcast over the modes."""
        k = fft.fftfreq(self.cells, 1 / self.cells)
        return k[:, None, None], k[None, self.start : self.stop, None], np.abs(k[None, None, : self.cells // 2 + 1])

    @cached_property
    def off_nyquist(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each axis 0 on the Nyquist plane and 1 elsewhere, float32, in the shapes of :attr:`wavenumbers`.

        There the odd derivatives of a real field vanish.
        """
        return tuple((np.abs(k) != self.cells / 2).astype(np.float32) for k in self.wavenumbers)

    # Transfer of planes between ranks.

    def with_ghosts(self, field: np.ndarray, depth: int) -> np.ndarray:
        """Field with ``depth`` planes of the periodic neighbours on both sides, shape (planes + 2 depth, N, N)."""
        slabs = pairwise(self.bounds)
        return self.fetch_planes(field, [(start - depth, stop - start + 2 * depth) for start, stop in slabs])

    def fetch_planes(
        self, field: np.ndarray, wanted: list[tuple[int, int]], out: np.ndarray | None = None
    ) -> np.ndarray:
        """Planes that this rank wants, whoever owns them; collective.

        Parameters
        ----------
        wanted
            First plane (periodic, may be negative) and number of planes of every rank.
        out
            Array the planes are written to, shape (number, N, N, ...); any strides.
        """
        first, count = wanted[self.rank]
        if out is None:
            out = np.empty((count, *field.shape[1:]), field.dtype)
        if self.ranks == 1:
            for i in range(count):
                out[i] = field[(first + i) % self.cells]
            return out
        # In rounds of one plane a rank, so that no more than one plane a pair is ever in flight.
        for i in range(max(number for _, number in wanted)):
            sends, plane = [], None
            for rank, (start, number) in enumerate(wanted):
                owner = (start + i) % self.cells - self.start
                if i < number and 0 <= owner < self.planes:
                    sends.append(self.communicator.Isend(np.ascontiguousarray(field[owner]), rank, tag=i))
            if i < count:
                plane = np.empty(field.shape[1:], field.dtype)
                self.communicator.Recv(plane, self.owners[(first + i) % self.cells], tag=i)
                out[i] = plane
            for request in sends:
                request.Wait()
        return out

    def neighbour_planes(self, field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The planes below and above this rank's slab of shape (planes, N, N), (N, N) each; collective."""
        if self.ranks == 1:
            return field[-1], field[0]
        below, above = (np.empty((self.cells, self.cells), field.dtype) for _ in range(2))
        lower, upper = (self.rank - 1) % self.ranks, (self.rank + 1) % self.ranks
        self.communicator.Sendrecv(np.ascontiguousarray(field[-1]), upper, 0, below, lower, 0)
        self.communicator.Sendrecv(np.ascontiguousarray(field[0]), lower, 1, above, upper, 1)
        return below, above

    def collect(self, field: np.ndarray, thickness: int) -> Iterator[tuple[int, np.ndarray]]:
        """Stream the whole field through rank 0, ``thickness`` planes at a time; the other ranks only send.

        Rank 0 gets the number of the first plane, and the planes as an array of shape (planes, N, N, ...).
        """
        for start in range(0, self.cells, thickness):
            stop = min(start + thickness, self.cells)
            mine = field[max(start - self.start, 0) : max(stop - self.start, 0)]
            if self.rank == 0:
                yield start, self._receive_group(start, stop, mine)
            elif len(mine):
                self.communicator.Send(np.ascontiguousarray(mine), 0)

    def _receive_group(self, start: int, stop: int, mine: np.ndarray) -> np.ndarray:
        if len(mine) == stop - start:
            return mine
        group = np.empty((stop - start, *mine.shape[1:]), mine.dtype)
        group[: len(mine)] = mine
        position = start + len(mine)
        while position < stop:
            owner = self.owners[position]
            end = min(stop, self.bounds[owner + 1])
            self.communicator.Recv(group[position - start : end - start], owner)
            position = end
        return group

    def sum_planes(self, values: np.ndarray) -> float:
        """Sum of one float64 per plane, shape (planes,), in the global order of planes; the same on every rank."""
        if self.ranks > 1:
            values = np.concatenate(self.communicator.allgather(values))
        return float(np.sum(values))

    def gather(self, values: np.ndarray) -> np.ndarray:
        """Concatenate every rank's rows, shape (rows, ...), in rank order, on every rank."""
        return np.concatenate(self.communicator.allgather(values)) if self.ranks > 1 else values

    def largest(self, values: np.ndarray) -> float:
        """Largest of the values of all ranks, -1 where there are none; collective."""
        own = float(np.max(np.asarray(values, np.float64), initial=-1))
        return max(self.communicator.allgather(own)) if self.ranks > 1 else own

    def own_rows(self, planes: np.ndarray) -> np.ndarray:
        """Which of some ``planes`` (shape (rows,), periodic) are this rank's, their numbers in ascending order."""
        planes = planes % self.cells
        return np.flatnonzero((planes >= self.start) & (planes < self.stop))

    def merge(self, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Values of all rows on every rank, from those that each has of its own ``rows``; collective."""
        if self.ranks == 1:
            return values
        rows, values = self.gather(rows), self.gather(values)
        merged = np.empty_like(values)
        merged[rows] = values
        return merged

    def standard_deviation(self, field: np.ndarray) -> float:
        """Standard deviation about its mean of a field of which this rank has (planes, N, N).

        The sums are float64 and the same for any number of ranks.
        """
        count = self.cells**3
        mean = self.sum_planes(field.sum(axis=(1, 2), dtype=np.float64)) / count
        squares = np.array([np.sum((plane.astype(np.float64) - mean) ** 2) for plane in field])
        return (self.sum_planes(squares) / count) ** 0.5
