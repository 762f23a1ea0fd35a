"""What the engine is compared with, in the same Poisson likelihood: a global mass function, and power-law bias.

Notes
-----
The classical bias of Neyrinck et al. (2014), a truncated power law, multiplies the global mass function of the
catalogue:

    dn/dlnM = A rho^beta exp(-rho_g rho^-epsilon) (dn/dlnM)_global,

with A, beta, rho_g and epsilon free (positive but for beta) and rho the density of the voxel alone. The local engine,
kernel 1, is a fit of its own (:func:`halonet.neural_bias.bias_fit.with_kernel`). Models are compared by the
maximum of ln L and by BIC = n ln N_haloes - 2 ln L.
"""

from typing import NamedTuple

import numpy as np
from scipy import optimize, special

from halonet.neural_bias.bias_fit import Problem
from halonet.neural_bias.offsets import global_mass_function, integral

SMALLEST_DENSITY = 1e-3  # in units of the mean, of a voxel without matter


class Fit(NamedTuple):
    """A model's maximum: number of parameters, ln L, and BIC."""

    parameters: int
    log_likelihood: float
    bic: float


def make_fit(parameters: int, log_likelihood: float, haloes: int) -> Fit:
    """Maximum with its BIC."""
    return Fit(parameters, log_likelihood, parameters * float(np.log(haloes)) - 2 * log_likelihood)


def fit_global(problem: Problem) -> Fit:
    """The same mass function everywhere."""
    expected, log_density = _global(problem)
    return make_fit(3 * problem.model.mixture.components, float(log_density.sum()) - expected, len(log_density))


def fit_power_law(problem: Problem) -> tuple[Fit, np.ndarray]:
    """Truncated power law times the global mass function.

    Returns
    -------
    fit, parameters
        Maximum, and ln A, beta, ln rho_g, ln epsilon there, shape (4,).
    """
    expected, log_density = _global(problem)
    voxels = problem.voxels
    density = np.maximum(voxels.density, SMALLEST_DENSITY)
    log_rho, share = np.log(density), voxels.volumes / voxels.volumes.sum()
    at_haloes = log_rho[voxels.haloes]

    def factor(parameters: np.ndarray, log_rho: np.ndarray) -> np.ndarray:
        log_amplitude, beta, log_scale, log_epsilon = parameters
        suppression = np.exp(np.clip(log_scale - np.exp(log_epsilon) * log_rho, -50, 50))
        return log_amplitude + beta * log_rho - suppression

    def cost(parameters: np.ndarray) -> float:
        mean = np.exp(np.clip(factor(parameters, log_rho), None, 50)) @ share
        return float(expected * mean - factor(parameters, at_haloes).sum())

    found = optimize.minimize(
        cost, [0.0, 1.0, -2.0, 0.0], method="Nelder-Mead", options={"maxiter": 4000, "fatol": 1e-3}
    )
    components = 3 * problem.model.mixture.components
    return make_fit(components + 4, float(log_density.sum()) - float(found.fun), len(at_haloes)), found.x


def fit_engine(problem: Problem, seed: int, near: np.ndarray | None = None) -> tuple[Fit, np.ndarray]:
    """The engine's likelihood at the maximum of its posterior, and theta there, shape (parameters,).

    The search also starts from the parameters ``near``, where they are given.
    """
    theta = problem.maximum(seed, near)
    log_likelihood = -float(problem.likelihood(theta, problem.points("float64")))
    return make_fit(problem.model.parameters, log_likelihood, len(problem.voxels.haloes)), theta


def _global(problem: Problem) -> tuple[float, np.ndarray]:
    """Number of haloes the global mass function expects, and ln dn/dlnM of every halo."""
    mixture, voxels = problem.model.mixture, problem.voxels
    volume = voxels.volumes.sum()
    rows = global_mass_function(mixture, voxels.log_mass, volume).reshape(3, -1)
    gap = np.logaddexp(0, rows[1, 1:]) if mixture.mean_gap == "softplus" else rows[1, 1:]
    amplitude, mean = np.logaddexp(0, rows[0]), np.cumsum(np.r_[rows[1, :1], gap])
    width = np.logaddexp(0, rows[2]) + mixture.minimum_width
    distance = voxels.log_mass - mean[:, None]
    logs = np.log(amplitude / width)[:, None] + distance - 0.5 * (distance / width[:, None]) ** 2
    log_density = special.logsumexp(logs, axis=0) - 0.5 * np.log(2 * np.pi)
    return float(volume * integral(amplitude, mean, width).sum()), log_density
