"""Fourier-diagonal mass of the phases.

Notes
-----
A Poisson sample of density nbar (1 + b delta) bends the potential of the white-noise mode s_k by nbar b^2 P(k) beside
the prior's 1. With the mass M_k = 1 + nbar b^2 P(k) all modes of a linear, Gaussian universe turn at the same rate
(Simon-Onfroy, Lanusse & de Mattia 2025 precondition with the same "Kaiser" posterior). Momenta are drawn as
F^-1 sqrt(M_k) F of white noise, velocities are F^-1 M_k^-1 F p.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from halonet.field_level.gravity import Gravity


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


def kaiser_mass(gravity: Gravity, haloes_per_volume: float, bias: float) -> FourierMass:
    """Mass 1 + nbar b^2 P(k) of a catalogue of ``haloes_per_volume`` (Mpc^-3) and linear bias ``bias``."""
    return FourierMass(1 + haloes_per_volume * bias**2 * gravity.linear_power)
