"""Hamiltonian Monte Carlo with a dense metric: leapfrog, momenta, one transition.

Notes
-----
H = V(theta) + p^T W p / 2 with the inverse mass matrix W, momenta p ~ N(0, W^-1), dtheta/dt = W p, dp/dt = -dV. A
proposal is accepted with probability min(1, exp(-dH)). (The public page of Charnock et al. 2020 prints the kinetic
energy and the acceptance with the opposite sign.) The force may come from a stand-in of V
(:mod:`halonet.neural_bias.compression`): the energies that decide are those of V itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from scipy.linalg import solve_triangular

DIVERGENCE = 1000.0  # an energy error beyond this says that the step is too large for the curvature (as in Stan)
# A trajectory that diverges may overflow on its way to being rejected.
QUIET: dict[str, Any] = {"over": "ignore", "invalid": "ignore"}
Gradient = Callable[[np.ndarray], np.ndarray]


class Target(Protocol):
    """What is sampled: a potential and the force that drives trajectories in it.

    A target may bring a ``leapfrog(theta, momentum, gradient, metric, step, steps)`` of its own, which does the same as
    :func:`leapfrog` in fewer calls.
    """

    def energy(self, theta: np.ndarray) -> float:
        """Potential V(theta), theta of shape (parameters,)."""

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        """Gradient of V, or of what stands for it, shape (parameters,)."""


class Mass(Protocol):
    """What momenta weigh: a dense :class:`Metric`, or a mass that is diagonal in another basis."""

    def draw_momentum(self, rng: np.random.Generator) -> np.ndarray:
        """A momentum from its normal distribution, shape (parameters,)."""

    def velocity(self, momentum: np.ndarray) -> np.ndarray:
        """dtheta / dt of a momentum, shape (parameters,)."""

    def kinetic_energy(self, momentum: np.ndarray) -> float:
        """Half of momentum times velocity."""


@dataclass(frozen=True)
class Metric:
    """Inverse mass matrix W, shape (n, n), symmetric and positive definite; best the posterior's covariance."""

    inverse_mass: np.ndarray

    @cached_property
    def _factor(self) -> np.ndarray:
        return np.linalg.cholesky(self.inverse_mass)

    def draw_momentum(self, rng: np.random.Generator) -> np.ndarray:
        """Momentum from N(0, W^-1)."""
        noise = rng.standard_normal(len(self.inverse_mass))
        return solve_triangular(self._factor, noise, trans="T", lower=True)

    def velocity(self, momentum: np.ndarray) -> np.ndarray:
        """dtheta / dt = W p."""
        return self.inverse_mass @ momentum

    def kinetic_energy(self, momentum: np.ndarray) -> float:
        """p^T W p / 2."""
        return 0.5 * float(momentum @ self.inverse_mass @ momentum)

    @classmethod
    def floored(cls, matrix: np.ndarray, floor: float = 1e-12) -> "Metric":
        """Metric from a symmetric matrix whose eigenvalues are made at least ``floor`` times the largest."""
        values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
        return cls((vectors * np.maximum(values, floor * values[-1])) @ vectors.T)


class Place(NamedTuple):
    """Where a chain stands: theta, its energy and its force's gradient."""

    theta: np.ndarray
    energy: float
    gradient: np.ndarray


class Outcome(NamedTuple):
    """What became of a proposal; ``acceptance`` is its probability, ``bad_gradient`` that a value was not finite."""

    accepted: bool
    acceptance: float
    energy_error: float
    divergent: bool
    bad_gradient: bool
    gradients: int


