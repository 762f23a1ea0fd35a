"""The block sampler: phases at fixed theta, then theta at fixed phases, in turn; what it records and remembers.

Notes
-----
Either block leaves its conditional posterior invariant, so their alternation leaves the joint posterior invariant
(BORG: Jasche & Wandelt 2013). It is a sampler as :class:`halonet.sampling.chain.Chain` drives it, whose checkpoints
therefore hold all of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import fft

from halonet.field_level.posterior import JointPosterior, PhaseTarget
from halonet.field_level.spectra import WavenumberShells
from halonet.neural_bias.fit import Posterior
from halonet.sampling.hamiltonian import Outcome, place
from halonet.sampling.phases import PhaseSampler
from halonet.sampling.samplers import MetricSampler, QuasiNewtonSampler, Sampler, make_sampler
from halonet.settings import FieldLevelSettings
from halonet.storage import atomic_path

Arrays = dict[str, np.ndarray]
Search = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


RECORDS = ("noise_power", "modes", "phase_step", "theta_acceptance", "theta_gradients", "model_evaluations")
PHASE_FILES = f"phases_{'[0-9]' * 7}.npy"  # pattern of the names that phase_file gives


class BlockSampler:
    """Phases and parameters together.

    Parameters
    ----------
    theta_target, theta_sampler
        Posterior of theta at fixed phases, and the sampler that moves in its coordinates.
    folder
        Where kept phases go, a file each; a chain that is run again from a checkpoint writes the same bytes.

    Attributes
    ----------
    search
        Finds the maximum of the posterior of theta at a density, and the inverse curvature there, from random points
        and from a given theta. In the middle of the warm-up theta begins there anew: the first phases are far from
        those of the haloes, and what was likely with them may be a side maximum, or have another curvature. None:
        theta goes on as it began.
    """

    def __init__(
        self,
        posterior: JointPosterior,
        phases: PhaseSampler,
        phase_target: PhaseTarget,
        theta_sampler: Sampler,
        theta_target: Posterior,
        settings: FieldLevelSettings,
        folder: Path,
    ):
        self.posterior, self.settings, self.folder = posterior, settings, Path(folder)
        self.phases, self.phase_target = phases, phase_target
        self.theta_sampler, self.theta_target = theta_sampler, theta_target
        gravity = posterior.gravity
        self.search: Search | None = None
        self.shells = WavenumberShells(gravity.cells, gravity.box_size)
        self.probes = self.shells.probes()
        self.records: dict[str, list] = {name: [] for name in RECORDS}
        self.moments = {name: FieldMoments.empty(gravity.cells) for name in ("linear", "density")}

    @property
    def theta(self) -> np.ndarray:
        """Coordinates of theta, shape (parameters,)."""
        return self.theta_sampler.theta

    @property
    def energy(self) -> float:
        """Joint potential, where the chain stands."""
        return self.phases.energy

    def advance(self, iteration: int, rng: np.random.Generator) -> Outcome:
        """One transition of the phases, then the moves of theta; returns what became of the phases."""
        before = self.phase_target.energies, self.phase_target.gradients
        outcome = self.phases.advance(iteration, rng)
        self.theta_target.points = self.theta_target.guide = self.posterior.points(self.phases.noise)
        if self.search and iteration == self.settings.warmup // 2 > 0:
            self._restart_theta(self.search)
        self._refresh_theta()
        moves = self.settings.theta.moves
        of_theta = [self.theta_sampler.advance(iteration * moves + move, rng) for move in range(moves)]
        self.phase_target.hold(self.theta_target.theta(self.theta))
        self.phases.refresh()
        evaluations = [now - then for now, then in zip(self._evaluations, before, strict=True)]
        self._record(iteration, of_theta, evaluations)
        return outcome

    def _restart_theta(self, search: Search) -> None:
        density = self.posterior.density(self.phases.noise).numpy()
        phi, covariance = search(density, self.theta_target.theta(self.theta))
        settings = self.settings.engine_settings().sampler
        self.theta_sampler = make_sampler(self.theta_target, phi, covariance, settings)

    @property
    def _evaluations(self) -> tuple[int, int]:
        return self.phase_target.energies, self.phase_target.gradients

    def _refresh_theta(self) -> None:
        """The density has changed: potential of theta anew, and its gradient where the sampler keeps one."""
        sampler = self.theta_sampler
        if isinstance(sampler, MetricSampler):
            sampler.here = place(self.theta_target, sampler.theta)
        else:
            assert isinstance(sampler, QuasiNewtonSampler)  # make_sampler knows no third
            sampler.energy = self.theta_target.energy(sampler.theta)

    def _record(self, iteration: int, of_theta: list[Outcome], evaluations: list[int]) -> None:
        for name, value in zip(RECORDS, self._values(of_theta, evaluations), strict=True):
            self.records[name].append(value)
        late = iteration - self.settings.warmup
        if late < 0:
            return
        noise = self.phases.noise.reshape((self.posterior.gravity.cells,) * 3)
        for name, field in self.fields(noise).items():
            self.moments[name] = self.moments[name].with_field(field)
        if late % self.settings.phase_thinning == 0:
            with atomic_path(phase_file(self.folder, iteration)) as temporary, open(temporary, "wb") as file:
                np.save(file, noise.astype(np.float32))

    def fields(self, noise: np.ndarray) -> Arrays:
        """Linear and evolved density of phases, shape (N, N, N) each."""
        return {
            "linear": self.posterior.linear_density(noise).numpy(),
            "density": self.posterior.density(noise).numpy(),
        }

    def _values(self, of_theta: list[Outcome], evaluations: list[int]) -> tuple:
        """What is recorded of a transition, in the order of :data:`RECORDS`."""
        cells = self.posterior.gravity.cells
        modes = fft.rfftn(self.phases.noise.reshape((cells,) * 3))
        probed = modes.ravel()[self.probes] / cells**1.5
        return (
            self.shells.noise_power(self.phases.noise),
            np.concatenate([probed.real, probed.imag]),
            self.phases.step_size(len(self.records["phase_step"])),
            np.mean([outcome.acceptance for outcome in of_theta]),
            sum(outcome.gradients for outcome in of_theta),
            sum(evaluations),
        )

    def arrays(self) -> Arrays:
        """All that the next transitions depend on, what was recorded, and the moments of the fields."""
        arrays = {f"phases.{name}": value for name, value in self.phases.arrays().items()}
        arrays |= {f"theta.{name}": value for name, value in self.theta_sampler.arrays().items()}
        arrays |= {f"record.{name}": np.array(values) for name, values in self.records.items()}
        for name, moments in self.moments.items():
            arrays |= {f"moments.{name}.{part}": value for part, value in vars(moments).items()}
        return {name: np.asarray(value) for name, value in arrays.items()}

    def restore(self, arrays: Arrays) -> None:
        """Go back to what :meth:`arrays` gave."""

        def part(name: str) -> Arrays:
            return {k.removeprefix(f"{name}."): v for k, v in arrays.items() if k.startswith(f"{name}.")}

        self.theta_sampler.restore(part("theta"))
        self.phase_target.hold(self.theta_target.theta(self.theta))
        self.phases.restore(part("phases"))
        self.records = {name: list(values) for name, values in part("record").items()}
        self.moments = {name: FieldMoments(**part(f"moments.{name}")) for name in self.moments}


@dataclass(frozen=True)
class FieldMoments:
    """Running mean and sum of squared deviations of a field (Welford 1962), shape (N, N, N)."""

    count: np.ndarray
    mean: np.ndarray
    squares: np.ndarray

    @classmethod
    def empty(cls, cells: int) -> "FieldMoments":
        """Of no fields."""
        return cls(np.array(0), np.zeros((cells,) * 3), np.zeros((cells,) * 3))

    def with_field(self, field: np.ndarray) -> "FieldMoments":
        """Of one more field."""
        count, before = self.count + 1, field - self.mean
        mean = self.mean + before / count
        return FieldMoments(np.asarray(count), mean, self.squares + before * (field - mean))

    def merged(self, other: "FieldMoments") -> "FieldMoments":
        """Of the fields of two chains (Chan, Golub & LeVeque 1983)."""
        count, apart = self.count + other.count, other.mean - self.mean
        mean = self.mean + apart * (other.count / count)
        squares = self.squares + other.squares + apart**2 * (self.count * other.count / count)
        return FieldMoments(np.asarray(count), mean, squares)

    @property
    def deviation(self) -> np.ndarray:
        """Standard deviation of the fields."""
        return np.sqrt(self.squares / max(int(self.count) - 1, 1))


def phase_file(folder: Path, iteration: int) -> Path:
    """File of the phases kept after a transition."""
    return folder / f"phases_{iteration:07d}.npy"
