"""What the heads of a network learn: for every cell of a halo, where its centre is and how large it is.

Haloes overlap. A cell within several of them belongs to the one it is deepest in: the smallest distance from the centre
in units of the radius. Kept on disk is the row of that halo for every cell, beside centres and radii of the haloes:
4 bytes a cell that compress well, where the targets themselves would take 16. A window of targets follows when it is
read.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numba import njit

from halonet.catalogue import HaloCatalogue
from halonet.dataset.symmetries import Symmetry
from halonet.owners import NO_HALO
from halonet.provenance import provenance
from halonet.settings import SettingsError
from halonet.storage import CHUNK_CELLS, StorageError, new_hdf5, open_hdf5, read_header, write_header

CHANNELS = 5  # of the truth of a network with heads: mask, radius (cells, 0 outside haloes), centre offset (cells)
VECTOR = slice(2, 5)  # which of them turn with the axes


@dataclass(frozen=True)
class Membership:
    """Which halo the cells of a box, or of a window of it, belong to.

    Attributes
    ----------
    rows
        Row of the halo of each cell, :data:`halonet.owners.NO_HALO` outside of all, int32 of shape (S, S, S).
    centres, radii
        Of the haloes (cells), float64 of shapes (haloes, 3) and (haloes,).
    box_cells
        Cells along a side of the periodic box.
    start
        First cell of the window.
    """

    rows: np.ndarray
    centres: np.ndarray
    radii: np.ndarray
    box_cells: int
    start: tuple[int, int, int] = (0, 0, 0)

    def radius(self) -> np.ndarray:
        """Lagrangian radius of each cell's halo (cells), 0 outside of haloes, float32 of shape (S, S, S)."""
        return np.append(self.radii, 0.0).astype(np.float32)[self.rows]

    def centre_offset(self) -> np.ndarray:
        """Vector from each cell's centre to its halo's (cells), 0 outside of haloes, float32 of shape (S, S, S, 3)."""
        half, offsets = self.box_cells / 2, np.empty((*self.rows.shape, 3), np.float32)
        for axis, (first, count) in enumerate(zip(self.start, self.rows.shape, strict=True)):
            shape = [1, 1, 1]
            shape[axis] = count
            positions = (np.arange(first, first + count) + 0.5).reshape(shape)
            centres = np.append(self.centres[:, axis], 0.0)[self.rows]
            offsets[..., axis] = (centres - positions + half) % self.box_cells - half
        offsets[self.rows == NO_HALO] = 0
        return offsets


def find_membership(haloes: HaloCatalogue) -> Membership:
    """Find the halo every cell of the box is deepest in; of equals, the most massive."""
    haloes = haloes.sorted_by_mass()
    cells = haloes.grid_cells
    centres = haloes.centres_in_cells()
    radii = haloes["radius"].astype(np.float64) / haloes.cell_size
    rows = np.full((cells,) * 3, NO_HALO, np.int32)
    depth = np.full(rows.shape, np.inf, np.float32)
    _claim(centres, radii, rows, depth)
    return Membership(rows, centres, radii, cells)


def membership_of_owners(haloes: HaloCatalogue, owners: np.ndarray) -> Membership:
    """Membership where the halo of every cell is known.

    ``owners`` has the shape (N, N, N) and holds rows of the catalogue sorted by mass.
    """
    haloes = haloes.sorted_by_mass()
    radii = haloes["radius"].astype(np.float64) / haloes.cell_size
    return Membership(owners, haloes.centres_in_cells(), radii, haloes.grid_cells)


@njit(cache=True)
def _claim(centres, radii, rows, depth):
    """Give every cell to the halo in which its squared distance over squared radius is smallest."""
    n = rows.shape[0]
    for halo in range(len(radii)):
        # Cell i has its centre at i + 1/2.
        x, y, z = centres[halo] - 0.5
        r = radii[halo]
        for i in range(int(np.ceil(x - r)), int(np.floor(x + r)) + 1):
            for j in range(int(np.ceil(y - r)), int(np.floor(y + r)) + 1):
                across = (i - x) ** 2 + (j - y) ** 2
                for k in range(int(np.ceil(z - r)), int(np.floor(z + r)) + 1):
                    squared = across + (k - z) ** 2
                    here = np.float32(squared / (r * r))
                    # As the mask has it: strictly inside, in double precision.
                    if squared < r * r and here < depth[i % n, j % n, k % n]:
                        depth[i % n, j % n, k % n], rows[i % n, j % n, k % n] = here, halo


def target_file(folder: str | Path, box: int) -> Path:
    """File of a box's membership below ``folder``."""
    return Path(folder) / f"{box:03d}.h5"


def write_membership(path: str | Path, membership: Membership, haloes: HaloCatalogue) -> None:
    """Write the membership of a whole box, atomically; ``haloes`` are those it was found from."""
    record = provenance("targets", {}, haloes.header.seed) | {"haloes": haloes.header.provenance}
    side = min(CHUNK_CELLS, membership.box_cells)
    with new_hdf5(path) as file:
        packing = {"chunks": (side,) * 3, "shuffle": True, "compression": "gzip", "compression_opts": 1}
        file.create_dataset("halo", data=membership.rows, **packing)
        file["centres"], file["radii"] = membership.centres, membership.radii
        write_header(file, replace(haloes.header, provenance=record))


def read_membership(path: str | Path, start: tuple[int, int, int] = (0, 0, 0), cells: int | None = None) -> Membership:
    """Membership in a cube of ``cells``^3 cells from ``start`` on, by default of the whole box."""
    with open_hdf5(path) as file:
        if missing := {"halo", "centres", "radii"} - set(file):
            raise StorageError(f"{path}: no {', '.join(sorted(missing))}; assign_cells.py writes such a file")
        box_cells = file["halo"].shape[0]
        cells = cells or box_cells
        if box_cells < max(start) + cells:
            raise StorageError(f"{path}: halo must hold {cells}^3 cells from {tuple(start)} on; it has {box_cells}^3")
        try:
            rows = file["halo"][tuple(slice(first, first + cells) for first in start)]
        except OSError as error:
            raise StorageError(f"{path}: halo cannot be read, the file is damaged ({error})") from None
        return Membership(rows, file["centres"][:], file["radii"][:], box_cells, start)


def check_targets(path: str | Path, haloes: str | Path) -> None:
    """Refuse targets that were not made from the catalogue ``haloes``."""
    if read_header(path).provenance.get("haloes") != read_header(haloes).provenance:
        raise SettingsError(f"{path}: these are not the targets of {haloes}, which was made otherwise or anew")


def head_truth(mask: np.ndarray, membership: Membership) -> np.ndarray:
    """Truth of a window for a network with heads, float32 of shape (S, S, S, :data:`CHANNELS`)."""
    return np.concatenate(
        [mask[..., None].astype(np.float32), membership.radius()[..., None], membership.centre_offset()], axis=-1
    )


def turned(truth: np.ndarray, symmetry: Symmetry) -> np.ndarray:
    """Truth of a window under a symmetry of the cube; the same shape.

    The truth is a mask of shape (S, S, S), or what :func:`head_truth` returns, whose vectors turn with the axes.
    """
    result = symmetry(truth)
    if truth.ndim == 4:
        result = result.copy()
        result[..., VECTOR] = symmetry.turn_vectors(truth[..., VECTOR])
    return result
