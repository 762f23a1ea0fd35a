"""Trained networks: which there are, and what they predict."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from halonet.checks.numbers import GPUS, checked
from halonet.checks.types import of_type
from halonet.dataset.normalisation import read_normalisation
from halonet.grid.slabs import Slabs
from halonet.head_fields import SHAPES
from halonet.interface.given import OVERRIDE, checked_cube, checked_flag, checked_length, checked_threads, settings_of
from halonet.mocks.tiles import tiles_for
from halonet.network.shipped import DEFAULT_NETWORK, find_network, shipped_networks
from halonet.network.validity import describe_validity
from halonet.settings import PredictionSettings

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

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
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
    settings: PredictionSettings | Mapping[str, Any] | None = None,
    threads: int | None = None,
    gpus: int = 0,
    outside_validity: bool = False,
) -> Prediction:
    """Predict which cells of a periodic box belong to haloes (Berger & Stein 2018, section 3.3).

    Parameters
    ----------
    density
        Linear overdensity at the redshift the network was trained for, shape (N, N, N), indexed [x, y, z].
    network
        Name, folder, or what :func:`load_network` returns, which is quicker for many boxes.
    box_size_mpc
        Side of the box (Mpc); by default of cells as the network knows them. Others are predicted with a warning.
    settings
        Tile and buffer, also as a dictionary; by default those that fit the box.
    threads, gpus
        By default as many threads as there are processors, and no GPU. TensorFlow takes them at its first computation.
    outside_validity
        Warn only, where mean or deviation of the density is not that of the boxes the network was trained on.

    Returns
    -------
    Prediction
        Probability, and what the heads of the network say.

    Raises
    ------
    ValueError
        If the density is no cube of finite numbers, or not like those the network was trained on, or (SettingsError)
        tiles do not cover the box; the message names the nearest numbers of cells that can be covered.

    Examples
    --------
    >>> import halonet
    >>> density = halonet.draw_density(seed=7, cells=32)
    >>> halonet.predict(density, "vnet-small", threads=1)
    <Prediction of vnet-small: 32^3 cells, box of 32 Mpc, heads []>
    """
    from halonet.network.devices import prepare_devices_once

    density, threads = checked_cube(density, "density"), checked_threads(threads)
    prepare_devices_once(threads, int(checked("gpus", gpus, GPUS)))
    go_on = checked_flag(outside_validity, OVERRIDE)
    return _predicted(_loaded(network), density, box_size_mpc, settings, threads, go_on)


def _loaded(network: "str | Path | TrainedNetwork") -> "TrainedNetwork":
    from halonet.network.folder import TrainedNetwork

    return load_network(network) if isinstance(network, str | Path) else of_type(network, TrainedNetwork, "network")


def _predicted(
    trained: "TrainedNetwork",
    density: np.ndarray,
    box_size_mpc: float | None,
    settings: PredictionSettings | Mapping[str, Any] | None,
    threads: int,
    outside_validity: bool,
) -> Prediction:
    """What a loaded network says of a checked density."""
    from halonet.network.build import size_multiple
    from halonet.network.prediction import check_input, predict_box

    cells = len(density)
    box_size = cells * trained.normalisation.cell_size_mpc if box_size_mpc is None else box_size_mpc
    cell_size = checked_length(box_size, "box_size_mpc") / cells
    settings = settings_of(settings, tiles_for(cells, size_multiple(trained.settings)))
    heads = {name: np.zeros((cells,) * 3 + SHAPES[name], np.float16) for name in trained.settings.heads.weights}
    check_input(trained, density, cell_size, "density", outside_validity)
    probability = predict_box(trained, density, cell_size, settings, heads=heads, slabs=Slabs(cells, threads=threads))
    return Prediction(probability, box_size, heads, trained.folder)
