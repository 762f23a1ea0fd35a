"""Distance and growth against redshift, tabulated once for millions of haloes.

Nodes stand at fixed redshifts, and a value depends on the two nodes around it alone: that of a halo is the same to the
last bit, however far the table reaches. At a node it is that of a box at this redshift.
"""

from collections.abc import Callable
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicHermiteSpline

from halonet.cosmology import growth_factor, growth_rate, hubble_rate
from halonet.initial_conditions.displacement import second_order_coefficient
from halonet.settings import CosmologySettings

SPEED_OF_LIGHT = 299_792.458  # km/s
NODES = 200  # per unit of redshift; distances are right to 1e-7 Mpc, growth and velocities to 1e-8
_ABSCISSAE, _WEIGHTS = np.polynomial.legendre.leggauss(6)


class Epochs:
    """Comoving distance and growth of a flat cosmology, from redshift 0 to at least ``largest``.

    All of its functions take an array and return one of its shape, float64; NaN beyond the table.
    """

    def __init__(self, cosmology: CosmologySettings, largest: float):
        self.cosmology = cosmology
        self.nodes = np.arange(int(np.ceil(largest * NODES)) + 2) / NODES

    def distance(self, redshifts: npt.ArrayLike) -> np.ndarray:
        """Comoving distance (Mpc), the integral of c / H."""
        return self._distance(redshifts)

    def redshift(self, distances: npt.ArrayLike) -> np.ndarray:
        """Redshift at which light has come from comoving distances (Mpc)."""
        return self._inverse(distances)

    def growth(self, redshifts: np.ndarray) -> np.ndarray:
        """Linear growth factor D, 1 today."""
        return self._growth(redshifts)

    def second_order(self, redshifts: np.ndarray) -> np.ndarray:
        """Displacement of second order over its raw one: the coefficient, some -3/7, times D^2."""
        return self._coefficient(redshifts) * self._growth(redshifts) ** 2

    def velocity(self, redshifts: np.ndarray) -> np.ndarray:
        """a H f: peculiar velocity over comoving displacement of first order (km/s/Mpc)."""
        return self._velocity(redshifts)

    @cached_property
    def _slopes(self) -> np.ndarray:
        return self._per_redshift(self.nodes)

    @cached_property
    def _distances(self) -> np.ndarray:
        middles, half = (self.nodes[1:] + self.nodes[:-1]) / 2, 0.5 / NODES
        steps = half * self._per_redshift(middles[:, None] + half * _ABSCISSAE) @ _WEIGHTS
        return np.concatenate([[0.0], np.cumsum(steps)])

    @cached_property
    def _distance(self) -> CubicHermiteSpline:
        return CubicHermiteSpline(self.nodes, self._distances, self._slopes, extrapolate=False)

    @cached_property
    def _inverse(self) -> CubicHermiteSpline:
        return CubicHermiteSpline(self._distances, self.nodes, 1 / self._slopes, extrapolate=False)

    @cached_property
    def _growth(self) -> CubicHermiteSpline:
        return self._spline(lambda z: growth_factor(self.cosmology, z))

    @cached_property
    def _coefficient(self) -> CubicHermiteSpline:
        return self._spline(lambda z: second_order_coefficient(self.cosmology, z))

    @cached_property
    def _velocity(self) -> CubicHermiteSpline:
        cosmology = self.cosmology
        return self._spline(lambda z: hubble_rate(cosmology, z) / (1 + z) * growth_rate(cosmology, z))

    def _per_redshift(self, redshifts: np.ndarray) -> np.ndarray:
        """c / H (Mpc)."""
        rates = [hubble_rate(self.cosmology, float(z)) for z in redshifts.ravel()]
        return SPEED_OF_LIGHT / np.reshape(rates, redshifts.shape)

    def _spline(self, function: Callable[[float], float]) -> CubicHermiteSpline:
        """A function of redshift by its values at the nodes, and slopes from halfway to the next ones."""
        values = np.array([function(float(z)) for z in self.nodes])
        between = np.array([function(float(z)) for z in (np.arange(len(self.nodes) + 1) - 0.5) / NODES])
        return CubicHermiteSpline(self.nodes, values, np.diff(between) * NODES, extrapolate=False)
