"""Trained networks: which there are, what they predict, and the haloes in a prediction."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from halonet.catalogue import HaloCatalogue
from halonet.dataset.normalisation import read_normalisation
from halonet.halo_finding.haloes import to_catalogue, with_eulerian_columns
from halonet.halo_finding.search import Finder, finder_of
from halonet.head_fields import SHAPES
from halonet.interface.arrays import checked_cube, checked_length
from halonet.mocks.tiles import tiles_for
from halonet.network.shipped import DEFAULT_NETWORK, find_network, shipped_networks
from halonet.network.validity import describe_validity, trained_cosmology
from halonet.provenance import provenance
from halonet.settings import CosmologySettings, HaloFindingSettings, PredictionSettings
from halonet.storage import FieldHeader

if TYPE_CHECKING:
    from halonet.network.folder import TrainedNetwork


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a network says of a box; ``numpy.asarray(prediction)`` is its probability.

    Attributes
    ----------
    probability
        To belong to a halo, float32 of shape (N, N, N).
    box_size_mpc
        Side of the box (Mpc).
    heads
        What the heads of the network say, by their names: ``centre_offset`` (N, N, N, 3) and ``log_radius`` (N, N, N),
        both of the cell's halo in cells; empty for a network without.
    folder
        Folder of the network, where its halo finder is; None where it has none.
    """

    probability: np.ndarray
    box_size_mpc: float
    heads: Mapping[str, np.ndarray] = field(default_factory=dict)
    folder: Path | None = None

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.array(self.probability, dtype, copy=copy)

    def __repr__(self) -> str:
        cells = len(self.probability)
        network = f" of {self.folder.name}" if self.folder else ""
        return f"<Prediction{network}: {cells}^3 cells, box of {self.box_size_mpc:g} Mpc, heads {list(self.heads)}>"


def list_networks() -> dict[str, str]:
    """List the trained networks at hand.

    Returns
    -------
    dict
        What each is valid for, in words, by the name that :func:`load_network` takes.

    Examples
    --------
    >>> import halonet
    >>> halonet.list_networks()["vnet-small-objects"]
    'cells of 1 Mpc and h 0.7, omega_b 0.043, omega_cdm 0.207, n_s 0.96, sigma8 0.8, redshift 0'
    """
    found = shipped_networks().items()
    return {name: describe_validity(read_normalisation(folder / "normalisation.json")) for name, folder in found}


def load_network(network: str | Path = DEFAULT_NETWORK) -> "TrainedNetwork":
    """Load a trained network.

    Parameters
    ----------
    network
        Name of a shipped one, or folder of your own.

    Returns
    -------
    TrainedNetwork
        Its Keras model, settings, normalisation and folder.

    Raises
    ------
    StorageError
        If there is no such network, or its files do not fit together.

    Examples
    --------
    >>> import halonet
    >>> network = halonet.load_network("vnet-small")
    >>> network.settings.levels, network.normalisation.cell_size_mpc
    (4, 1.0)
    """
    from halonet.network import load_network as load

    return load(find_network(network))


def predict(
    density: np.ndarray,
    network: "str | Path | TrainedNetwork" = DEFAULT_NETWORK,
    box_size_mpc: float | None = None,
    settings: PredictionSettings | None = None,
    threads: int | None = None,
    gpus: int = 0,
) -> Prediction:
    """Predict which cells of a periodic box belong to haloes.

    Parameters
    ----------
    density
        Linear overdensity at the redshift the network was trained for, shape (N, N, N), indexed [x, y, z].
    network
        Name, folder, or what :func:`load_network` returns, which is quicker for many boxes.
    box_size_mpc
        Side of the box (Mpc); by default of cells as the network knows them. Others are predicted with a warning.
    settings
        Tile and buffer; by default those that fit the box.
    threads, gpus
        By default as many threads as there are processors, and no GPU. TensorFlow takes them at its first computation.

    Returns
    -------
    Prediction
        Probability, and what the heads of the network say.

    Raises
    ------
    ValueError
        If the density is no cube of finite numbers.
    SettingsError
        If tiles do not cover the box; the message names the nearest numbers of cells that can be covered.

    Notes
    -----
    Berger & Stein (2018), section 3.3; docs/networks.md.

    Examples
    --------
    >>> import halonet
    >>> density = halonet.draw_density(seed=7, cells=32)
    >>> halonet.predict(density, "vnet-small", threads=1)
    <Prediction of vnet-small: 32^3 cells, box of 32 Mpc, heads []>
    """
    from halonet.network.build import size_multiple
    from halonet.network.devices import prepare_devices_once
    from halonet.network.prediction import predict_box

    density, threads = checked_cube(density, "density"), threads or os.cpu_count() or 1
    prepare_devices_once(threads, gpus)
    trained = load_network(network) if isinstance(network, str | Path) else network
    cells = len(density)
    box_size = cells * trained.normalisation.cell_size_mpc if box_size_mpc is None else box_size_mpc
    settings = settings or tiles_for(cells, size_multiple(trained.settings))
    heads = {name: np.zeros((cells,) * 3 + SHAPES[name], np.float16) for name in trained.settings.heads.weights}
    cell_size = checked_length(box_size, "box_size_mpc") / cells
    probability = predict_box(trained, density, cell_size, settings, threads=threads, heads=heads)
    return Prediction(probability, box_size, heads, trained.folder)


