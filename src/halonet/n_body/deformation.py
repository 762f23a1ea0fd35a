"""How cells are deformed by a field of vectors that particles carry from their centres: displacements, or momenta.

The deformation is the gradient of the field in Lagrangian space, by central differences between neighbours.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit

from halonet.grid.slabs import Slabs
from halonet.grid.threads import in_threads


class Deformation(NamedTuple):
    """What becomes of cells, float32 of the shape of their field: scalars of the gradient G of the vectors.

    Attributes
    ----------
    contraction
        -tr G: 0 where particles keep their distance, 3 where neighbours end in one point.
    stretch
        The sum of the squares of all nine numbers of 1 + G: 3 and 0 there.
    volume
        det(1 + G), over the volume before: negative where the cell is turned inside out.
    """

    contraction: np.ndarray
    stretch: np.ndarray
    volume: np.ndarray


def deform(field: np.ndarray, slabs: Slabs, take: Callable[[int, Deformation], object]) -> None:
    """Contraction, stretch and volume of the cells of every plane, which ``take`` gets with its number; collective.

    Parameters
    ----------
    field
        In cells, float32 of shape (planes, N, N, 3).
    take
        Gets the number of a plane and what becomes of its cells, which it may overwrite. Threads call it.
    """
    ranges = list(zip(slabs.bounds[:-1], slabs.bounds[1:], strict=True))
    (below,) = slabs.fetch_planes(field, [(start - 1, 1) for start, _ in ranges])
    (above,) = slabs.fetch_planes(field, [(stop, 1) for _, stop in ranges])

    def work(plane: int) -> None:
        before = field[plane - 1] if plane else below
        behind = field[plane + 1] if plane + 1 < slabs.planes else above
        found = Deformation(*np.empty((3, slabs.cells, slabs.cells), np.float32))
        deform_plane(before, field[plane], behind, *found)
        take(plane, found)

    in_threads(work, range(slabs.planes), slabs.threads)


def deformation(field: np.ndarray, slabs: Slabs) -> Deformation:
    """As :func:`deform`, of all of this rank's planes at once, (planes, N, N) each; collective."""
    whole = Deformation(*np.empty((3, *slabs.shape), np.float32))

    def take(plane: int, found: Deformation) -> None:
        for kept, part in zip(whole, found, strict=True):
            kept[plane] = part

    deform(field, slabs, take)
    return whole


@njit(cache=True, nogil=True)
def deform_plane(before, here, behind, contraction, stretch, volume):
    """Contraction, stretch and volume of the cells of a plane of vectors, (N, N, 3), between two others."""
    side, half, one = len(here), np.float32(0.5), np.float32(1)
    for y in range(side):
        left, right = y - 1 if y else side - 1, y + 1 if y + 1 < side else 0
        for z in range(side):
            low, high = z - 1 if z else side - 1, z + 1 if z + 1 < side else 0
            xx = one + half * (behind[y, z, 0] - before[y, z, 0])
            yx = half * (behind[y, z, 1] - before[y, z, 1])
            zx = half * (behind[y, z, 2] - before[y, z, 2])
            xy = half * (here[right, z, 0] - here[left, z, 0])
            yy = one + half * (here[right, z, 1] - here[left, z, 1])
            zy = half * (here[right, z, 2] - here[left, z, 2])
            xz = half * (here[y, high, 0] - here[y, low, 0])
            yz = half * (here[y, high, 1] - here[y, low, 1])
            zz = one + half * (here[y, high, 2] - here[y, low, 2])
            contraction[y, z] = np.float32(3) - (xx + yy + zz)
            squares = (xx * xx + yx * yx + zx * zx) + (xy * xy + yy * yy + zy * zy)
            stretch[y, z] = squares + (xz * xz + yz * yz + zz * zz)
            volume[y, z] = xx * (yy * zz - yz * zy) - xy * (yx * zz - yz * zx) + xz * (yx * zy - yy * zx)
