"""The paper's sampler: Hamiltonian Monte Carlo whose equations of motion carry an inverse Hessian from BFGS updates.

Notes
-----
Charnock et al. (2020) solve dtheta/dt = B M^-1 p, dp/dt = -B dV with B from quasi-Newton updates "for free as part of
the leapfrog algorithm" (Fu, Luo & Zhang 2016). B is held fixed along a trajectory, while every gradient updates a
copy that replaces it if the proposal is accepted. With B fixed and symmetric this is ordinary HMC of inverse mass W =
B M^-1 B, so a trajectory leaves the posterior invariant. A B that goes on depending on the chain's past does not:
after the warm-up it is frozen, unless ``adapt_always`` asks for the historical behaviour. With M = 1, W is the square
of the covariance, so that stiff and soft directions merely change places; the frozen-metric sampler uses W = B.
"""

from dataclasses import dataclass, replace

import numpy as np

from halonet.sampling.hamiltonian import QUIET, Gradient, Outcome, Target, decide, leapfrog_drift
from halonet.settings import SamplerSettings

FIRST_SCALE = 1e-5  # B before the first update, in units of the identity
SMALLEST_CURVATURE = 1e-5  # pairs with (s.y)^2 below this fraction of |s|^2 |y|^2 are skipped


@dataclass(frozen=True)
class InverseHessian:
    """BFGS estimate and the last point it learnt from.

    Attributes
    ----------
    matrix
        B, shape (n, n); symmetric, not necessarily positive definite.
    theta, gradient
        Previous pair, None before the first.
    """

    matrix: np.ndarray
    theta: np.ndarray | None = None
    gradient: np.ndarray | None = None

    @classmethod
    def start(cls, parameters: int) -> "InverseHessian":
        """Small multiple of the identity."""
        return cls(FIRST_SCALE * np.eye(parameters))

    def updated(self, theta: np.ndarray, gradient: np.ndarray) -> "InverseHessian":
        """B <- (1 - s y^T / a) B (1 - y s^T / a) + s s^T / a with a = s.y, from one more gradient."""
        if self.theta is None:
            return replace(self, theta=theta, gradient=gradient)
        s, y = theta - self.theta, gradient - self.gradient
        a = s @ y
        if a**2 <= SMALLEST_CURVATURE * (s @ s) * (y @ y):
            return self
        left = np.eye(len(s)) - np.outer(s, y) / a
        matrix = left @ self.matrix @ left.T + np.outer(s, s) / a
        return InverseHessian((matrix + matrix.T) / 2, theta, gradient)


def quasi_newton_transition(
    theta: np.ndarray,
    energy: float,
    target: Target,
    hessian: InverseHessian,
    inverse_mass: np.ndarray,
    settings: SamplerSettings,
    rng: np.random.Generator,
    adapt: bool = True,
) -> tuple[np.ndarray, float, InverseHessian, Outcome]:
    """One trajectory of random length and step, as the public BORG code does it.

    Parameters
    ----------
    inverse_mass
        Diagonal of M^-1, shape (n,).
    settings
        The step is drawn from (0, first_step], the number of steps from 1 ... most_steps.
    adapt
        Learn from this trajectory's gradients.

    Returns
    -------
    theta, energy, hessian, outcome
    """
    with np.errstate(**QUIET):
        return _transition(theta, energy, target, hessian, inverse_mass, settings, rng, adapt)


def _transition(
    theta: np.ndarray,
    energy: float,
    target: Target,
    hessian: InverseHessian,
    inverse_mass: np.ndarray,
    settings: SamplerSettings,
    rng: np.random.Generator,
    adapt: bool,
) -> tuple[np.ndarray, float, InverseHessian, Outcome]:
    step, steps = settings.first_step * (1 - rng.random()), 1 + int(settings.most_steps * rng.random())
    momentum = rng.standard_normal(len(theta)) / np.sqrt(inverse_mass)
    fixed, learning = hessian.matrix, [hessian]

    def force(position: np.ndarray) -> np.ndarray:
        gradient = target.gradient(position)
        if adapt and np.isfinite(gradient).all():
            updated = learning[-1].updated(position, gradient)
            learning.append(updated if np.isfinite(updated.matrix).all() else learning[-1])
        return fixed @ gradient

    velocity: Gradient = lambda p: fixed @ (inverse_mass * p)  # noqa: E731
    proposal, moved = leapfrog_drift(theta, momentum, force, velocity, step, steps)
    finite = bool(np.isfinite(proposal).all() and np.isfinite(moved).all())
    proposed = target.energy(proposal) if finite else np.nan
    kinetic = 0.5 * float((moved - momentum) @ (inverse_mass * (moved + momentum))) if finite else np.nan
    outcome = decide(proposed - energy + kinetic, finite, steps, rng)
    if outcome.accepted:
        return proposal, proposed, learning[-1], outcome
    if outcome.bad_gradient and adapt:
        hessian = InverseHessian.start(len(theta))
    return theta, energy, hessian, outcome
