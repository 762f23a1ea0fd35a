"""Samplers of the phases at fixed bias parameters, one transition at a time, with all they remember in named arrays.

``hmc`` is Hamiltonian Monte Carlo with the mass of :mod:`halonet.sampling.fourier_mass`; ``mclmc`` the unadjusted
microcanonical sampler of :mod:`halonet.sampling.microcanonical`.
"""

from collections.abc import Callable
from dataclasses import astuple
from typing import Protocol

import numpy as np

from halonet.sampling.fourier_mass import FourierMass
from halonet.sampling.hamiltonian import Outcome, Place, StepSize, Target, place, transition
from halonet.sampling.microcanonical import GRADIENTS, Microcanonical, MovingState, StepAverage
from halonet.settings import PhaseSamplerSettings

Arrays = dict[str, np.ndarray]


class PhaseSampler(Protocol):
    """A rule by which phases move."""

    @property
    def noise(self) -> np.ndarray:
        """Where the chain stands: white noise, float64 of shape (N^3,)."""

    @property
    def energy(self) -> float:
        """Potential there."""

    def step_size(self, iteration: int) -> float:
        """Step of a transition."""

    def advance(self, iteration: int, rng: np.random.Generator) -> Outcome:
        """One transition."""

    def refresh(self) -> None:
        """Take the target's changes into account."""

    def arrays(self) -> Arrays:
        """All that the next transitions depend on."""

    def restore(self, arrays: Arrays) -> None:
        """Go back to what :meth:`arrays` gave."""


def make_phase_sampler(
    target: Target, noise: np.ndarray, mass: FourierMass, settings: PhaseSamplerSettings, warmup: int
) -> PhaseSampler:
    """Sampler of ``settings.kind`` at white noise of shape (N^3,); it adapts its step during ``warmup`` transitions."""
    kinds: dict[str, Callable[..., PhaseSampler]] = {"hmc": HamiltonianPhases, "mclmc": MicrocanonicalPhases}
    return kinds[settings.kind](target, np.asarray(noise, np.float64).ravel(), mass, settings, warmup)


class HamiltonianPhases:
    """Hamiltonian Monte Carlo: exact, its step dual-averaged during the warm-up and frozen after it."""

    def __init__(
        self, target: Target, noise: np.ndarray, mass: FourierMass, settings: PhaseSamplerSettings, warmup: int
    ):
        self.target, self.mass, self.settings, self.warmup = target, mass, settings, warmup
        self.here = place(target, noise)
        self.step = StepSize.start(settings.first_step)

    @property
    def noise(self) -> np.ndarray:
        """Where the chain stands: white noise, float64 of shape (N^3,)."""
        return self.here.theta

    @property
    def energy(self) -> float:
        """Potential there."""
        return self.here.energy

    def step_size(self, iteration: int) -> float:
        """Step while adapting, and its average from then on."""
        adapting = iteration < self.warmup or not self.warmup
        return float(np.exp(self.step.log_step if adapting else self.step.log_average))

    def advance(self, iteration: int, rng: np.random.Generator) -> Outcome:
        """One trajectory; its duration is uniform between half and one and a half times the mean, against orbits."""
        step = self.step_size(iteration)
        duration = self.settings.trajectory * (0.5 + rng.random())
        steps = int(np.clip(np.ceil(duration / step), 1, self.settings.most_steps))
        self.here, outcome = transition(self.here, self.target, self.mass, step, steps, rng)
        if iteration < self.warmup:
            self.step = self.step.updated(outcome.acceptance, self.settings.acceptance)
        return outcome

    def refresh(self) -> None:
        """Potential and gradient anew, where the chain stands."""
        self.here = place(self.target, self.noise)

    def arrays(self) -> Arrays:
        """Place and step size."""
        return {
            "noise": self.here.theta,
            "energy": np.array(self.here.energy),
            "gradient": self.here.gradient,
            "step": np.array(astuple(self.step)),
        }

    def restore(self, arrays: Arrays) -> None:
        """Go back to a place of :meth:`arrays`."""
        self.here = Place(arrays["noise"], float(arrays["energy"]), arrays["gradient"])
        self.step = StepSize.of(arrays["step"])


class MicrocanonicalPhases:
    """Microcanonical Langevin Monte Carlo: no acceptance step, hence a bias that the energy error bounds."""

    def __init__(
        self, target: Target, noise: np.ndarray, mass: FourierMass, settings: PhaseSamplerSettings, warmup: int
    ):
        self.target, self.settings, self.warmup = target, settings, warmup
        self.dynamics = Microcanonical(target, mass, settings.decoherence)
        self.state: MovingState | None = None
        self.here = place(target, noise)
        self.average = StepAverage.start(settings.first_step)

    @property
    def noise(self) -> np.ndarray:
        """Where the chain stands: white noise, float64 of shape (N^3,)."""
        return self.here.theta

    @property
    def energy(self) -> float:
        """Potential there."""
        return self.here.energy

    def step_size(self, iteration: int) -> float:
        """Step in units of sqrt(dimensions)."""
        return self.average.step

    def advance(self, iteration: int, rng: np.random.Generator) -> Outcome:
        """``steps`` steps; the recorded energy error is the mean square per step and dimension."""
        if self.state is None:
            self.state = self.dynamics.start(self.here, rng)
        errors, bad, root = [], 0, len(self.noise) ** 0.5
        for _ in range(self.settings.steps):
            self.state, error, finite = self.dynamics.advance(self.state, self.average.step, rng)
            bad += not finite
            errors.append(error)
            if iteration < self.warmup:
                self.average = self.average.updated(error / root, self.settings.energy_variance)
        self.here = self.state.here
        # Steps that were undone are counted as such and have no energy error.
        variance = float(np.mean([(error / root) ** 2 for error in errors if np.isfinite(error)] or [np.nan]))
        return Outcome(True, 1.0, variance, False, bad > 0, GRADIENTS * self.settings.steps)

    def refresh(self) -> None:
        """Potential and gradient anew; the direction of motion does not depend on theta and stays."""
        self.here = place(self.target, self.noise)
        if self.state is not None:
            self.state = self.state._replace(here=self.here)

    def arrays(self) -> Arrays:
        """Place, direction and step size."""
        arrays = {
            "noise": self.here.theta,
            "energy": np.array(self.here.energy),
            "gradient": self.here.gradient,
            "step": np.array(astuple(self.average)),
        }
        return arrays if self.state is None else arrays | {"direction": self.state.direction}

    def restore(self, arrays: Arrays) -> None:
        """Go back to a place of :meth:`arrays`."""
        self.here = Place(arrays["noise"], float(arrays["energy"]), arrays["gradient"])
        self.average = StepAverage(*map(float, arrays["step"]))
        self.state = MovingState(self.here, arrays["direction"]) if "direction" in arrays else None
