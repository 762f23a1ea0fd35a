"""Where the haloes of a draw stand within their voxels: at particles of the matter, no two at the same.

Notes
-----
The model knows the number of haloes of a voxel, not where in it they are. Positions that are uniform in voxels of 6 Mpc
lose a tenth of the power at k = 0.2 per Mpc. The displaced particles whose density the engine saw are clustered within
voxels as the matter is, and each brings the Lagrangian position that it came from.
"""

import numpy as np

from halonet.neural_bias.draws import positions_in
from halonet.neural_bias.evolution import displaced_lattice, voxel_of
from halonet.neural_bias.inputs import Inputs


class Matter:
    """Displaced particles of a box, in the order of their voxels.

    Parameters
    ----------
    moved
        Displacement (Mpc) on the engine's grid, shape (3, N, N, N).
    supersample
        Particles per cell along a side.
    """

    def __init__(self, moved: np.ndarray, box_size: float, supersample: int = 2):
        self.cells, self.box_size = moved.shape[1], box_size
        points = self.cells * supersample
        positions = _inside(displaced_lattice(moved, box_size, supersample).T, box_size)
        voxels = voxel_of(positions, self.cells, box_size)
        order = np.argsort(voxels, kind="stable")
        self.positions = positions[order]
        lattice = np.stack(np.unravel_index(order, (points,) * 3), axis=1)
        self.origins = (lattice + 0.5) * (box_size / points)
        self.numbers = np.bincount(voxels, minlength=self.cells**3)
        self.first = np.cumsum(self.numbers) - self.numbers

    def place(self, voxels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Eulerian and Lagrangian positions (Mpc) of haloes in the voxels, shape (haloes, 3) each.

        Particles are used twice only where a voxel has more haloes than particles. In a voxel without any a halo's
        position is uniform, and its Lagrangian position is the same.
        """
        order = np.argsort(voxels, kind="stable")
        inside = voxels[order]
        rank = np.arange(len(inside)) - np.searchsorted(inside, inside)
        available = self.numbers[inside]
        eulerian = positions_in(inside, self.cells, self.box_size, rng)
        lagrangian = eulerian.copy()
        chosen = available > 0
        start = rng.integers(0, np.iinfo(np.int64).max, self.cells**3)[inside[chosen]]
        stride = _coprime(available[chosen])
        particle = self.first[inside[chosen]] + (start + rank[chosen] * stride) % available[chosen]
        eulerian[chosen], lagrangian[chosen] = self.positions[particle], self.origins[particle]
        back = np.argsort(order, kind="stable")
        return eulerian[back], lagrangian[back]


def _coprime(numbers: np.ndarray) -> np.ndarray:
    """A stride near the golden section of each number that meets all residues, so that neighbours are far apart."""
    stride = np.maximum(np.rint(0.618 * numbers).astype(np.int64), 1)
    while (shared := np.gcd(stride, numbers) > 1).any():
        stride[shared] += 1
    return stride


def drawn_positions(
    voxels: np.ndarray, inputs: Inputs, rng: np.random.Generator, matter: Matter | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Eulerian and Lagrangian positions (Mpc) of drawn haloes, shape (haloes, 3) each.

    Where only an evolved density is known, they are uniform in their voxels and both the same. ``matter`` is that of
    the inputs, where it is at hand.
    """
    if inputs.moved is None:
        positions = positions_in(voxels, inputs.cells, inputs.box_size, rng)
        return positions, positions
    return (matter or Matter(inputs.moved, inputs.box_size)).place(voxels, rng)


def _inside(positions: np.ndarray, box_size: float) -> np.ndarray:
    positions = np.mod(positions, box_size)
    return np.where(positions >= box_size, 0.0, positions)
