"""Times of a simulation: steps linear in the scale factor, placed so that every snapshot is hit exactly."""

from dataclasses import dataclass

import numpy as np

from halonet.n_body.growth import Growth
from halonet.settings import CosmologySettings, SettingsError, StepsSettings


@dataclass(frozen=True)
class Step:
    """One step: a drift, a force, and the kicks with that force.

    Attributes
    ----------
    a
        Scale factor at its end, where the force is computed.
    drift
        Of the positions from the end of the step before, per momentum.
    kick_to_end
        From the half-way point before to ``a``, per force.
    kick_beyond
        From ``a`` to the half-way point after it; 0 at the last step.
    snapshot
        Redshift of the snapshot at its end; None where there is none.
    """

    a: float
    drift: float
    kick_to_end: float
    kick_beyond: float
    snapshot: float | None = None


@dataclass(frozen=True)
class Schedule:
    """All of a simulation's times: the start, its first kick (per force), and the steps."""

    start: float
    first_kick: float
    steps: list[Step]


def plan(cosmology: CosmologySettings, settings: StepsSettings, redshifts: list[float]) -> Schedule:
    """Steps from the start to the last of the snapshots at ``redshifts``.

    Raises
    ------
    SettingsError
        If a snapshot is at the start or before it, or there are fewer steps than snapshots.
    """
    settings.check_snapshots(redshifts)
    growth = Growth(cosmology)
    targets = sorted({1 / (1 + redshift): redshift for redshift in redshifts}.items())
    times = scale_factors(settings.start, [a for a, _ in targets], settings.steps)
    half = np.sqrt(times[:-1] * times[1:])
    steps, snapshots = [], dict(targets)
    for n, a in enumerate(times[1:]):
        last = n == len(half) - 1
        steps.append(
            Step(
                a=float(a),
                drift=growth.drift(times[n], a, half[n]),
                kick_to_end=growth.kick(half[n], a, a),
                kick_beyond=0.0 if last else growth.kick(a, half[n + 1], a),
                snapshot=snapshots.get(float(a)),
            )
        )
    return Schedule(settings.start, growth.kick(times[0], half[0], times[0]), steps)


def scale_factors(start: float, snapshots: list[float], steps: int) -> np.ndarray:
    """Scale factors of the ends of ``steps`` steps, shape (steps + 1,), that hit rising ``snapshots`` exactly.

    Between two snapshots steps are equally long; each interval has its share of them, and at least one.
    """
    edges = np.array([start, *snapshots])
    if steps < len(snapshots):
        raise SettingsError(f"steps = {steps} cannot hit {len(snapshots)} snapshots; give at least as many steps")
    share = np.diff(edges) / (edges[-1] - start) * steps
    counts = np.maximum(np.floor(share).astype(int), 1)
    while counts.sum() != steps:
        # To the interval whose steps are the longest, or from the one whose steps are the shortest.
        change = 1 if counts.sum() < steps else -1
        length = np.diff(edges) / counts
        allowed = counts + change >= 1
        counts[np.argmax(np.where(allowed, change * length, -np.inf))] += change
    pieces = [np.linspace(a, b, n + 1)[1:] for a, b, n in zip(edges[:-1], edges[1:], counts, strict=True)]
    times = np.concatenate([[start], *pieces])
    times[np.cumsum(counts)] = snapshots
    return times
