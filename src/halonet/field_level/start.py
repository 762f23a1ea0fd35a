"""First phases of a chain: a draw around the filtered halo counts, or a scaled draw from the prior.

Notes
-----
If haloes traced b delta with Poisson noise and nothing moved, the posterior of the linear density would be Gaussian
with mean b nbar P / (1 + nbar b^2 P) delta_h and variance P / (1 + nbar b^2 P) per mode (the "Kaiser" posterior of
Simon-Onfroy et al. 2025). A draw from it begins near the truth on large scales and with the prior's power on all.
"""

import numpy as np
from scipy import fft

from halonet.field_level.gravity import Gravity
from halonet.field_level.mass import kaiser_mass
from halonet.initial_conditions.noise import generator
from halonet.neural_bias.evolution import assign_clouds
from halonet.neural_bias.inputs import Inputs


def filtered_noise(gravity: Gravity, inputs: Inputs, bias: float) -> np.ndarray:
    """Mean of the Kaiser posterior as white noise, shape (N, N, N)."""
    cells = gravity.cells
    volume = (gravity.box_size / cells) ** 3
    seen = np.ones((cells,) * 3) if inputs.completeness is None else inputs.completeness.astype(np.float64)
    density = len(inputs.haloes) / (seen.sum() * volume)
    counts = assign_clouds(inputs.haloes.places.T, cells, gravity.box_size)
    contrast = np.where(seen > 0, counts - density * volume * seen, 0.0) / (density * volume)
    modes = fft.rfftn(contrast) * bias * density * volume * gravity.amplitude
    return fft.irfftn(modes / kaiser_mass(gravity, density, bias).modes, (cells,) * 3)


def first_noise(gravity: Gravity, inputs: Inputs, bias: float, seed: int, name: str, index: int = 0) -> np.ndarray:
    """A draw from the Kaiser posterior as white noise, shape (N, N, N); keyed by seed, name and index."""
    mean, density = filtered_noise(gravity, inputs, bias), len(inputs.haloes) / gravity.box_size**3
    noise = generator(seed, name, index).standard_normal(gravity.cells**3)
    return mean + kaiser_mass(gravity, density, bias).apply(noise, -0.5).reshape(mean.shape)


def scaled_noise(cells: int, scale: float, seed: int, name: str, index: int = 0) -> np.ndarray:
    """White noise times ``scale``: BORG's over-smooth start (0.1), whose power rises to the prior's in the burn-in."""
    return scale * generator(seed, name, index).standard_normal((cells,) * 3)
