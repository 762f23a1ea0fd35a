"""Forces of the particles on each other: positions, deposit, potential, read-out, kick, in chunks and by threads."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from halonet.grid.fixed_point import LARGEST_MESH, fixed_positions
from halonet.grid.slabs import Slabs
from halonet.n_body.clouds import advance, deposit, read_density, read_out
from halonet.n_body.exchange import return_values, send_positions
from halonet.n_body.mesh import ForceMesh
from halonet.settings import SettingsError

CHUNK = 2**18  # particles; their positions and forces (24 bytes each) stay in the cache of a processor


class Gravity:
    """Force of all particles of a periodic box, one particle per Lagrangian cell; its methods are collective.

    Parameters
    ----------
    slabs
        Distribution of the Lagrangian cells, and of their particles, over ranks, and threads of each.
    refinement
        B, cells of the force mesh along a Lagrangian cell.
    """

    def __init__(self, slabs: Slabs, refinement: int) -> None:
        side = refinement * slabs.cells
        if side > LARGEST_MESH:
            raise SettingsError(
                f"a force mesh of {slabs.cells} x {refinement} = {side} cells along a side is larger than "
                f"{LARGEST_MESH}; use a coarser mesh (ground_truth.n_body.mesh) or fewer cells"
            )
        self.lattice, self.refinement = slabs, refinement
        self.mesh = ForceMesh(Slabs(side, slabs.communicator, slabs.threads), slabs.cells**3)
        # Particles that have not moved are halfway between points of the mesh, where a small shift is a linear change.
        self.shift = 0.0 if refinement % 2 else 0.5
        self._threads = ThreadPoolExecutor(slabs.threads) if slabs.threads > 1 else None
        self._positions = np.empty((CHUNK, 3), np.uint32)

    def update(self, displacements: np.ndarray) -> None:
        """Compute the potential of particles with these displacements (cells), float32 of shape (planes, N, N, 3)."""
        self._deposit_all(displacements)
        self.mesh.solve()

    def to_contrast(self, displacements: np.ndarray) -> None:
        """Put the density contrast of particles with these displacements in the place of the potential."""
        self._deposit_all(displacements)
        self.mesh.to_contrast()

    def read_densities(self, displacements: np.ndarray, densities: np.ndarray) -> None:
        """Fill ``densities``, float32 of shape (planes, N, N), with 1 + the contrast at these particles' positions."""
        densities = densities.reshape(-1, 1)
        for rows, positions in self._chunks(displacements.reshape(-1, 3)):
            route = send_positions(positions, self.mesh.slabs)
            densities[rows] = return_values(self._read_density(route.positions), route, self.mesh.slabs)

    def _deposit_all(self, displacements: np.ndarray) -> None:
        self.mesh.counts[:] = 0
        for _, positions in self._chunks(displacements.reshape(-1, 3)):
            self._deposit(send_positions(positions, self.mesh.slabs).positions)

    def kick(self, momenta: np.ndarray, displacements: np.ndarray, factor: float) -> None:
        """Add ``factor`` times the force -grad laplacian^-1 delta (cells) of the last update to the momenta, in place.

        Momenta and displacements (cells) are this rank's, float32 of shape (planes, N, N, 3).
        """
        momenta = momenta.reshape(-1, 3)
        for rows, positions in self._chunks(displacements.reshape(-1, 3)):
            route = send_positions(positions, self.mesh.slabs)
            forces = return_values(self._read_out(route.positions), route, self.mesh.slabs)
            self._share(partial(_advance_part, momenta[rows], forces, factor), rows)

    def drift(self, displacements: np.ndarray, momenta: np.ndarray, factor: float) -> None:
        """Add ``factor`` times the momenta to the displacements (cells), in place; shape (planes, N, N, 3) each."""
        displacements, momenta = displacements.reshape(-1, 3), momenta.reshape(-1, 3)
        self._share(partial(_advance_part, displacements, momenta, factor), slice(0, len(momenta)))

    def _chunks(self, displacements: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Rows of this rank's particles and their positions on the mesh, a chunk at a time."""
        cells, first = self.lattice.cells, self.lattice.start * self.lattice.cells**2
        for start in range(0, len(displacements), CHUNK):
            rows = slice(start, min(start + CHUNK, len(displacements)))
            positions = self._positions[: rows.stop - rows.start]

            def place(part: slice, start: int = start, rows: slice = rows, positions: np.ndarray = positions) -> None:
                common = (cells, self.refinement, self.shift, positions[part])
                fixed_positions(displacements[rows][part], first + start + part.start, *common)

            self._share(place, rows)
            yield rows, positions

    def _deposit(self, positions: np.ndarray) -> None:
        """Each thread adds to rows of its own."""
        counts, slabs = self.mesh.counts, self.mesh.slabs
        edges = np.linspace(0, slabs.cells, slabs.threads + 1).astype(int)
        self._run(lambda low, high: deposit(positions, counts, slabs.start, low, high), edges[:-1], edges[1:])

    def _read_out(self, positions: np.ndarray) -> np.ndarray:
        forces, slabs = np.empty((len(positions), 3), np.float32), self.mesh.slabs

        def read(part: slice) -> None:
            read_out(positions[part], self.mesh.real, slabs.start, 1 / self.refinement, forces[part])

        self._share(read, slice(0, len(positions)))
        return forces

    def _read_density(self, positions: np.ndarray) -> np.ndarray:
        densities, slabs = np.empty((len(positions), 1), np.float32), self.mesh.slabs

        def read(part: slice) -> None:
            read_density(positions[part], self.mesh.real, slabs.start, densities[part])

        self._share(read, slice(0, len(positions)))
        return densities

    def _share(self, work: Callable[[slice], None], rows: slice) -> None:
        """Let every thread do a part of as many rows."""
        edges = np.linspace(0, rows.stop - rows.start, self.lattice.threads + 1).astype(int)
        self._run(lambda low, high: work(slice(low, high)), edges[:-1], edges[1:])

    def _run(self, work: Callable[..., None], lows: np.ndarray, highs: np.ndarray) -> None:
        if self._threads is None:
            work(int(lows[0]), int(highs[0]))
        else:
            list(self._threads.map(work, map(int, lows), map(int, highs)))


def _advance_part(values: np.ndarray, rates: np.ndarray, factor: float, part: slice) -> None:
    advance(values[part], rates[part], factor)
