"""Distance and growth against redshift, tabulated once for millions of haloes.

Nodes stand at fixed redshifts, and a value depends on the two nodes around it alone: that of a halo is the same to the
last bit, however far the table reaches.
"""

from functools import cached_property

import numpy as np
from scipy.interpolate import CubicHermiteSpline

from halonet.cosmology import growth_factor, growth_rate, hubble_rate, matter_fraction
from halonet.settings import CosmologySettings

SPEED_OF_LIGHT = 299_792.458  # km/s
NODES = 200  # per unit of redshift; distances are right to 1e-7 Mpc, growth to 1e-9
_ABSCISSAE, _WEIGHTS = np.polynomial.legendre.leggauss(6)


class Epochs:
    """Comoving distance and growth of a flat LambdaCDM cosmology, from redshift 0 to at least ``largest``.

    All of its functions take an array and return one of its shape, float64.
    """

    def __init__(self, cosmology: CosmologySettings, largest: float):
        self.cosmology = cosmology
        self.nodes = np.arange(int(np.ceil(largest * NODES)) + 2) / NODES

    def distance(self, redshifts: np.ndarray) -> np.ndarray:
        """Comoving distance (Mpc), the integral of c / H."""
        return CubicHermiteSpline(self.nodes, self._distances, self._slopes, extrapolate=False)(redshifts)

    def redshift(self, distances: np.ndarray) -> np.ndarray:
        """Redshift at which light has come from comoving distances (Mpc); NaN beyond the table."""
        return self._inverse(distances)

    def growth(self, redshifts: np.ndarray) -> np.ndarray:
        """Linear growth factor D, 1 today."""
        return self._growth(redshifts)

    def second_order(self, redshifts: np.ndarray) -> np.ndarray:
        """Displacement of second order over its raw one: -(3/7) Om(z)^(-1/143) D^2 (Bouchet et al. 1995)."""
        return -3 / 7 * matter_fraction(self.cosmology, redshifts) ** (-1 / 143) * self.growth(redshifts) ** 2

    def velocity(self, redshifts: np.ndarray) -> np.ndarray:
        """a H f: peculiar velocity over comoving displacement of first order (km/s/Mpc)."""
        return hubble_rate(self.cosmology, redshifts) / (1 + redshifts) * self._rate(redshifts)

    @cached_property
    def _slopes(self) -> np.ndarray:
        return SPEED_OF_LIGHT / hubble_rate(self.cosmology, self.nodes)

    @cached_property
    def _distances(self) -> np.ndarray:
        middles, half = (self.nodes[1:] + self.nodes[:-1]) / 2, 0.5 / NODES
        steps = half * (SPEED_OF_LIGHT / hubble_rate(self.cosmology, middles[:, None] + half * _ABSCISSAE)) @ _WEIGHTS
        return np.concatenate([[0.0], np.cumsum(steps)])

    @cached_property
    def _inverse(self) -> CubicHermiteSpline:
        return CubicHermiteSpline(self._distances, self.nodes, 1 / self._slopes, extrapolate=False)

    @cached_property
    def _growth(self) -> CubicHermiteSpline:
        factors = np.array([growth_factor(self.cosmology, node) for node in self.nodes])
        rates = np.array([growth_rate(self.cosmology, node) for node in self.nodes])
        return CubicHermiteSpline(self.nodes, factors, -rates * factors / (1 + self.nodes), extrapolate=False)

    def _rate(self, redshifts: np.ndarray) -> np.ndarray:
        """f = dlnD / dlna, by the derivative of Heath's integral as :func:`halonet.cosmology.growth_rate` has it."""
        omega = matter_fraction(self.cosmology, redshifts)
        today = self.cosmology.omega_m
        growing = self.growth(redshifts) * (2.5 * today / (growth_rate(self.cosmology, 0.0) + 1.5 * today))
        return omega * (2.5 / ((1 + redshifts) * growing) - 1.5)
