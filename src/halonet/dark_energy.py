"""Dark energy of w = w0 + wa (1 - a) that does not cluster, and the growth of matter with it.

Notes
-----
Density over that of today: a^(-3 (1 + w0 + wa)) exp(-3 wa (1 - a)) (Chevallier & Polarski 2001; Linder 2003). The form
is meant for the past; beyond today, which only tables of collapse reach, w stays at w0. Growth to first and second
order follows from (Linder & Jenkins 2003; Bouchet et al. 1995)

    D'' + q D' = 3/2 Om D,    D2'' + q D2' = 3/2 Om (D2 + D^2),    q = 1/2 - 3/2 w (1 - Om),    primes: d/dln a,

which start as D = a and D2 = 3/7 a^2 in matter domination.
"""

import math
from functools import lru_cache

import numpy as np
from scipy.integrate import OdeSolution, solve_ivp

from halonet.settings import CosmologySettings

FIRST, LAST = 1e-6, 10.0  # scale factors between which the growing mode is solved for
TOLERANCE = 1e-11


def equation_of_state(cosmology: CosmologySettings, a: float) -> float:
    """w at scale factor ``a``."""
    return cosmology.w0 + cosmology.wa * max(1 - a, 0.0)


def density_ratio(cosmology: CosmologySettings, a: float) -> float:
    """Density of dark energy at scale factor ``a`` over that of today."""
    if a > 1:
        return a ** (-3 * (1 + cosmology.w0))
    return a ** (-3 * (1 + cosmology.w0 + cosmology.wa)) * math.exp(-3 * cosmology.wa * (1 - a))


def growing_mode(cosmology: CosmologySettings, a: float) -> tuple[float, float]:
    """Growing mode, equal to ``a`` in matter domination, and its derivative with respect to ln a."""
    if a <= FIRST:
        return a, a
    factor, slope = _solution(cosmology.omega_m, cosmology.w0, cosmology.wa)(math.log(a))[:2]
    return float(factor), float(slope)


def second_order_ratio(cosmology: CosmologySettings, a: float) -> float:
    """D2 / D^2 of the growing modes, 3/7 in matter domination."""
    if a <= FIRST:
        return 3 / 7
    factor, _, second, _ = _solution(cosmology.omega_m, cosmology.w0, cosmology.wa)(math.log(a))
    return float(second / factor**2)


@lru_cache(maxsize=32)
def _solution(omega_m: float, w0: float, wa: float) -> OdeSolution:
    cosmology = CosmologySettings(omega_b=omega_m / 2, omega_cdm=omega_m / 2, w0=w0, wa=wa)

    def derivatives(x: float, values: np.ndarray) -> tuple[float, float, float, float]:
        a = math.exp(x)
        dark = (1 - omega_m) * density_ratio(cosmology, a) * a**3
        matter = omega_m / (omega_m + dark)
        first, slope, second, slope2 = values
        friction = 0.5 - 1.5 * equation_of_state(cosmology, a) * (1 - matter)
        return (
            slope,
            1.5 * matter * first - friction * slope,
            slope2,
            1.5 * matter * (second + first**2) - friction * slope2,
        )

    early = 3 / 7 * FIRST**2
    start, span = (FIRST, FIRST, early, 2 * early), (math.log(FIRST), math.log(LAST))
    return solve_ivp(
        derivatives, span, start, "DOP853", dense_output=True, rtol=TOLERANCE, atol=TOLERANCE * np.array(start)
    ).sol
