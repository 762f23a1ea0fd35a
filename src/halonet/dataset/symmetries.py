"""Symmetries of the cube under which haloes are what they were: reflections, and reflections with axis permutations.

The paper multiplies its data by the 8 reflections (section 3.1); the full group of the cube has 48 elements.
"""

from dataclasses import dataclass
from itertools import permutations, product

import numpy as np


@dataclass(frozen=True)
class Symmetry:
    """Axis ``a`` of the result is axis ``axes[a]`` of the input, then run backwards where ``flips[a]`` says so."""

    axes: tuple[int, int, int]
    flips: tuple[bool, bool, bool]

    def __call__(self, field: np.ndarray) -> np.ndarray:
        """Apply to a field of shape (S, S, S), or to scalars of shape (S, S, S, C); a view of it."""
        turned = field.transpose(*self.axes, *range(3, field.ndim))
        return turned[tuple(slice(None, None, -1 if flip else 1) for flip in self.flips)]

    def turn_vectors(self, field: np.ndarray) -> np.ndarray:
        """Apply to vectors of shape (S, S, S, 3), whose components turn with the axes."""
        signs = np.where(self.flips, -1, 1).astype(field.dtype)
        return self(field)[..., list(self.axes)] * signs

    def inverse(self) -> "Symmetry":
        """The symmetry that undoes this one."""
        x, y, z = (self.axes.index(axis) for axis in range(3))
        return Symmetry((x, y, z), (self.flips[x], self.flips[y], self.flips[z]))


_FLIPS = tuple(product((False, True), (False, True), (False, True)))
GROUPS = {
    "none": (Symmetry((0, 1, 2), (False,) * 3),),
    "reflections": tuple(Symmetry((0, 1, 2), flips) for flips in _FLIPS),
    "cube": tuple(Symmetry(axes, flips) for axes in permutations(range(3), 3) for flips in _FLIPS),
}