def find_haloes(
    probability: np.ndarray | Prediction,
    box_size_mpc: float | None = None,
    density: np.ndarray | None = None,
    cosmology: CosmologySettings | None = None,
    settings: HaloFindingSettings | None = None,
    thresholds: str | Path | None = None,
) -> HaloCatalogue:
    """Find the haloes in a predicted probability.

    Parameters
    ----------
    probability
        What :func:`predict` returns, or an array of shape (N, N, N) with values in [0, 1].
    box_size_mpc
        Side of the box (Mpc), for an array.
    density
        Linear overdensity of the same box, shape (N, N, N): with it, haloes get Eulerian positions and velocities.
    cosmology
        By default that of the network, else the paper's.
    settings, thresholds
        Finder, and JSON file of its calibrated constants; by default those that travel with the network of a
        prediction. A thresholds file alone brings the finder it was calibrated for; an array alone is searched by the
        paper's.

    Returns
    -------
    HaloCatalogue
        Lagrangian centres and radii (Mpc), masses (Msun) and, with a density, Eulerian centres and velocities (km/s).

    Raises
    ------
    ValueError
        If arrays do not fit each other, or values are no probabilities.
    SettingsError
        If the finder needs constants or heads that are not there.

    Notes
    -----
    docs/halo_finding.md has the finders and what they reach.

    Examples
    --------
    >>> import halonet
    >>> density = halonet.draw_density(seed=7, cells=32)
    >>> prediction = halonet.predict(density, "vnet-small", threads=1)
    >>> haloes = halonet.find_haloes(prediction, density=density)
    >>> len(haloes) > 10, haloes["vx"].shape == haloes["mass"].shape
    (True, True)
    """
    given = probability if isinstance(probability, Prediction) else Prediction(probability, box_size_mpc or 0.0)
    values, box_size = checked_cube(given.probability, "probability"), box_size_mpc or given.box_size_mpc
    checked_length(box_size, "box_size_mpc")
    if values.min() < 0 or values.max() > 1:
        raise ValueError(f"probability runs from {values.min():.6g} to {values.max():.6g}; it must lie within 0 and 1")
    if density is not None and np.shape(density) != values.shape:
        raise ValueError(f"density has shape {np.shape(density)}, but the probability {values.shape}")
    finder = _finder(given.folder, settings, thresholds)
    if missing := set(finder.heads) - set(given.heads):
        raise ValueError(f"finder = {finder.settings.finder!r} needs the heads {' and '.join(sorted(missing))}")
    cosmology = cosmology or _known_cosmology(given.folder)
    record = provenance("halo_finding", finder.settings.model_dump() | {"in_force": finder.in_force})
    header = FieldHeader(float(box_size), cosmology.redshift, cosmology.model_dump(), provenance=record)
    found = finder.find(values, {name: given.heads[name] for name in finder.heads})
    haloes = to_catalogue(found, len(values), header, cosmology, finder.settings.minimum_cells)
    if density is None:
        return haloes
    threads = os.cpu_count() or 1
    return with_eulerian_columns(haloes, checked_cube(density, "density"), cosmology, cosmology.redshift, threads)


def _finder(folder: Path | None, settings: HaloFindingSettings | None, thresholds: str | Path | None) -> Finder:
    """The finder that is asked for, else the one its thresholds belong to, else the paper's."""
    if thresholds is None and folder is not None and (folder / "thresholds.json").is_file():
        thresholds = folder / "thresholds.json"
    if settings is None:
        settings = HaloFindingSettings() if thresholds is None else finder_of(thresholds)
    return Finder(settings, thresholds)


def _known_cosmology(folder: Path | None) -> CosmologySettings:
    """Cosmology a network was trained on, else the paper's."""
    known = None if folder is None else trained_cosmology(read_normalisation(folder / "normalisation.json"))
    return known or CosmologySettings()
