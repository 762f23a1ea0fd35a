"""Growth of displacement and momentum to second order, and the kick and drift factors of FastPM.

Notes
-----
Time is the scale factor a, and H0 = 1. The growing mode D1 is 1 today; D2 follows from the second-order equation
(Bouchet et al. 1995), in ln a

    D2'' + q D2' = 3/2 Om(a) (D2 + D1^2),    q = 2 + dlnE / dlna,

and is 3/7 D1^2 early, when matter dominates. Momentum is p = a^3 E dx/da, so that the linear solution x = q + D1 psi1
has p = G1 psi1 with G1 = a^3 E dD1/da.

Kicks and drifts are those of FastPM (Feng et al. 2016, arXiv:1603.00476, Eqs. 13 and 14), which carry the linear
solution exactly through steps of any length. With G_p = D1, g_p = dG_p/da and G_f = G1, g_f = dG_f/da they are

    drift (G_p(a1) - G_p(a0)) / g_p(ar) / (ar^3 E(ar)) = (D1(a1) - D1(a0)) / G1(ar),
    kick  (G_f(a1) - G_f(a0)) / g_f(ar) / (ar^2 E(ar)) * 3/2 Om = (G1(a1) - G1(a0)) / D1(ar)

of the force grad -laplacian^-1 delta. The right-hand sides use g_f = 3/2 Om D1 / (a^2 E), the equation of growth.
"""

from functools import cached_property

import numpy as np
from scipy.integrate import OdeSolution, solve_ivp

from halonet.cosmology import expansion_rate, friction, growth_factor, growth_rate, matter_fraction
from halonet.settings import CosmologySettings

EARLY = 1e-4  # scale factor at which the second order starts from its limit in matter domination
TOLERANCE = 1e-10  # of the second-order equation


class Growth:
    """Growth functions of a cosmology at a scale factor."""

    def __init__(self, cosmology: CosmologySettings) -> None:
        self.cosmology = cosmology

    def first(self, a: float) -> float:
        """D1, 1 today."""
        return growth_factor(self.cosmology, 1 / a - 1)

    def first_momentum(self, a: float) -> float:
        """G1 = a^3 E dD1/da."""
        redshift = 1 / a - 1
        return a**2 * expansion_rate(self.cosmology, redshift) * self.first(a) * growth_rate(self.cosmology, redshift)

    def second(self, a: float) -> float:
        """D2, by which x = q + D1 psi1 - D2 eta2."""
        return float(self._second_order(np.log(a))[0])

    def second_momentum(self, a: float) -> float:
        """G2 = a^3 E dD2/da."""
        slope = float(self._second_order(np.log(a))[1])
        return a**2 * expansion_rate(self.cosmology, 1 / a - 1) * slope

    def drift(self, a0: float, a1: float, reference: float) -> float:
        """Displacement from ``a0`` to ``a1`` for a unit of momentum, that at ``reference``."""
        return (self.first(a1) - self.first(a0)) / self.first_momentum(reference)

    def kick(self, a0: float, a1: float, reference: float) -> float:
        """Momentum gained from ``a0`` to ``a1`` for a unit of -grad laplacian^-1 delta, that at ``reference``."""
        return (self.first_momentum(a1) - self.first_momentum(a0)) / self.first(reference)

    @cached_property
    def _second_order(self) -> OdeSolution:
        """D2 and dD2/dlna over ln a, from early times to today and a little beyond."""

        def derivatives(x: float, values: np.ndarray) -> tuple[float, float]:
            redshift, a = np.exp(-x) - 1, np.exp(x)
            omega = matter_fraction(self.cosmology, redshift)
            second, slope = values
            return slope, 1.5 * omega * (second + self.first(a) ** 2) - friction(self.cosmology, redshift) * slope

        early = self.first(EARLY) ** 2 * 3 / 7
        span = (np.log(EARLY), 0.01)
        solution = solve_ivp(
            derivatives, span, (early, 2 * early), "DOP853", dense_output=True, rtol=TOLERANCE, atol=TOLERANCE * early
        )
        return solution.sol
