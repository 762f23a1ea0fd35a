"""Maximum of the posterior and the curvature there, from gradients alone."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import optimize

from halonet.sampling.hamiltonian import Gradient

Potential = Callable[[np.ndarray], tuple[float, np.ndarray]]  # and its gradient
GRADIENT_LEFT = 0.03  # of a refined minimum, in units of its curvature, where the posterior's spread is one
WALL = 10.0  # times the first slope: how steeply the potential rises where it is not finite
DIFFERENCE = 1e-4  # step of the Hessian's central differences; parameters and their prior are of order one to ten


class Optimum(NamedTuple):
    """A minimum of the potential: its place, potential and Hessian, and the norm of the gradient left."""

    theta: np.ndarray
    energy: float
    hessian: np.ndarray
    gradient_norm: float


def hessian(gradient: Gradient, theta: np.ndarray, difference: float = DIFFERENCE) -> np.ndarray:
    """Hessian, shape (parameters, parameters), by central differences of the gradient: two gradients per parameter."""
    rows = [
        (gradient(theta + shift) - gradient(theta - shift)) / (2 * difference)
        for shift in difference * np.eye(len(theta))
    ]
    matrix = np.array(rows)
    return (matrix + matrix.T) / 2


def inverse_curvature(matrix: np.ndarray, floor: float = 0.1) -> np.ndarray:
    """|Hessian|^-1, shape (parameters, parameters): a covariance even where the potential bends down.

    Eigenvalues count by their absolute values, which are at least ``floor``.
    """
    values, vectors = np.linalg.eigh(matrix)
    return (vectors / np.maximum(np.abs(values), floor)) @ vectors.T


def refined(energy_and_gradient: Potential, found: Optimum, iterations: int = 200) -> Optimum:
    """A minimum of a near-by potential, by L-BFGS in units of the curvature of the one that was minimised before.

    Its gradients are dear and those of the other cheap, so that the curvature is not computed anew.
    """
    values, vectors = np.linalg.eigh(inverse_curvature(found.hessian, 1e-2))
    units = vectors * np.sqrt(values)

    first_energy, first_gradient = energy_and_gradient(found.theta)
    first_slope = units.T @ first_gradient

    def scaled(steps: np.ndarray) -> tuple[float, np.ndarray]:
        energy, gradient = energy_and_gradient(found.theta + units @ steps)
        if np.isfinite(energy) and np.isfinite(gradient).all():
            return energy, units.T @ gradient
        return first_energy + WALL * abs(first_slope @ steps), WALL * np.sign(first_slope @ steps) * first_slope

    options = {"maxiter": iterations, "maxcor": 30, "ftol": 0.0, "gtol": GRADIENT_LEFT}
    best = optimize.minimize(scaled, np.zeros_like(found.theta), jac=True, method="L-BFGS-B", options=options)
    gradient = np.linalg.solve(units.T, best.jac)
    return Optimum(found.theta + units @ best.x, float(best.fun), found.hessian, float(np.linalg.norm(gradient)))


def minimise(
    energy_and_gradient: Potential, theta: np.ndarray, iterations: int = 200, tolerance: float = 1e-2
) -> Optimum:
    """Minimum by Newton steps with absolute curvature, damped until the potential falls.

    Parameters
    ----------
    energy_and_gradient
        Function of theta, shape (parameters,), that returns the potential and its gradient.
    tolerance
        Expected decrease of the potential below which the search ends; the posterior's own spread is of order one.

    Notes
    -----
    The posterior is a bent, narrow valley (condition number 1e8), in which BFGS creeps; the damping is that of
    Levenberg and Marquardt, on the scale of the curvature itself.
    """
    energy, gradient = energy_and_gradient(theta)
    damping, matrix = 1e-3, None
    for _ in range(iterations):
        matrix = hessian(lambda t: energy_and_gradient(t)[1], theta)
        values, vectors = np.linalg.eigh(matrix)
        curvature, slope = np.maximum(np.abs(values), 1e-3), vectors.T @ gradient
        if damping <= 1e-3 and 0.5 * np.sum(slope**2 / curvature) < tolerance:
            break
        while damping < 1e12:
            proposal = theta - vectors @ (slope / (curvature * (1 + damping) + damping))
            proposed, new_gradient = energy_and_gradient(proposal)
            if np.isfinite(proposed) and np.isfinite(new_gradient).all() and proposed < energy:
                theta, energy, gradient, damping = proposal, proposed, new_gradient, damping / 10
                break
            damping = max(10 * damping, 1e-3)
        else:
            break  # no step downhill is left in this precision
    return Optimum(theta, energy, hessian(lambda t: energy_and_gradient(t)[1], theta), float(np.linalg.norm(gradient)))
