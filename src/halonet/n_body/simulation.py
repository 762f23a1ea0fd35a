"""A particle-mesh simulation: kick, drift, kick from the start to the last snapshot.

Leapfrog with the factors of FastPM (:mod:`halonet.n_body.growth`): each step drifts the particles to its end, computes
one force there, and kicks momenta from one half-way point to the next. At a snapshot the kick stops where positions
are, so that both belong to the same time.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from halonet.n_body.forces import Gravity
from halonet.n_body.schedule import Schedule, Step


@dataclass
class State:
    """Particles between two steps: positions at the end of ``steps`` steps, momenta half a step later.

    Attributes
    ----------
    displacements, momenta
        Of this rank's particles, in cells (H0 = 1), float32 of shape (N / ranks, N, N, 3).
    steps
        Steps that are done; 0 before the first, when momenta belong to the start.
    """

    displacements: np.ndarray
    momenta: np.ndarray
    steps: int = 0


Snapshot = Callable[[Step, State], None]


def simulate(
    state: State,
    schedule: Schedule,
    gravity: Gravity,
    snapshot: Snapshot,
    finished: Callable[[State], object] = lambda state: None,
) -> None:
    """Advance particles, in place, through the steps of a schedule that are not done yet; collective.

    Parameters
    ----------
    snapshot
        Called at every snapshot, when momenta and positions belong to the end of the step.
    finished
        Called after each step but the last, when the state may be stored.
    """
    positions, momenta = state.displacements, state.momenta
    if state.steps == 0:
        gravity.update(positions)
        gravity.kick(momenta, positions, schedule.first_kick)
    for step in schedule.steps[state.steps :]:
        gravity.drift(positions, momenta, step.drift)
        gravity.update(positions)
        if step.snapshot is None:
            gravity.kick(momenta, positions, step.kick_to_end + step.kick_beyond)
        else:
            gravity.kick(momenta, positions, step.kick_to_end)
            snapshot(step, state)
            if step.kick_beyond:
                gravity.kick(momenta, positions, step.kick_beyond)
        state.steps += 1
        if state.steps < len(schedule.steps):
            finished(state)


def simulate_to_end(
    state: State,
    schedule: Schedule,
    gravity: Gravity,
    track: Callable[[range], Iterable[int]] = iter,
) -> Step:
    """Take particles, in place, to the last step of a schedule, which is returned; collective.

    Parameters
    ----------
    track
        Shows progress over the steps it is given.
    """
    ticks = iter(track(range(len(schedule.steps))))
    next(ticks)
    simulate(state, schedule, gravity, lambda step, state: None, lambda state: next(ticks))
    for _ in ticks:
        pass
    return schedule.steps[-1]
