"""Clustering of found haloes beside that of true ones, as it counts in the calibration of a halo finder."""

import numpy as np
from scipy.fft import next_fast_len

from halonet.catalogue import LAGRANGIAN, HaloCatalogue
from halonet.spectra import halo_overdensity, measure_spectra

LARGEST_K = 0.3  # 1/Mpc: power counts up to here


def power_of_most_massive(haloes: HaloCatalogue, number: int) -> float:
    """Sum over modes to :data:`LARGEST_K` of the power (Mpc^3) of so many haloes at Lagrangian positions.

    Shot noise is part of it; NaN without a halo. Only ratios mean something: haloes are counted on a mesh whose Nyquist
    frequency is four times as high, which smooths.
    """
    most = haloes.sorted_by_mass().select(slice(number))
    if not len(most):
        return float("nan")
    mesh = next_fast_len(int(np.ceil(4 * LARGEST_K * haloes.box_size_mpc / np.pi)), real=True)
    counts = halo_overdensity(most.positions(LAGRANGIAN), mesh, haloes.box_size_mpc)
    spectra = measure_spectra(counts, counts, haloes.box_size_mpc)
    return float((spectra.modes * spectra.first)[spectra.k <= LARGEST_K].sum())
