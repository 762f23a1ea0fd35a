"""First phases of a chain: a draw around the filtered halo counts, or a scaled draw from the prior.

Notes
-----
If haloes traced b delta with Poisson noise and nothing moved, the posterior of the linear density would be Gaussian
with mean b nbar P / (1 + nbar b^2 P) delta_h and variance P / (1 + nbar b^2 P) per mode (the "Kaiser" posterior of
Simon-Onfroy et al. 2025). A draw from it begins near the truth on large scales and with the prior's power on all.

The same sample bends the potential of the white-noise mode s_k by nbar b^2 P(k) beside the prior's 1. With the mass
M_k = 1 + nbar b^2 P(k) all modes of a linear, Gaussian universe turn at the same rate.
"""

import numpy as np
from scipy import fft, optimize

from halonet.field_level.fourier import mode_numbers, mode_weights
from halonet.field_level.gravity import Gravity
from halonet.initial_conditions.noise import generator
from halonet.neural_bias.evolution import assign_clouds
from halonet.neural_bias.inputs import Inputs
from halonet.sampling.fourier_mass import FourierMass

BIASES = (0.2, 8.0)  # between which a linear bias is sought


def kaiser_mass(gravity: Gravity, haloes_per_volume: float, bias: float) -> FourierMass:
    """Mass 1 + nbar b^2 P(k) of a catalogue of ``haloes_per_volume`` (Mpc^-3) and linear bias ``bias``."""
    return FourierMass(1 + haloes_per_volume * bias**2 * gravity.linear_power)


def count_modes(gravity: Gravity, inputs: Inputs) -> tuple[np.ndarray, float]:
    """Modes of the haloes' contrast, shape (N, N, N / 2 + 1), and their number density (Mpc^-3) where they are seen."""
    cells, volume = gravity.cells, (gravity.box_size / gravity.cells) ** 3
    seen = np.ones((cells,) * 3) if inputs.completeness is None else inputs.completeness.astype(np.float64)
    density = len(inputs.haloes) / (seen.sum() * volume)
    counts = assign_clouds(inputs.haloes.positions.T, cells, gravity.box_size)
    contrast = np.where(seen > 0, counts - density * volume * seen, 0.0) / (density * volume)
    return fft.rfftn(contrast), density


def measured_bias(gravity: Gravity, inputs: Inputs) -> float:
    """Linear bias of a catalogue: the maximum of its likelihood as a Gaussian field of power b^2 P + 1 / nbar.

    Of the modes up to half the Nyquist frequency. It sets where chains begin and how they move, not what they sample.
    """
    modes, density = count_modes(gravity, inputs)
    cells = gravity.cells
    numbers = np.sqrt(sum(n**2 for n in mode_numbers(cells)))
    used = (numbers > 0) & (numbers <= max(cells / 4, 1))
    weights = np.broadcast_to(mode_weights(cells), modes.shape)[used]
    power, linear = np.abs(modes[used]) ** 2 * gravity.box_size**3 / cells**6, gravity.linear_power[used]

    def cost(bias: float) -> float:
        expected = bias**2 * linear + 1 / density
        return float(np.sum(weights * (np.log(expected) + power / expected)))

    return float(optimize.minimize_scalar(cost, bounds=BIASES, method="bounded").x)


def filtered_noise(gravity: Gravity, inputs: Inputs, bias: float) -> np.ndarray:
    """Mean of the Kaiser posterior as white noise, shape (N, N, N)."""
    modes, density = count_modes(gravity, inputs)
    volume = (gravity.box_size / gravity.cells) ** 3
    filtered = modes * bias * density * volume * gravity.amplitude / kaiser_mass(gravity, density, bias).modes
    return fft.irfftn(filtered, (gravity.cells,) * 3)


def first_noise(
    gravity: Gravity, inputs: Inputs, bias: float | None, seed: int, name: str, index: int = 0
) -> np.ndarray:
    """A draw from the Kaiser posterior as white noise, shape (N, N, N); keyed by seed, name and index.

    Parameters
    ----------
    bias
        Linear bias; None: measured from the catalogue.
    """
    bias = bias or measured_bias(gravity, inputs)
    mean, density = filtered_noise(gravity, inputs, bias), len(inputs.haloes) / gravity.box_size**3
    noise = generator(seed, name, index).standard_normal(gravity.cells**3)
    return mean + kaiser_mass(gravity, density, bias).apply(noise, -0.5).reshape(mean.shape)


def scaled_noise(cells: int, scale: float, seed: int, name: str, index: int = 0) -> np.ndarray:
    """White noise of shape (N, N, N) times ``scale``.

    BORG starts over-smooth like this, with a scale of 0.1; in the burn-in the power rises to that of the prior.
    """
    return scale * generator(seed, name, index).standard_normal((cells,) * 3)
