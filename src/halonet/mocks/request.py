"""What a user asks of a mock; what contradicts itself is refused here."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import numpy as np

from halonet.checks.numbers import CELLS, COUNT, GPUS, LENGTH, SEED, THREADS, NumberError, checked
from halonet.checks.types import of_type
from halonet.network.shipped import DEFAULT_NETWORK
from halonet.settings import CosmologySettings, HaloFindingSettings, NBodySettings, PeakPatchSettings, SettingsError
from halonet.settings.base import of_kind
from halonet.settings.network import Precision
from halonet.tiles_of_universes import TileOf

DEFAULT_CELLS = 256  # along a side, where no file says it
SOURCES = ("seed", "density", "phases", "universe")  # of a density
NUMBERS = {
    "seed": SEED,
    "universe": SEED,
    "cells": CELLS,
    "box_size_mpc": LENGTH,
    "threads": THREADS,
    "gpus": GPUS,
    "of": COUNT,
}
TYPES = {
    "density": str | Path,
    "power_spectrum": str | Path,
    "network": str | Path,
    "thresholds": str | Path,
    "collapse_table": str | Path,
    "scratch": str | Path,
    "phases": str | Path | np.ndarray,
    "keep": Mapping,
    "tile": tuple | list,
    "outside_validity": bool,
    "abundance_matching": bool,
    "flip_phases": bool,
}
SETTINGS = {
    "cosmology": CosmologySettings,
    "halo_finding": HaloFindingSettings,
    "peak_patch": PeakPatchSettings,
    "n_body": NBodySettings,
}


@dataclass(frozen=True)
class MockRequest:
    """A mock that is asked for. What is None follows from the density, the network, or the paper.

    Settings may be given as dictionaries.

    Attributes
    ----------
    seed
        Of the mock: another seed, an independent mock. One of ``seed``, ``density``, ``phases`` and ``universe`` is
        needed.
    density
        HDF5 file with a density of the user's own, in place of ``seed``, ``cells`` and ``box_size_mpc``.
    cells
        Cells along a side; by default those of the file, or 256.
    box_size_mpc
        Side of the box (Mpc); by default that of the density, or cells as the method knows them.
    cosmology
        By default that of the density, else what the method knows.
    power_spectrum
        CSV file with the linear power spectrum at z = 0; by default CAMB's.
    network
        Folder of a trained network, or the name of a shipped one; method ``network``.
    halo_finding, thresholds
        Finder, and file of its calibrated constants; by default those that travel with the network.
    outside_validity
        Warn only, where the network has not learnt from such a box, or a density or spectrum is not what it should be.
    peak_patch, collapse_table
        Settings and collapse table (HDF5 file); method ``peak_patch``.
    n_body
        Settings; method ``n_body``.
    abundance_matching
        Remap the masses to Tinker et al. (2008).
    keep
        HDF5 files to write fields to, by their names: ``phases``, ``density``, ``probability``, ``mask``.
    scratch
        Folder for what of a large box does not fit in memory.
    precision
        ``fastest``: the network's numbers are whole ones of eight bits where it has them, and bfloat16 where the
        processor has it; a simulation that moves haloes has a particle for eight cells. ``float32``: neither.
    threads, gpus
        Of each rank; threads change no bit.
    phases
        White noise of another generator, in place of ``seed`` and ``cells``: an array of shape (N, N, N), or a file,
        ``FILE`` or ``FILE:DATASET`` (:mod:`halonet.initial_conditions.phases`).
    flip_phases
        Take the negative of the noise: the partner of a pair, or noise of the other sign.
    universe
        Seed of a universe (:mod:`halonet.initial_conditions.universe`) of ``cells`` and ``box_size_mpc`` along a side,
        of which one tile is made; method ``peak_patch``.
    tile, of
        Number of the tile along each axis, from 0, and how many tiles the universe is cut into: 1, 8, 27, ...
    """

    seed: int | None = None
    density: str | Path | None = None
    cells: int | None = None
    box_size_mpc: float | None = None
    cosmology: CosmologySettings | None = None
    power_spectrum: str | Path | None = None
    network: str | Path = DEFAULT_NETWORK
    halo_finding: HaloFindingSettings | None = None
    thresholds: str | Path | None = None
    outside_validity: bool = False
    peak_patch: PeakPatchSettings | None = None
    collapse_table: str | Path | None = None
    n_body: NBodySettings | None = None
    abundance_matching: bool = False
    keep: Mapping[str, str | Path] = field(default_factory=dict)
    scratch: str | Path | None = None
    precision: Precision = "float32"
    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    gpus: int = 0
    phases: str | Path | np.ndarray | None = None
    flip_phases: bool = False
    universe: int | None = None
    tile: tuple[int, int, int] = (0, 0, 0)
    of: int = 1

    def __post_init__(self) -> None:
        self._check_values()
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            none_or_several = " and ".join(given) or "none"
            raise SettingsError(
                f"a mock needs a seed, a density, phases or a universe, one of them and not {none_or_several}"
            )
        self._check_tile()
        if self.density is not None and (self.flip_phases or "phases" in self.keep):
            raise SettingsError("a density of one's own has no phases to flip or keep; give a seed or phases")

    def _check_values(self) -> None:
        """Numbers in their ranges, and settings that are dictionaries made into their kind."""
        for name in (each for each in NUMBERS if getattr(self, each) is not None):
            try:
                object.__setattr__(self, name, checked(name, getattr(self, name), NUMBERS[name]))
            except NumberError as error:
                raise SettingsError(str(error)) from None
        for name, kind in TYPES.items():
            if getattr(self, name) is not None:
                value = getattr(self, name)
                object.__setattr__(
                    self, name, of_type(bool(value) if isinstance(value, np.bool_) else value, kind, name)
                )
        if self.precision not in get_args(Precision):
            raise SettingsError(f"precision = {self.precision!r}; there are {' and '.join(get_args(Precision))}")
        for name in (each for each in SETTINGS if getattr(self, each) is not None):
            object.__setattr__(self, name, of_kind(getattr(self, name), SETTINGS[name]))

    def _check_tile(self) -> None:
        tile = TileOf(self.tile, self.of)
        if self.universe is None:
            if tile != TileOf():
                raise SettingsError(f"tile = {self.tile}, of = {self.of}; only a universe has tiles")
            return
        tile.cells(self.cells or DEFAULT_CELLS)
        if self.abundance_matching and self.of > 1:
            raise SettingsError(
                f"abundance_matching of one of {self.of} tiles; masses are matched in a whole box, so join the tiles "
                "(halonet join), then match the catalogue of all (halonet match-abundance)"
            )
        if self.flip_phases or self.keep:
            raise SettingsError(
                "of a universe neither phases are flipped nor fields kept; give a seed for a box of them"
            )
