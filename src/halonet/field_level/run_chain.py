"""One chain of a field-level inference from its start to its end, with its checkpoint and its file."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import tensorflow as tf

from halonet.checks.names import beside
from halonet.field_level.alternation import PHASE_FILES, BlockSampler, phase_file
from halonet.field_level.data import FieldData
from halonet.field_level.gravity import Gravity
from halonet.field_level.posterior import JointPosterior, PhaseTarget
from halonet.field_level.start import first_noise, kaiser_mass, measured_bias, scaled_noise
from halonet.initial_conditions.noise import generator
from halonet.neural_bias.fit import Compiled, Posterior, Problem, carried_over, compress
from halonet.sampling.chain import Chain, read_chain, write_chain
from halonet.sampling.fourier_mass import FourierMass
from halonet.sampling.maximum import inverse_curvature, minimise
from halonet.sampling.phases import make_phase_sampler
from halonet.sampling.samplers import make_sampler
from halonet.settings import FieldLevelSettings
from halonet.storage import StorageError, clear_leftovers

START = "field level start"
# Short searches for theta, their Newton steps and those of the best one, and points that stand for all.
STARTS, FEW_STEPS, MANY_STEPS, SEARCH_POINTS = 3, 12, 150, 2048


def fingerprint(data: FieldData, settings: FieldLevelSettings, seed: int, code: str = "") -> str:
    """What decides a chain: settings, seed, data and the digest of the code; not how many chains or draws there are."""
    values = settings.model_dump_json(exclude={"chains", "draws", "constrained", "box"})
    digest = hashlib.sha256(f"{values}/{seed}/{code}/{data.cosmology.model_dump_json()}".encode())
    inputs = data.inputs
    for array in (inputs.density, inputs.haloes.positions, inputs.haloes.mass, data.k, data.power):
        digest.update(np.ascontiguousarray(array).tobytes())
    if inputs.completeness is not None:
        digest.update(np.ascontiguousarray(inputs.completeness).tobytes())
    return digest.hexdigest()


def first_phases(data: FieldData, gravity: Gravity, settings: FieldLevelSettings, seed: int, index: int) -> np.ndarray:
    """White noise a chain starts from, shape (N, N, N)."""
    if settings.start == "random":
        return scaled_noise(settings.cells, settings.start_scale, seed, START, index)
    return first_noise(gravity, data.inputs, settings.phases.bias, seed, START, index)


def likely_theta(
    problem: Problem, density: np.ndarray, rng: np.random.Generator, near: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of theta at the maximum of its posterior at a density, and the inverse curvature there.

    The model's constants and the coordinates are the problem's own, so that those of all chains are the same.

    Parameters
    ----------
    density
        In units of the mean, shape (N, N, N).
    near
        Parameters from which the search also starts, shape (parameters,).
    """
    features = problem.model.features(tf.constant(np.log(density + problem.settings.density_floor))).numpy()
    here = replace(problem, voxels=replace(problem.voxels, density=density.ravel()), features=features)
    points, searched = here.points(), here.searched
    few = compress(points, SEARCH_POINTS) if problem.model.is_pointwise else points
    compiled = Compiled(problem.likelihood, problem.settings.engine.prior_width, searched)
    potential = Posterior(compiled, few).energy_and_gradient
    starts = [here.first_theta(rng) for _ in range(STARTS)] + ([] if near is None else [near])
    tried = [minimise(potential, searched.phi(start), FEW_STEPS) for start in starts]
    found = minimise(potential, min(tried, key=lambda each: each.energy).theta, MANY_STEPS)
    theta = searched.theta(tf.constant(found.theta))[0].numpy()
    covariance = inverse_curvature(found.hessian)
    return problem.coordinates.phi(theta), carried_over(covariance, found.theta, searched, problem.coordinates)


def make_posterior(data: FieldData, settings: FieldLevelSettings) -> JointPosterior:
    """Joint posterior of a catalogue under the settings."""
    return JointPosterior(data.problem(settings), data.gravity(settings), settings.precision)


def make_blocks(
    posterior: JointPosterior,
    mass: FourierMass,
    settings: FieldLevelSettings,
    noise: np.ndarray,
    phi: np.ndarray,
    covariance: np.ndarray,
    folder: str | Path,
) -> BlockSampler:
    """Block sampler that stands at phases of shape (N, N, N) and coordinates ``phi`` of theta."""
    noise = np.asarray(noise, np.float64).ravel()
    theta_target = posterior.theta_posterior(noise)
    phase_target = PhaseTarget(posterior, theta_target.theta(phi))
    phases = make_phase_sampler(phase_target, noise, mass, settings.phases, settings.warmup)
    theta_sampler = make_sampler(theta_target, phi, covariance, settings.engine_settings().sampler)
    return BlockSampler(posterior, phases, phase_target, theta_sampler, theta_target, settings, Path(folder))


