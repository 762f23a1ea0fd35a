"""Samplers as chains use them: one transition at a time, with everything they remember in named arrays.

``frozen_metric`` is the production sampler: Hamiltonian Monte Carlo whose metric is learnt from windows of the
warm-up and whose step size is dual-averaged; both are frozen when the warm-up ends. ``quasi_newton`` is the paper's,
``hmc`` plain Hamiltonian Monte Carlo of unit mass.
"""

from dataclasses import astuple
from typing import Protocol

import numpy as np

from halonet.sampling.hamiltonian import Metric, Outcome, Place, StepSize, Target, place, transition
from halonet.sampling.quasi_newton import InverseHessian, quasi_newton_transition
from halonet.settings import SamplerSettings

Arrays = dict[str, np.ndarray]


class Sampler(Protocol):
    """A Markov chain's rule and its memory."""

    @property
    def theta(self) -> np.ndarray:
        """Where the chain stands, shape (parameters,)."""

    @property
    def energy(self) -> float:
        """Potential there."""

    def advance(self, iteration: int, rng: np.random.Generator) -> Outcome:
        """One transition."""

    def arrays(self) -> Arrays:
        """All that the next transitions depend on."""

    def restore(self, arrays: Arrays) -> None:
        """Go back to what :meth:`arrays` gave."""


def make_sampler(target: Target, theta: np.ndarray, covariance: np.ndarray, settings: SamplerSettings) -> Sampler:
    """Sampler of ``settings.kind`` at its start.

    Parameters
    ----------
    covariance
        First guess of the posterior's covariance, shape (n, n); used by ``frozen_metric``.
    """
    if settings.kind == "quasi_newton":
        return QuasiNewtonSampler(target, theta, settings)
    if settings.kind == "hmc":
        return MetricSampler(target, theta, np.eye(len(theta)), settings, [])
    return MetricSampler(target, theta, covariance, settings, window_ends(settings.warmup))


def window_ends(warmup: int) -> list[int]:
    """Iterations of the warm-up after which the metric is learnt: windows that double, then rest for the step."""
    ends, start, length = [], warmup // 10, max(warmup // 20, 20)
    last = warmup - warmup // 8
    while start + length <= last:
        end = start + length
        # A next window that would not fit is joined to this one.
        ends.append(last if end + 2 * length > last else end)
        start, length = ends[-1], 2 * length
    return ends


class MetricSampler:
    """Hamiltonian Monte Carlo with a dense metric.

    Parameters
    ----------
    updates
        Iterations after which the metric becomes the covariance of the samples since the last one.
    """

    def __init__(
        self, target: Target, theta: np.ndarray, covariance: np.ndarray, settings: SamplerSettings, updates: list[int]
    ):
        self.target, self.settings, self.updates = target, settings, set(updates)
        self.first_update = settings.warmup // 10
        self.here = place(target, np.asarray(theta, np.float64))
        self.metric = Metric.floored(covariance)
        self.step = StepSize.start(settings.first_step)
        self.moments = _RunningCovariance(len(theta))

    @property
    def theta(self) -> np.ndarray:
        """Where the chain stands, shape (parameters,)."""
        return self.here.theta

    @property
    def energy(self) -> float:
        """Potential there."""
        return self.here.energy

    def step_size(self, iteration: int) -> float:
        """Step while adapting, and its average from then on."""
        return float(np.exp(self.step.log_step if iteration < self.settings.warmup else self.step.log_average))

    def advance(self, iteration: int, rng: np.random.Generator) -> Outcome:
        """One trajectory; its duration is uniform between 0 and twice the mean, which breaks periodic orbits."""
        step = self.step_size(iteration)
        duration = 2 * self.settings.trajectory * rng.random()
        steps = int(np.clip(np.ceil(duration / step), 1, self.settings.most_steps))
        self.here, outcome = transition(self.here, self.target, self.metric, step, steps, rng)
        if iteration < self.settings.warmup:
            self.step = self.step.updated(outcome.acceptance, self.settings.acceptance)
            if iteration >= self.first_update:
                self.moments.add(self.theta)
            if iteration + 1 in self.updates:
                self.metric = Metric.floored(self.moments.covariance(self.metric.inverse_mass))
                self.moments = _RunningCovariance(len(self.theta))
                self.step = StepSize.start(float(np.exp(self.step.log_step)))
        return outcome

    def arrays(self) -> Arrays:
        """Place, metric, step size and moments."""
        return {
            "theta": self.here.theta,
            "energy": np.array(self.here.energy),
            "gradient": self.here.gradient,
            "inverse_mass": self.metric.inverse_mass,
            "step": np.array(astuple(self.step)),
            "moments": np.concatenate([[self.moments.count], self.moments.mean]),
            "products": self.moments.products,
        }

    def restore(self, arrays: Arrays) -> None:
        """Go back to a place of :meth:`arrays`."""
        self.here = Place(arrays["theta"], float(arrays["energy"]), arrays["gradient"])
        self.metric = Metric(arrays["inverse_mass"])
        self.step = StepSize.of(arrays["step"])
        self.moments = _RunningCovariance(len(self.theta))
        self.moments.count, self.moments.mean = int(arrays["moments"][0]), arrays["moments"][1:]
        self.moments.products = arrays["products"]


class _RunningCovariance:
    """Running mean and covariance (Welford)."""

    def __init__(self, parameters: int):
        self.count, self.mean, self.products = 0, np.zeros(parameters), np.zeros((parameters, parameters))

    def add(self, theta: np.ndarray) -> None:
        self.count += 1
        before = theta - self.mean
        self.mean = self.mean + before / self.count
        self.products = self.products + np.outer(before, theta - self.mean)

    def covariance(self, previous: np.ndarray) -> np.ndarray:
        """Covariance, drawn towards the previous metric with the weight of a sample per parameter."""
        weight = len(self.mean)
        return (self.products + weight * previous) / (self.count - 1 + weight)


class QuasiNewtonSampler:
    """The paper's sampler; see :mod:`halonet.sampling.quasi_newton`."""

    def __init__(self, target: Target, theta: np.ndarray, settings: SamplerSettings):
        self.target, self.settings = target, settings
        self.theta, self.energy, _ = place(target, np.asarray(theta, np.float64))
        self.hessian = InverseHessian.start(len(theta))
        self.inverse_mass = np.full(len(theta), settings.inverse_mass)

    def advance(self, iteration: int, rng: np.random.Generator) -> Outcome:
        """One trajectory; B learns during the warm-up, or always where the settings say so."""
        adapt = self.settings.adapt_always or iteration < self.settings.warmup
        self.theta, self.energy, self.hessian, outcome = quasi_newton_transition(
            self.theta, self.energy, self.target, self.hessian, self.inverse_mass, self.settings, rng, adapt
        )
        return outcome

    def arrays(self) -> Arrays:
        """Place, inverse Hessian and the pair it last learnt from."""
        arrays = {"theta": self.theta, "energy": np.array(self.energy), "hessian": self.hessian.matrix}
        if self.hessian.theta is not None and self.hessian.gradient is not None:
            arrays |= {"hessian_theta": self.hessian.theta, "hessian_gradient": self.hessian.gradient}
        return arrays

    def restore(self, arrays: Arrays) -> None:
        """Go back to a place of :meth:`arrays`."""
        self.theta, self.energy = arrays["theta"], float(arrays["energy"])
        self.hessian = InverseHessian(arrays["hessian"], arrays.get("hessian_theta"), arrays.get("hessian_gradient"))
