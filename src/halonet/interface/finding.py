"""Haloes in a predicted probability."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.checks.assumptions import assume, recording
from halonet.cosmology import say_replaced
from halonet.dataset.normalisation import read_normalisation
from halonet.grid.slabs import Slabs
from halonet.halo_finding.finder import Finder, finder_of
from halonet.halo_finding.haloes import to_catalogue
from halonet.interface.given import OVERRIDE, Cosmology, checked_cube, checked_flag, checked_length, settings_of
from halonet.interface.networks import Prediction
from halonet.mocks.moving import move_haloes
from halonet.network.validity import trained_cosmology
from halonet.plausibility.density import check_against_spectrum
from halonet.plausibility.protohaloes import check_same_field
from halonet.provenance import provenance, with_assumptions
from halonet.settings import CosmologySettings, HaloFindingSettings
from halonet.settings.base import of_kind
from halonet.storage import FieldHeader

THREADS = os.cpu_count() or 1  # of the displacement; they change no bit


@recording
def find_haloes(
    probability: np.ndarray | Prediction,
    box_size_mpc: float | None = None,
    density: np.ndarray | None = None,
    cosmology: Cosmology | None = None,
    settings: HaloFindingSettings | Mapping[str, Any] | None = None,
    thresholds: str | Path | None = None,
    outside_validity: bool = False,
) -> HaloCatalogue:
    """Find the haloes in a predicted probability (docs/halo_finding.md has the finders and what they reach).

    Parameters
    ----------
    probability
        What :func:`halonet.interface.networks.predict` returns, or an array of shape (N, N, N) with values in [0, 1].
    box_size_mpc
        Side of the box (Mpc), for an array.
    density
        Linear overdensity of the box, shape (N, N, N): with it, haloes get Eulerian positions and velocities.
    cosmology
        By default that of the network, else the paper's; also as a dictionary.
    settings, thresholds
        Finder, and file of its constants; by default those of the network, for an array the paper's.
    outside_validity
        Warn only, where the density is not what cosmology and redshift give, or has not collapsed where haloes are.

    Returns
    -------
    HaloCatalogue
        Lagrangian centres and radii (Mpc), masses (Msun) and, with a density, Eulerian centres and velocities (km/s).

    Raises
    ------
    ValueError
        If arrays do not fit each other, values are no probabilities, or heads that the finder needs are missing.

    Examples
    --------
    >>> import halonet
    >>> density = halonet.draw_density(seed=7, cells=32)
    >>> prediction = halonet.predict(density, "vnet-small", threads=1)
    >>> "vx" in halonet.find_haloes(prediction, density=density).columns
    True
    """
    given, density, go_on = _checked(probability, box_size_mpc, density, outside_validity)
    cosmology, finder = _cosmology(given.folder, cosmology), _finder(given, settings, thresholds)
    if density is not None:
        check_against_spectrum(density, Slabs(len(density)), given.box_size_mpc, cosmology, "density", go_on)
    haloes = _found(finder, given, cosmology)
    return haloes if density is None else _moved(haloes, density, cosmology, finder, go_on)


def _checked(
    probability: np.ndarray | Prediction, box_size_mpc: float | None, density: np.ndarray | None, go_on: bool
) -> tuple[Prediction, np.ndarray | None, bool]:
    """Prediction and density of one box, of the types that finders take, and the flag."""
    given = probability if isinstance(probability, Prediction) else Prediction(probability, 0.0)
    if box_size_mpc is None and given is not probability:
        raise ValueError("box_size_mpc is missing; an array does not say how large its box is")
    values = checked_cube(given.probability, "probability")
    if given is probability and box_size_mpc not in (None, given.box_size_mpc):
        raise ValueError(f"box_size_mpc = {box_size_mpc}, but the prediction is of a box of {given.box_size_mpc:g} Mpc")
    box_size = checked_length(given.box_size_mpc if box_size_mpc is None else box_size_mpc, "box_size_mpc")
    if values.min() < 0 or values.max() > 1:
        raise ValueError(f"probability runs from {values.min():.6g} to {values.max():.6g}; it must lie within 0 and 1")
    if density is not None and np.shape(density) != values.shape:
        raise ValueError(f"density has shape {np.shape(density)}, but the probability {values.shape}")
    density = None if density is None else checked_cube(density, "density")
    return replace(given, probability=values, box_size_mpc=box_size), density, checked_flag(go_on, OVERRIDE)


def _found(finder: Finder, given: Prediction, cosmology: CosmologySettings) -> HaloCatalogue:
    """Haloes at their Lagrangian centres."""
    if missing := set(finder.heads) - set(given.heads):
        raise ValueError(f"finder = {finder.settings.finder!r} needs the heads {' and '.join(sorted(missing))}")
    found = finder.find(given.probability, {name: given.heads[name] for name in finder.heads})
    record = provenance("halo_finding", finder.settings.model_dump() | {"in_force": finder.in_force})
    header = FieldHeader(given.box_size_mpc, cosmology.redshift, cosmology.model_dump(), provenance=record)
    return to_catalogue(found, len(given.probability), header, cosmology, finder.settings.minimum_cells)


def _moved(
    haloes: HaloCatalogue, density: np.ndarray, cosmology: CosmologySettings, finder: Finder, go_on: bool
) -> HaloCatalogue:
    """Haloes at their Eulerian centres, which must lie where the density has collapsed."""
    check_same_field(density, haloes, "haloes of the probability", go_on)
    haloes = replace(haloes, header=replace(haloes.header, provenance=with_assumptions(haloes.header.provenance)))
    return move_haloes(haloes, density, cosmology, finder.settings.displacement, THREADS)


def _finder(
    given: Prediction, settings: HaloFindingSettings | Mapping[str, Any] | None, thresholds: str | Path | None
) -> Finder:
    """The finder that is asked for, else the one its thresholds belong to, else the paper's."""
    folder = given.folder
    if thresholds is None and folder is not None and (folder / "thresholds.json").is_file():
        thresholds = folder / "thresholds.json"
    if settings is None:
        settings = HaloFindingSettings() if thresholds is None else finder_of(thresholds)
    return Finder(of_kind(settings, HaloFindingSettings), thresholds)


def _cosmology(folder: Path | None, given: Cosmology | None) -> CosmologySettings:
    """The cosmology that is given, else that which a network was trained on, else the paper's."""
    known = None if folder is None else trained_cosmology(read_normalisation(folder / "normalisation.json"))
    cosmology = settings_of(given, known or CosmologySettings())
    if folder is not None and known is None and given is None:
        assume(f"prediction of {folder.name}, which knows many cosmologies: that of the paper is taken")
    if known is not None and folder is not None:
        say_replaced(known.model_dump(), cosmology, f"prediction of {folder.name}")
    return cosmology
