"""Densities, and the Peak Patch haloes of one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.checks.assumptions import recording
from halonet.grid.slabs import Slabs
from halonet.initial_conditions.noise import white_noise
from halonet.interface.given import (
    OVERRIDE,
    Cosmology,
    checked_cube,
    checked_flag,
    checked_length,
    checked_threads,
    settings_of,
)
from halonet.interface.mocks import seed_unless
from halonet.kept_spectra import kept_power_spectrum
from halonet.mocks.box import MockBox
from halonet.mocks.by_peak_patch import collapse_table, fitting_settings
from halonet.mocks.expected_number import checked_patches
from halonet.mocks.request import MockRequest
from halonet.peak_patch.finder import find_haloes
from halonet.plausibility.density import check_against_spectrum
from halonet.provenance import provenance
from halonet.settings import CosmologySettings, PeakPatchSettings
from halonet.storage import FieldHeader


@recording
def draw_density(
    seed: int | None = None,
    cells: int | None = None,
    box_size_mpc: float | None = None,
    cosmology: Cosmology | None = None,
    phases: np.ndarray | str | Path | None = None,
    outside_validity: bool = False,
) -> np.ndarray:
    """Draw the Gaussian linear density of a periodic box: that of the mock of the same seed.

    Parameters
    ----------
    seed
        Another seed, an independent box; 7 where no phases are given.
    cells
        Cells along a side; by default 256, or those of the phases.
    box_size_mpc
        Side of the box (Mpc); by default cells of 1 Mpc.
    cosmology
        With the redshift to which the density is extrapolated, also as a dictionary; by default the paper's, at
        redshift 0.
    phases
        White noise of another generator, of unit variance in every cell, in place of a seed: shape (N, N, N), indexed
        [x, y, z], or a file, ``FILE`` or ``FILE:DATASET`` (docs/how_to/own_phases.md).
    outside_validity
        Warn only, where the phases are not white noise.

    Returns
    -------
    ndarray
        Linear overdensity, float32 of shape (cells, cells, cells), indexed [x, y, z], mean 0.

    Raises
    ------
    SettingsError, ValueError
        If a value cannot be used, or the box has modes that the power spectrum does not cover.

    Examples
    --------
    >>> import halonet
    >>> density = halonet.draw_density(seed=7, cells=32)
    >>> density.shape, round(float(density.std()), 1)
    ((32, 32, 32), 3.2)
    """
    asked: dict[str, Any] = {"cells": cells, "box_size_mpc": box_size_mpc, "cosmology": cosmology, "phases": phases}
    seed = seed_unless(seed, asked)
    box = MockBox(MockRequest(seed=seed, outside_validity=outside_validity, **asked))
    return box.density_slab(Slabs(box.cells, None, box.request.threads))


def draw_phases(seed: int = 7, cells: int = 256) -> np.ndarray:
    """Draw the white noise of the mock of a seed: for other generators, or to change it and hand it back.

    Parameters
    ----------
    seed
        Another seed, independent noise.
    cells
        Cells along a side.

    Returns
    -------
    ndarray
        Gaussian noise of unit variance, float32 of shape (cells, cells, cells), indexed [x, y, z].

    Raises
    ------
    SettingsError
        If a number is not possible.

    Examples
    --------
    >>> import halonet
    >>> phases = halonet.draw_phases(seed=7, cells=32)
    >>> bool((halonet.draw_density(phases=phases) == halonet.draw_density(seed=7, cells=32)).all())
    True
    """
    box = MockBox(MockRequest(seed=seed, cells=cells))
    assert box.header.seed is not None  # a seed was given
    return white_noise(Slabs(cells), box.header.seed)


def linear_power_spectrum(cosmology: Cosmology | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Compute the linear matter power spectrum at redshift 0 with CAMB, scaled to sigma8.

    Parameters
    ----------
    cosmology
        Flat, with dark energy of w0 and wa, also as a dictionary; by default the paper's.

    Returns
    -------
    k, power
        Wavenumbers (1/Mpc) and P(k) (Mpc^3), float64 of shape (2000,).

    Examples
    --------
    >>> import halonet
    >>> k, power = halonet.linear_power_spectrum()
    >>> print(f"{k[power.argmax()]:.3f} per Mpc")
    0.010 per Mpc
    """
    return kept_power_spectrum(settings_of(cosmology, CosmologySettings()))


@recording
def find_peak_patch_haloes(
    density: np.ndarray,
    box_size_mpc: float,
    cosmology: Cosmology | None = None,
    settings: PeakPatchSettings | Mapping[str, Any] | None = None,
    threads: int | None = None,
    outside_validity: bool = False,
) -> HaloCatalogue:
    """Find the Peak Patch haloes of a linear density (Bond & Myers 1996, ApJS 103, 1; arXiv:1810.07727).

    Parameters
    ----------
    density
        Linear overdensity extrapolated to the redshift of ``cosmology``, shape (N, N, N), indexed [x, y, z], periodic.
    box_size_mpc
        Side of the box (Mpc).
    cosmology
        By default the paper's, at redshift 0; also as a dictionary.
    settings
        Also as a dictionary; by default the paper's. No filter is larger than half of the box, unless they name another
        ``filters.largest_mpc``; ``collapse_table="fine"`` for cosmologies and redshifts far from the paper's.
    threads
        By default as many as there are processors. They change no bit.
    outside_validity
        Warn only, where density or number of haloes are not what cosmology and redshift give.

    Returns
    -------
    HaloCatalogue
        Most massive first, with Lagrangian and Eulerian centres (Mpc), velocities (km/s), masses (Msun) and shapes.

    Raises
    ------
    ValueError
        If the density is no cube of finite numbers, or a setting does not fit the box.

    Examples
    --------
    >>> import halonet
    >>> density = halonet.draw_density(seed=7, cells=32)
    >>> halonet.find_peak_patch_haloes(density, box_size_mpc=32)
    <HaloCatalogue: 39 haloes of 9.77e+11 to 1.83e+14 Msun, box of 32 Mpc, redshift 0>
    """
    density, box_size = checked_cube(density, "density"), checked_length(box_size_mpc, "box_size_mpc")
    cosmology, slabs = settings_of(cosmology, CosmologySettings()), Slabs(len(density), None, checked_threads(threads))
    settings = fitting_settings(box_size, settings_of(settings, PeakPatchSettings()))
    check_against_spectrum(density, slabs, box_size, cosmology, "density", checked_flag(outside_validity, OVERRIDE))
    haloes = _peak_patch_haloes(density, slabs, box_size, cosmology, settings)
    return checked_patches(haloes, settings, cosmology, "density", outside_validity)


def _peak_patch_haloes(
    density: np.ndarray, slabs: Slabs, box_size: float, cosmology: CosmologySettings, settings: PeakPatchSettings
) -> HaloCatalogue:
    """Haloes of a density that has been checked."""
    table, record = collapse_table(cosmology, settings.collapse_table), provenance("peak_patch", settings.model_dump())
    header = FieldHeader(box_size, cosmology.redshift, cosmology.model_dump(), provenance=record)
    return find_haloes(density, slabs, box_size / slabs.cells, cosmology, settings, table, header)
