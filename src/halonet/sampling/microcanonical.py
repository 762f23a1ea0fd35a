"""Microcanonical Langevin dynamics: motion of constant speed whose direction the gradient turns and noise refreshes.

Notes
-----
Robnik, De Luca, Silverstein & Seljak (2023, JMLR 24, 311) and Robnik & Seljak (2023, arXiv:2303.18221). In d dimensions
with the unit direction u and the whitened gradient g,

    dz = u dt,    du = -(1 - u u^T) g / (d - 1) dt,

whose stationary density of z is exp(-V). The direction's half of a step has the closed form of
:func:`turned`; kinetic energy (d - 1) ln(cosh + ...) and potential exchange, and what a step of finite size does not
conserve of their sum is its energy error. There is no acceptance step: the samples are biased, by an amount that
vanishes with the variance of that error per dimension, to which the step is adapted in the warm-up (their section 5;
Simon-Onfroy et al. 2025 use 1e-5 to 1e-7 for fields). The integrator is the minimal-norm one of McLachlan (1995), two
gradients per step.

The whitened coordinates are z = M^(1/2) s with the mass of :mod:`halonet.sampling.fourier_mass`, which stands for the
inverse covariance of the phases.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from halonet.sampling.fourier_mass import FourierMass
from halonet.sampling.hamiltonian import QUIET, Place, Target

FIRST_KICK = 0.1931833275037836  # McLachlan's (1995) lambda of the minimal-norm integrator
GRADIENTS = 2  # that the integrator takes for a step
MEMORY = 50.0  # steps over which the average behind the step size forgets
SPREAD = 1.5  # of ln of the error, beyond which a step tells the average little


class MovingState(NamedTuple):
    """A place, its potential and gradient, and the unit direction of motion in whitened coordinates, shape (N^3,)."""

    here: Place
    direction: np.ndarray


def turned(direction: np.ndarray, gradient: np.ndarray, time: float) -> tuple[np.ndarray, float]:
    """Direction after ``time`` under a constant gradient, and the kinetic energy it gained; exact and norm-preserving.

    Parameters
    ----------
    direction, gradient
        Unit direction u, and gradient of the potential, in whitened coordinates, shape (d,).
    """
    size, dimensions = float(np.linalg.norm(gradient)), len(direction)
    if size == 0:
        return direction, 0.0
    force, angle = -gradient / size, time * size / (dimensions - 1)
    along = float(force @ direction)
    # cosh and sinh over exp(angle), which may be beyond what a float holds.
    shrunk = np.exp(-2 * angle)
    cosh, sinh, one = (1 + shrunk) / 2, (1 - shrunk) / 2, np.exp(-angle)
    norm = cosh + along * sinh
    new = (direction * one + force * (sinh + along * (cosh - one))) / norm
    return new / np.linalg.norm(new), (dimensions - 1) * float(angle + np.log(norm))


@dataclass(frozen=True)
class Microcanonical:
    """Dynamics in the potential of a target.

    Attributes
    ----------
    decoherence
        Length in units of sqrt(d) over which noise turns the direction.
    """

    target: Target
    mass: FourierMass
    decoherence: float = 1.0

    def start(self, here: Place, rng: np.random.Generator) -> MovingState:
        """A random direction."""
        direction = rng.standard_normal(len(here.theta))
        return MovingState(here, direction / np.linalg.norm(direction))

    def advance(self, state: MovingState, step: float, rng: np.random.Generator) -> tuple[MovingState, float, bool]:
        """One step of size ``step`` (units of sqrt(d)) and partial refreshment of the direction.

        Returns
        -------
        state, error, finite
            The error of the energy; a step to where the potential is not finite is undone and the motion reversed.
        """
        with np.errstate(**QUIET, divide="ignore"):
            moved, error = self._integrated(state, step * len(state.direction) ** 0.5)
        finite = bool(np.isfinite(error))
        if not finite:
            moved = MovingState(state.here, -state.direction)
        return moved._replace(direction=self._refreshed(moved.direction, step, rng)), error, finite

    def _integrated(self, state: MovingState, length: float) -> tuple[MovingState, float]:
        here, direction = state
        gradient, gained = self.mass.apply(here.gradient, -0.5), 0.0
        noise = here.theta
        for kick in (FIRST_KICK, 1 - 2 * FIRST_KICK):
            direction, kinetic = turned(direction, gradient, kick * length)
            gained += kinetic
            noise = noise + self.mass.apply(direction, -0.5) * (length / 2)
            slope = self.target.gradient(noise)
            if not np.isfinite(slope).all():
                return state, np.nan
            gradient = self.mass.apply(slope, -0.5)
        direction, kinetic = turned(direction, gradient, FIRST_KICK * length)
        energy = self.target.energy(noise)
        error = energy - here.energy + gained + kinetic
        return MovingState(Place(noise, energy, slope), direction), error

    def _refreshed(self, direction: np.ndarray, step: float, rng: np.random.Generator) -> np.ndarray:
        strength = np.sqrt(np.expm1(2 * step / self.decoherence) / len(direction))
        new = direction + strength * rng.standard_normal(len(direction))
        return new / np.linalg.norm(new)


@dataclass(frozen=True)
class StepAverage:
    """Step size whose energy error has the wanted variance, which grows with the sixth power of the step.

    An average over the last steps of error / step^6, steps of extreme errors counting little (Robnik et al. 2023,
    section 5, as in their public code).

    Attributes
    ----------
    step
        In units of sqrt(d).
    """

    step: float
    errors: float = 0.0
    weights: float = 0.0

    @classmethod
    def start(cls, step: float) -> "StepAverage":
        """Nothing learnt yet."""
        return cls(step)

    def updated(self, error: float, wanted: float) -> "StepAverage":
        """After a step of this energy error per square root of dimension; ``wanted`` is its variance to be."""
        if not np.isfinite(error):
            return StepAverage(0.8 * self.step)
        ratio = error**2 / wanted + 1e-8
        weight = float(np.exp(-0.5 * (np.log(ratio) / (6 * SPREAD)) ** 2))
        decay = (MEMORY - 1) / (MEMORY + 1)
        errors = decay * self.errors + weight * ratio / self.step**6
        weights = decay * self.weights + weight
        return StepAverage((weights / errors) ** (1 / 6), errors, weights)