def leapfrog(
    theta: np.ndarray,
    momentum: np.ndarray,
    gradient: np.ndarray,
    force: Gradient,
    velocity: Gradient,
    step: float,
    steps: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Kick-drift-kick: ``steps`` steps of size ``step``; ``gradient`` is that at ``theta``. All of shape (parameters,).

    Returns
    -------
    theta, momentum, gradient
        At the end; a gradient that is not finite ends the trajectory early and is returned as it is.
    """
    momentum = momentum - step / 2 * gradient
    for i in range(steps):
        theta = theta + step * velocity(momentum)
        gradient = force(theta)
        if not np.isfinite(gradient).all():
            break
        momentum = momentum - (step if i < steps - 1 else step / 2) * gradient
    return theta, momentum, gradient


def follow(
    target: Target, here: Place, momentum: np.ndarray, metric: Mass, step: float, steps: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A trajectory, by the target's own leapfrog where it has one: theta, momentum and gradient at its end."""
    own = getattr(target, "leapfrog", None)
    if own:
        return own(here.theta, momentum, here.gradient, metric, step, steps)
    return leapfrog(here.theta, momentum, here.gradient, target.gradient, metric.velocity, step, steps)


def leapfrog_drift(
    theta: np.ndarray, momentum: np.ndarray, force: Gradient, velocity: Gradient, step: float, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Drift-kick-drift, as the public BORG code: one gradient per step, none at the ends.

    Returns theta and momentum at the end, shape (parameters,).
    """
    for _ in range(steps):
        theta = theta + step / 2 * velocity(momentum)
        momentum = momentum - step * force(theta)
        theta = theta + step / 2 * velocity(momentum)
    return theta, momentum


def place(target: Target, theta: np.ndarray) -> Place:
    """Start of a chain at theta, shape (parameters,); one without finite energy and gradient is refused."""
    start = Place(theta, target.energy(theta), target.gradient(theta))
    if not (np.isfinite(start.energy) and np.isfinite(start.gradient).all()):
        raise ValueError(
            f"the potential at the start of the chain is {start.energy}; it and its gradient must be finite"
        )
    return start


def decide(error: float, finite: bool, gradients: int, rng: np.random.Generator) -> Outcome:
    """Metropolis step for an energy error; one uniform number is used whatever the outcome."""
    uniform = rng.random()
    finite = finite and bool(np.isfinite(error))
    acceptance = float(np.exp(min(0.0, -error))) if finite else 0.0
    return Outcome(uniform < acceptance, acceptance, error, finite and error > DIVERGENCE, not finite, gradients)


def transition(
    here: Place, target: Target, metric: Mass, step: float, steps: int, rng: np.random.Generator
) -> tuple[Place, Outcome]:
    """One trajectory and its acceptance."""
    momentum = metric.draw_momentum(rng)
    with np.errstate(**QUIET):
        return _propose(here, target, metric, momentum, step, steps, rng)


def _propose(
    here: Place, target: Target, metric: Mass, momentum: np.ndarray, step: float, steps: int, rng: np.random.Generator
) -> tuple[Place, Outcome]:
    theta, moved, gradient = follow(target, here, momentum, metric, step, steps)
    finite = bool(np.isfinite(gradient).all())
    energy = target.energy(theta) if finite else np.nan
    error = energy - here.energy + metric.kinetic_energy(moved) - metric.kinetic_energy(momentum)
    outcome = decide(error, finite, steps, rng)
    return (Place(theta, energy, gradient) if outcome.accepted else here), outcome


@dataclass(frozen=True)
class StepSize:
    """Dual averaging of the leapfrog's step towards an acceptance rate (Nesterov 2009; Hoffman & Gelman 2014).

    Attributes
    ----------
    log_step, log_average
        Step in use while adapting; its average, which is kept afterwards.
    """

    log_step: float
    log_average: float = 0.0
    error: float = 0.0
    centre: float = 0.0
    count: int = 0

    @classmethod
    def start(cls, step: float) -> "StepSize":
        """Begin anew from ``step``."""
        return cls(np.log(step), 0.0, 0.0, np.log(2 * step), 0)

    @classmethod
    def of(cls, numbers: np.ndarray) -> "StepSize":
        """Back from the array of its fields in their order, shape (5,)."""
        log_step, log_average, error, centre, count = numbers
        return cls(log_step, log_average, error, centre, int(count))

    def updated(self, acceptance: float, goal: float) -> "StepSize":
        """After a transition of this acceptance probability."""
        count = self.count + 1
        weight = 1 / (count + 10)
        error = (1 - weight) * self.error + weight * (goal - acceptance)
        log_step = self.centre - np.sqrt(count) / 0.05 * error
        decay = count**-0.75
        average = decay * log_step + (1 - decay) * self.log_average
        return replace(self, log_step=log_step, log_average=average, error=error, count=count)
