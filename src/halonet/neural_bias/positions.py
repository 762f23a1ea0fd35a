"""Where the haloes of a draw stand within their voxels: at particles of the matter, no two at the same.

Notes
-----
The model knows the number of haloes of a voxel, not where in it they are. Positions that are uniform in voxels of 6 Mpc
lose a tenth of the power at k = 0.2 per Mpc. The displaced particles whose density the engine saw are clustered within
voxels as the matter is, and each brings the Lagrangian position that it came from.
"""

from typing import NamedTuple

import numpy as np

from halonet.cosmology import growth_rate, hubble_rate
from halonet.neural_bias.draws import positions_in
from halonet.neural_bias.evolution import displaced_lattice, displacement, resample, voxel_of
from halonet.neural_bias.inputs import Inputs
from halonet.settings import CosmologySettings

SUPERSAMPLE = 2  # particles per cell along a side


class Matter:
    """Displaced particles of a box, in the order of their voxels.

    Parameters
    ----------
    moved
        Displacement (Mpc) on the engine's grid, shape (3, N, N, N).
    """

    def __init__(self, moved: np.ndarray, box_size: float):
        self.cells, self.box_size = moved.shape[1], box_size
        points = self.cells * SUPERSAMPLE
        positions = _inside(displaced_lattice(moved, box_size, SUPERSAMPLE).T, box_size)
        voxels = voxel_of(positions, self.cells, box_size)
        order = np.argsort(voxels, kind="stable")
        self.positions = positions[order]
        lattice = np.stack(np.unravel_index(order, (points,) * 3), axis=1)
        self.origins = (lattice + 0.5) * (box_size / points)
        self.numbers = np.bincount(voxels, minlength=self.cells**3)
        self.first = np.cumsum(self.numbers) - self.numbers

    def particles_for(self, voxels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A particle for each halo in the voxels, -1 in a voxel without any; shape (haloes,).

        A particle is taken twice only where a voxel has more haloes than particles.
        """
        order = np.argsort(voxels, kind="stable")
        inside = voxels[order]
        rank = np.arange(len(inside)) - np.searchsorted(inside, inside)
        available = np.maximum(self.numbers[inside], 1)
        start = rng.integers(0, np.iinfo(np.int64).max, self.cells**3)[inside] % available
        particles = self.first[inside] + (start + rank % available * _coprime(available)) % available
        found = np.empty(len(inside), np.int64)
        found[order] = np.where(self.numbers[inside] > 0, particles, -1)
        return found


def _coprime(numbers: np.ndarray) -> np.ndarray:
    """A stride near the golden section of each number that meets all residues, so that neighbours are far apart."""
    stride = np.maximum(np.rint(0.618 * numbers).astype(np.int64), 1)
    while (shared := np.gcd(stride, numbers) > 1).any():
        stride[shared] += 1
    return stride


class Placed(NamedTuple):
    """Eulerian and Lagrangian positions (Mpc) and velocities (km/s), if known, of haloes; shape (haloes, 3) each."""

    eulerian: np.ndarray
    lagrangian: np.ndarray
    velocity: np.ndarray | None


def place_haloes(
    voxels: np.ndarray,
    inputs: Inputs,
    rng: np.random.Generator,
    matter: Matter | None = None,
    cosmology: CosmologySettings | None = None,
) -> Placed:
    """Haloes in the voxels of a box, with velocities where a cosmology says how fast displacements grow.

    Where only an evolved density is known, positions are uniform in their voxels and both the same; so they are in a
    voxel without particles. ``matter`` is that of the inputs, where it is at hand.
    """
    eulerian = positions_in(voxels, inputs.cells, inputs.box_size, rng)
    lagrangian = eulerian.copy()
    if inputs.moved is None:
        return Placed(eulerian, lagrangian, None)
    matter = matter or Matter(inputs.moved, inputs.box_size)
    particles = matter.particles_for(voxels, rng)
    chosen = particles >= 0
    eulerian[chosen], lagrangian[chosen] = matter.positions[particles[chosen]], matter.origins[particles[chosen]]
    if cosmology is None or inputs.linear is None:
        return Placed(eulerian, lagrangian, None)
    return Placed(eulerian, lagrangian, _velocities(lagrangian, inputs, cosmology))


def _velocities(origins: np.ndarray, inputs: Inputs, cosmology: CosmologySettings) -> np.ndarray:
    """a H f (psi1 + 2 psi2) (km/s) of matter from Lagrangian positions (Mpc), shape (haloes, 3), as for Peak Patch."""
    assert inputs.linear is not None
    assert inputs.moved is not None
    first = displacement(inputs.linear, inputs.box_size, cosmology, 1)
    redshift = cosmology.redshift
    rate = hubble_rate(cosmology, redshift) / (1 + redshift) * growth_rate(cosmology, redshift)
    points = SUPERSAMPLE * inputs.cells
    at = tuple((origins * (points / inputs.box_size)).astype(np.int64).T % points)
    return rate * np.stack([resample(part, points)[at] for part in 2 * inputs.moved - first], axis=1)


def _inside(positions: np.ndarray, box_size: float) -> np.ndarray:
    positions = np.mod(positions, box_size)
    return np.where(positions >= box_size, 0.0, positions)
