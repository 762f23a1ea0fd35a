"""What one mock adds to a mean and covariance: numbers of haloes in bins of mass, and the power spectrum of haloes.

A mock has no truth beside it. Its numbers stand in the same bins in every mock of the same box, so that the values of
many mocks are the rows of a table.
"""

import numpy as np

from halonet.catalogue import EULERIAN, HaloCatalogue
from halonet.cosmology import declared, mean_matter_density
from halonet.statistics.mass_function import BIN_EDGES, KEY_CUTS, count_above
from halonet.statistics.power_spectrum import Spectra, halo_overdensity, measure_spectra

NARROWEST_BIN = 0.025  # 1/Mpc; bins of the power spectrum are not narrower, nor than the fundamental


class MockError(ValueError):
    """A catalogue that cannot be measured as a mock."""


def measure_mock(haloes: HaloCatalogue, minimum_cells: float, largest_k: float) -> dict:
    """Numbers and power spectrum of the haloes of at least ``minimum_cells`` cells, as JSON values.

    Parameters
    ----------
    largest_k
        Of the power spectrum (1/Mpc).

    Returns
    -------
    dict
        ``box``; ``mass_function`` with the ``edges`` of its bins (cells) and ``counts``, and numbers ``above`` some
        ``cuts`` (cells); ``power_spectrum`` with ``k`` (1/Mpc), ``modes`` and ``power`` (Mpc^3), shot noise included.
        Without haloes, which is a legal draw of a small box, counts and power are 0.
    """
    if not set(EULERIAN) <= set(haloes.columns):
        raise MockError(
            "no Eulerian positions x, y, z; make_mock.py writes them, find_haloes.py where it has a --density"
        )
    every, haloes = haloes, haloes.larger_than(minimum_cells)
    k, modes, power = binned_power(haloes, largest_k)
    edges = np.append(np.array([minimum_cells], float), BIN_EDGES[1.01 * minimum_cells < BIN_EDGES])
    return {
        "box": {
            "cells": haloes.grid_cells,
            "box_size_mpc": haloes.box_size_mpc,
            "redshift": haloes.header.redshift,
            "cosmology": haloes.header.cosmology,
            "seed": haloes.header.seed,
            "minimum_cells": minimum_cells,
            "cell_mass_msun": _cell_mass(haloes if len(haloes) else every),
        },
        "mass_function": {
            "edges": edges.tolist(),
            "counts": np.histogram(haloes["cells"], edges)[0].tolist(),
            "cuts": list(KEY_CUTS),
            "above": count_above(haloes, np.array(KEY_CUTS)).tolist(),
        },
        "power_spectrum": {"k": k.tolist(), "modes": modes.tolist(), "power": power.tolist()},
    }


def _cell_mass(haloes: HaloCatalogue) -> float | None:
    """Mass of a cell (Msun), from the haloes; without any from the cosmology; None where the file says neither."""
    if len(haloes):
        return float(np.median(haloes["mass"] / haloes["cells"]))
    if haloes.header.cosmology is None:
        return None
    return mean_matter_density(declared(haloes.header.cosmology, "catalogue")) * haloes.cell_size**3


def binned_power(haloes: HaloCatalogue, largest_k: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Power spectrum of Eulerian halo counts (cloud-in-cell, corrected) in bins that hold whole fundamental ones.

    Returns
    -------
    k, modes, power
        Mean wavenumber (1/Mpc), number of modes and P (Mpc^3) of bins up to ``largest_k``, each of shape (bins,).
    """
    box_size = haloes.box_size_mpc
    field = np.zeros((haloes.grid_cells,) * 3, np.float32)
    if len(haloes):
        field = halo_overdensity(haloes.positions(EULERIAN), haloes.grid_cells, box_size, "cloud_in_cell")
    spectra = measure_spectra(field, field, box_size, "cloud_in_cell")
    return rebin(spectra, 2 * np.pi / box_size, largest_k)


def rebin(spectra: Spectra, fundamental: float, largest_k: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean k (1/Mpc), number of modes and mean power (Mpc^3) of the first spectrum in bins of k, shape (bins,) each.

    Bins are at least :data:`NARROWEST_BIN` wide; means are weighted by modes.
    """
    together = max(1, round(NARROWEST_BIN / fundamental))
    bins = min(int(largest_k / fundamental), len(spectra.k)) // together
    if not bins:
        raise MockError(
            f"largest_k_per_mpc = {largest_k:g} is below the first bin of the box, {fundamental:.3g} per Mpc"
        )
    modes = spectra.modes[: bins * together].reshape(bins, together)
    total = modes.sum(axis=1)
    k, power = (
        (values[: bins * together].reshape(bins, together) * modes).sum(axis=1) / total
        for values in (spectra.k, spectra.first)
    )
    return k, total, power
