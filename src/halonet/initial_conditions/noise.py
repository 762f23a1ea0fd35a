"""White noise and seeds from a counter-based generator, keyed by what the numbers are for.

Every plane of every box has its own stream, so a box is the same for any number of ranks and in any order of jobs.
"""

import hashlib

import numpy as np

from halonet.grid.slabs import Slabs
from halonet.grid.threads import in_threads


def derived_seed(seed: int, name: str, index: int = 0) -> int:
    """Seed of one box, network, chain or mock, below 2^63, from the master seed, a name and an index."""
    digest = hashlib.sha256(f"{seed}/{name}/{index}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def generator(seed: int, name: str, index: int = 0) -> np.random.Generator:
    """Philox generator keyed by seed, name and index."""
    digest = hashlib.sha256(f"{seed}/{name}/{index}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(digest[:16], np.uint64)))


def white_noise(slabs: Slabs, seed: int) -> np.ndarray:
    """Gaussian white noise of unit variance, float32 of shape (N / ranks, N, N)."""
    noise = np.empty(slabs.shape, np.float32)

    def draw(plane: int) -> None:
        generator(seed, "white noise plane", slabs.start + plane).standard_normal(out=noise[plane], dtype=np.float32)

    in_threads(draw, range(len(noise)), slabs.threads)
    return noise
