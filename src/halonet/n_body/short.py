"""Short simulations: a few steps from a linear density to its redshift, for what need not be exact.

They carry haloes to where they are (:mod:`halonet.mocks.moving`), and tell a network where matter gathers
(:mod:`halonet.n_body.ends`).
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from halonet import heap
from halonet.cosmology import growth_factor
from halonet.grid.slabs import Slabs
from halonet.n_body.forces import Gravity
from halonet.n_body.growth import Growth
from halonet.n_body.schedule import Schedule, Step
from halonet.n_body.simulation import State, simulate, simulate_to_end
from halonet.n_body.start import start_particles_quickly
from halonet.settings import CosmologySettings


def simulate_density(
    linear: np.ndarray,
    slabs: Slabs,
    cosmology: CosmologySettings,
    schedule: Schedule,
    gravity: Gravity,
    track: Callable[[range], Iterable[int]] = iter,
) -> tuple[Step, State]:
    """Last step of a simulation and its particles then; collective.

    Parameters
    ----------
    linear
        Linear density extrapolated to the redshift of the cosmology, float32: this rank's planes, (N / ranks, N, N).
    slabs
        Of the box; a particle starts in each of its cells.
    schedule, gravity
        Times (:func:`halonet.n_body.schedule.plan`), and forces of these particles.
    track
        Shows progress over the steps it is given.
    """
    state = _start(linear, slabs, cosmology, schedule)
    return simulate_to_end(state, schedule, gravity, track), state


def drift_to_end(
    linear: np.ndarray, slabs: Slabs, cosmology: CosmologySettings, schedule: Schedule, gravity: Gravity
) -> tuple[Step, State]:
    """As :func:`simulate_density`, but for the last force: momenta are those of half a step before; collective."""
    state = _start(linear, slabs, cosmology, schedule)
    heap.give_back()  # six fields that the start took
    *before, last = schedule.steps
    simulate(state, replace(schedule, steps=before), gravity, lambda step, state: None)
    gravity.drift(state.displacements, state.momenta, last.drift)
    return last, state


def kick_to_end(step: Step, state: State, gravity: Gravity) -> None:
    """The last force of :func:`drift_to_end`, in place: particles are then those of :func:`simulate_density`."""
    gravity.update(state.displacements)
    gravity.kick(state.momenta, state.displacements, step.kick_to_end)


def _start(linear: np.ndarray, slabs: Slabs, cosmology: CosmologySettings, schedule: Schedule) -> State:
    growth = np.float32(growth_factor(cosmology, cosmology.redshift))
    linear = np.asarray(linear, np.float32)
    today = linear if growth == 1 else linear / growth
    return State(*start_particles_quickly(today, slabs, Growth(cosmology), schedule.start))
