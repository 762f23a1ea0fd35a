r"""Mean numbers of galaxies by the mass of their halo (Zheng, Coil & Zehavi 2007).

.. math:: \langle N_c \rangle = \tfrac12 [1 + \mathrm{erf}((\log M - \log M_\min) / \sigma)], \qquad
          \langle N_s \rangle = \langle N_c \rangle ((M - M_0) / M_1)^\alpha
"""

import numpy as np
from scipy import special

from halonet.settings.galaxies import OccupationSettings


def mean_centrals(mass: np.ndarray, settings: OccupationSettings) -> np.ndarray:
    """Mean number of central galaxies of haloes of ``mass`` (Msun), between 0 and 1."""
    with np.errstate(over="ignore"):  # a step that has no width is one
        return 0.5 * (1 + special.erf((np.log10(mass) - settings.log_minimum_mass) / settings.mass_scatter))


def mean_satellites(mass: np.ndarray, settings: OccupationSettings) -> np.ndarray:
    """Mean number of satellite galaxies of haloes of ``mass`` (Msun)."""
    above = np.maximum(np.asarray(mass, float) - 10**settings.log_cutoff_mass, 0) / 10**settings.log_satellite_mass
    return mean_centrals(mass, settings) * above**settings.slope