class FieldChain(Chain):
    """A chain of phases and parameters in turns."""

    sampler: BlockSampler
    settings: FieldLevelSettings


def open_chain(
    data: FieldData,
    settings: FieldLevelSettings,
    seed: int,
    index: int,
    output: str | Path,
    code: str = "",
    posterior: JointPosterior | None = None,
) -> FieldChain:
    """A chain at its start, or at the last checkpoint of an earlier call that was killed.

    Parameters
    ----------
    output
        HDF5 file that :func:`run_chain` will write; checkpoint and kept phases stand beside it until then.
    code
        Digest of the code; a checkpoint of other code is refused.
    posterior
        Joint posterior of data and settings, compiled already by a chain before this one; None: made here.
    """
    checkpoint, folder = scratch_of(output)
    posterior = posterior or make_posterior(data, settings)
    problem, gravity = posterior.problem, posterior.gravity
    noise = first_phases(data, gravity, settings, seed, index)
    if checkpoint.exists():
        # The checkpoint overwrites place and metric; any start will do.
        phi = problem.coordinates.phi(problem.first_theta(np.random.default_rng(0)))
        covariance = np.eye(len(phi))
    else:
        phi, covariance = likely_theta(
            problem, posterior.density(tf.constant(noise)).numpy(), generator(seed, START, index)
        )
    bias = settings.phases.bias or measured_bias(gravity, data.inputs)
    mass = kaiser_mass(gravity, len(data.inputs.haloes) / gravity.box_size**3, bias)
    blocks = make_blocks(posterior, mass, settings, noise, phi, covariance, folder)
    blocks.search = lambda density, theta: likely_theta(
        problem, density, generator(seed, "field level theta", index), theta
    )
    return FieldChain(blocks, settings, seed, index, checkpoint, fingerprint(data, settings, seed, code))


def run_chain(
    chain: FieldChain,
    output: str | Path,
    provenance: dict,
    track: Callable[[range], Iterable[int]] = iter,
    until: int | None = None,
) -> None:
    """Run a chain to its end and write it; killed at any moment, it goes on from its checkpoint to the same bits.

    Parameters
    ----------
    chain
        From :func:`open_chain`.
    output
        HDF5 file of the finished chain, the one it was opened for.
    track
        Passes the transitions through and shows how far they are.
    until
        Stop before this transition, with what the last checkpoint holds and without the file; None: go on to the end.
    """
    chain.run(until, track)
    if chain.done == chain.settings.transitions:
        write_field_chain(Path(output), chain, provenance)
        clear_scratch(output)


def scratch_of(output: str | Path) -> tuple[Path, Path]:
    """Checkpoint of an unfinished chain, and folder of its kept phases."""
    return beside(output, ".checkpoint.npz"), beside(output, ".phases")


def clear_scratch(output: str | Path) -> None:
    """Delete what a chain that is finished needs no longer, whatever killed processes have left in it.

    Files that no chain writes stay, and so does their folder.
    """
    checkpoint, folder = scratch_of(output)
    clear_leftovers(checkpoint)
    for pattern in (PHASE_FILES, f".{PHASE_FILES}.*.part"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    checkpoint.unlink(missing_ok=True)


def write_field_chain(output: Path, chain: FieldChain, provenance: dict) -> None:
    """Write a finished chain, phases included."""
    blocks, settings = chain.sampler, chain.settings
    kept = range(settings.warmup, settings.transitions, settings.phase_thinning)
    phases = np.stack([np.load(phase_file(blocks.folder, iteration)) for iteration in kept])
    theta = blocks.theta_target.theta(chain.theta)
    extra = {
        "parameters": theta[settings.warmup :: settings.thinning],
        "phases": phases,
        "theta_at_phases": theta[list(kept)],
    }
    names = blocks.posterior.problem.model.names()
    write_chain(output, chain, names, provenance, extra)


def read_field_chain(path: str | Path) -> dict[str, np.ndarray]:
    """Arrays of a chain's file: those of :func:`halonet.sampling.chain.read_chain`, records and moments."""
    arrays = read_chain(path)
    if "phases" not in arrays:
        raise StorageError(f"{path}: no dataset 'phases'; it was not written by sample_field_level.py")
    with h5py.File(path) as file:
        arrays |= {
            name: values[()] for name, values in file["sampler"].items() if name.startswith(("record", "moments"))
        }
    return arrays
