"""Modes of a periodic field up to a largest wavenumber, the inner part of the Fourier cube."""

import numpy as np
from scipy import fft


def inner_modes(field: np.ndarray, largest: int, of_clouds: bool = False) -> np.ndarray:
    """Modes of a field of shape (N, N, N) over N^3, with |k_i| up to ``largest`` fundamentals along every axis.

    Parameters
    ----------
    of_clouds
        Whether to divide by the window of cloud-in-cell.

    Returns
    -------
    ndarray
        complex128 of shape (2 n + 1, 2 n + 1, n + 1): kx and ky from -n to n, kz from 0 to n.

    Raises
    ------
    ValueError
        If the field has no such modes.
    """
    cells = len(field)
    if cells <= 2 * largest:
        raise ValueError(f"a field of {cells} cells a side has no modes up to {largest}; {2 * largest + 1} do")
    along = np.arange(-largest, largest + 1)
    modes = fft.rfftn(field)[np.ix_(along, along, along[largest:])].astype(np.complex128) / cells**3
    if of_clouds:
        window = np.sinc(along / cells) ** 2
        modes /= window[:, None, None] * window[:, None] * window[largest:]
    return modes


def inner_squares(largest: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """kx^2, ky^2 and kz^2 of these modes in fundamentals, each of their shape."""
    along = np.arange(-largest, largest + 1.0) ** 2
    x, y, z = np.broadcast_arrays(along[:, None, None], along[:, None], along[largest:])
    return x, y, z


def inner_multiplicity(largest: int) -> np.ndarray:
    """How many modes each stands for, shape (n + 1,) by kz: the real transform has one of each pair k, -k."""
    return np.where(np.arange(largest + 1) == 0, 1.0, 2.0)
