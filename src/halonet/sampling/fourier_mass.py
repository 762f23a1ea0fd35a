"""Mass matrix that is diagonal in Fourier space, for fields of white noise.

Notes
-----
Momenta are drawn as F^-1 sqrt(M_k) F of white noise, velocities are F^-1 M_k^-1 F p.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft


@dataclass(frozen=True)
class FourierMass:
    """Mass of the modes of white noise; fields are flat, shape (N^3,).

    Attributes
    ----------
    modes
        M_k, positive, shape (N, N, N / 2 + 1).
    """

    modes: np.ndarray

    def apply(self, field: np.ndarray, power: float) -> np.ndarray:
        """F^-1 M_k^power F of a field."""
        cells = self.modes.shape[0]
        transformed = fft.rfftn(field.reshape((cells,) * 3))
        return fft.irfftn(transformed * self.modes**power, (cells,) * 3).ravel()

    def draw_momentum(self, rng: np.random.Generator) -> np.ndarray:
        """Momentum from N(0, M)."""
        return self.apply(rng.standard_normal(self.modes.shape[0] ** 3), 0.5)

    def velocity(self, momentum: np.ndarray) -> np.ndarray:
        """ds / dt = M^-1 p."""
        return self.apply(momentum, -1.0)

    def kinetic_energy(self, momentum: np.ndarray) -> float:
        """p M^-1 p / 2."""
        return 0.5 * float(momentum @ self.velocity(momentum))
