"""A phase sample as an ordinary density of the pipeline, on its own grid or a finer one.

Notes
-----
The catalogue constrains the modes of the inference's grid. On a finer grid the modes beyond its Nyquist planes are
those of an unconstrained box of the pipeline, drawn from a seed, so that many completions of one sample can be made.
Modes move between grids as in :func:`halonet.neural_bias.evolution.resample`.
"""

import numpy as np

from halonet.grid.slabs import Slabs
from halonet.initial_conditions.density import linear_density
from halonet.neural_bias.evolution import resample
from halonet.settings import CosmologySettings


def constrained_density(
    sampled: np.ndarray,
    cells: int,
    box_size: float,
    seed: int,
    spectrum: tuple[np.ndarray, np.ndarray],
    cosmology: CosmologySettings,
) -> np.ndarray:
    """Linear density with the modes of a sample and random ones beyond them, float32 of shape (cells, cells, cells).

    Parameters
    ----------
    sampled
        Linear density of a phase sample, shape (N, N, N), at the cosmology's redshift.
    cells
        Cells along a side of the result, at least N.
    seed
        Of the white noise of the modes beyond, as of a box of the pipeline; without effect where ``cells`` is N.
    spectrum
        k (1/Mpc) and linear P (Mpc^3) at z = 0.

    Raises
    ------
    ValueError
        If the result were coarser than the sample, or the spectrum does not cover its modes.
    """
    coarse = len(sampled)
    if cells < coarse:
        raise ValueError(f"{cells} cells along a side cannot hold a sample of {coarse}; give {coarse} or more")
    if cells == coarse:
        return sampled.astype(np.float32)
    free = linear_density(Slabs(cells), seed, box_size, *spectrum, cosmology)
    replaced = resample(resample(free, coarse), cells)
    return (free - replaced + resample(sampled, cells)).astype(np.float32)
