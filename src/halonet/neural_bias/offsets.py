"""Constants that centre the prior: theta = 0 is the global mass function of the catalogue.

Notes
-----
Charnock et al. (2020) rescale their parameters "using prior knowledge of the amplitude of the abundance measured from
the halo catalogue and the mass threshold". Here the density-independent mixture is fitted to the masses by maximum
likelihood and kept as constants. The constants of the authors' public code (``paper``) give 10^11 times too many
haloes at theta = 0 and are there for comparison.
"""

import numpy as np
from scipy import optimize, special

from halonet.neural_bias.constants import Offsets
from halonet.neural_bias.mixture import Mixture
from halonet.neural_bias.model import NeuralBiasModel

FREEDOM = 3.0  # standard deviation of a mild prior on the fit's parameters, which a component without haloes needs


def paper_offsets(model: NeuralBiasModel, features: int) -> Offsets:
    """Constants of the paper's public code: ca = ln 1e-3, cs = ln 1e3, means measured from the threshold."""
    count = model.mixture.components
    rows = np.repeat([np.log(1e-3), 0.0, np.log(1e3)], count)
    return Offsets(rows, np.zeros(features))


def fitted_offsets(
    model: NeuralBiasModel, log_mass: np.ndarray, volume: float, feature_means: np.ndarray, centre: bool = True
) -> Offsets:
    """Constants fitted to a catalogue.

    Parameters
    ----------
    log_mass
        u = ln(mass / threshold) of the haloes.
    volume
        Volume they were found in, completeness included (Mpc^3).
    feature_means
        Mean of the first layer's responses, shape (features,).
    centre
        Measure responses from their mean and the summary from its value there, which loosens the degeneracy of the
        engine's scale with the slopes of the mixture.
    """
    rows = global_mass_function(model.mixture, log_mass, volume)
    if not centre:
        return Offsets(rows, np.zeros_like(feature_means))
    return Offsets(rows, feature_means, model.layers[-1].outputs * np.log(2.0))


def global_mass_function(mixture: Mixture, log_mass: np.ndarray, volume: float) -> np.ndarray:
    """Rows of the mixture that describe all haloes of a volume, whatever their environment; shape (3 K,).

    Raises
    ------
    ValueError
        If there are no haloes, or fewer than parameters.
    """
    count = mixture.components
    if len(log_mass) < 3 * count:
        raise ValueError(f"{len(log_mass)} haloes cannot fit a mass function of {3 * count} parameters")
    start = _first_guess(mixture, len(log_mass) / volume)

    def cost(parameters: np.ndarray) -> float:
        amplitude, mean, width = _unpack(mixture, parameters)
        expected = volume * np.sum(integral(amplitude, mean, width))
        distance = log_mass - mean[:, None]
        terms = np.log(amplitude / width)[:, None] + distance - 0.5 * (distance / width[:, None]) ** 2
        return expected - special.logsumexp(terms, axis=0).sum() + 0.5 * np.sum(((parameters - start) / FREEDOM) ** 2)

    best = optimize.minimize(cost, start, method="BFGS", options={"gtol": 1e-3 * len(log_mass) ** 0.5})
    amplitude, mean, width = _unpack(mixture, best.x)
    gaps = np.diff(mean)
    if mixture.mean_gap == "softplus":
        gaps = _inverse_softplus(gaps)
    return np.concatenate(
        [_inverse_softplus(amplitude), mean[:1], gaps, _inverse_softplus(width - mixture.minimum_width)]
    )


def integral(amplitude: np.ndarray, mean: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Haloes per Mpc^3 above the threshold of each component, shape (components, ...); float64, no TensorFlow."""
    return amplitude * np.exp(width**2 / 2) * special.ndtr((mean + width**2) / width)


def _first_guess(mixture: Mixture, density: float) -> np.ndarray:
    count = mixture.components
    width = np.linspace(1.5, 0.8, count) if count > 1 else np.array([1.5])
    peak = np.linspace(-1.0, 2.5, count) if count > 1 else np.array([-1.0])  # mean + width^2: where dn/dlnM is largest
    mean = peak - width**2
    share = 0.05 ** np.arange(count) * density
    amplitude = share / np.exp(width**2 / 2) / special.ndtr(peak / width)
    gaps = np.maximum(np.diff(mean), 0.1)
    return np.concatenate([np.log(amplitude), mean[:1], np.log(gaps), np.log(width - mixture.minimum_width)])


def _unpack(mixture: Mixture, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    count = mixture.components
    means = np.concatenate([parameters[count : count + 1], np.exp(parameters[count + 1 : 2 * count])])
    return np.exp(parameters[:count]), np.cumsum(means), mixture.minimum_width + np.exp(parameters[2 * count :])


def _inverse_softplus(values: np.ndarray) -> np.ndarray:
    return values + np.log(-np.expm1(-values))
