"""One chain of a fit from its start to its end, with its checkpoint."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from halonet.neural_bias.bias_fit import Problem
from halonet.sampling.chain import Chain
from halonet.sampling.samplers import make_sampler


def fingerprint(problem: Problem, seed: int, code: str = "") -> str:
    """What decides a chain: settings, seed, data and the digest of the code."""
    digest = hashlib.sha256(f"{problem.settings.model_dump_json()}/{seed}/{code}".encode())
    for array in (problem.features, problem.voxels.volumes, problem.voxels.haloes, problem.voxels.log_mass):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def run_chain(
    problem: Problem,
    seed: int,
    index: int,
    checkpoint: str | Path | None = None,
    code: str = "",
    track: Callable[[range], Iterable[int]] = iter,
) -> tuple[Chain, np.ndarray]:
    """Search the posterior's maximum from a random start, then run the chain from there.

    Parameters
    ----------
    checkpoint
        File from which an interrupted chain goes on.
    code
        Digest of the code; a checkpoint of other code is refused.
    track
        Passes the transitions through and shows how far they are.

    Returns
    -------
    chain, theta
        The finished chain, in the coordinates it moved in, and its samples as parameters, shape (samples, parameters).
    """
    settings, posterior = problem.settings.sampler, problem.posterior()
    if checkpoint is not None and Path(checkpoint).exists():
        # The checkpoint overwrites place and metric; any start will do.
        start = problem.coordinates.phi(problem.first_theta(np.random.default_rng(0)))
        covariance = np.eye(len(start))
    else:
        start, covariance = problem.optimum(seed, index)
    sampler = make_sampler(posterior, start, covariance, settings)
    chain = Chain(sampler, settings, seed, index, checkpoint, fingerprint(problem, seed, code)).run(track=track)
    return chain, posterior.theta(chain.samples)
