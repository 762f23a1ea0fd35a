"""A trained network is a folder that describes itself.

It holds ``model.weights.h5`` (Keras' own layout, with the path and shape of every weight as attribute ``layout``),
``settings.json``, ``normalisation.json``, ``digests.json`` (of weights and normalisation, which are held against it on
loading), ``provenance.json``, ``history.csv``, ``timing.csv``, ``progress.png`` and ``events/`` (for TensorBoard), and
where it was quantised ``int8.h5`` (:mod:`halonet.network.quantised`).
"""

import json
import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import keras
import numpy as np

from halonet.checks.patient_file import check_room
from halonet.dataset.normalisation import Normalisation, read_normalisation, write_normalisation
from halonet.digests import DIGESTS, check_complete, check_digest, digest_of, note_digests, write_digests
from halonet.network.build import build_network, weight_layout
from halonet.network.history import write_history
from halonet.network.quantised import FILE as QUANTISED
from halonet.network.quantised import Quantised, read_quantised
from halonet.settings import ChannelSettings, NetworkSettings, validate
from halonet.storage import StorageError, atomic_path, open_hdf5, read_json, write_json

WEIGHTS = "model.weights.h5"
SHARED_WITH_START = (
    *("architecture", "levels", "filters", "kernel", "convolutions", "activation", "batch_normalisation"),
    "normalisation",
)  # settings without which weights mean something else


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained network.

    Attributes
    ----------
    model
        Maps normalised densities, with the C channels of ``settings`` beside them, (batch, S, S, S, 1 + C) to
        probabilities (batch, S, S, S, 2), foreground first.
    settings
        What it is and how it was trained.
    normalisation
        Standard deviations and cell size of the boxes it was trained on.
    folder
        Where it was loaded from; None for one that was just trained.
    quantised
        Its convolutions in eight bits, if the folder has them.
    """

    model: keras.Model
    settings: NetworkSettings
    normalisation: Normalisation
    folder: Path | None = None
    quantised: Quantised | None = None


def save_network(folder: str | Path, network: TrainedNetwork, provenance: dict, history: list[dict]) -> None:
    """Write a trained network; ``model.weights.h5`` comes last, so that a folder without it is not complete."""
    folder = Path(folder)
    for name in (WEIGHTS, DIGESTS, QUANTISED):  # the last belongs to other weights
        (folder / name).unlink(missing_ok=True)
    write_json(folder / "settings.json", network.settings.model_dump())
    write_normalisation(folder / "normalisation.json", network.normalisation)
    write_json(folder / "provenance.json", provenance)
    write_history(folder, history)
    for leftover in folder.glob(".weights-*"):
        shutil.rmtree(leftover)  # of a run that was killed here
    # Keras insists on the ending of the name, which atomic_path changes.
    with TemporaryDirectory(dir=folder, prefix=".weights-") as temporary:
        # Without the optimizer, whose state is twice as large as the weights.
        model = keras.Model(network.model.inputs, network.model.outputs, name=network.model.name)
        check_room(folder / WEIGHTS, int(1.1 * 4 * model.count_params()))
        model.save_weights(Path(temporary) / WEIGHTS)
        with h5py.File(Path(temporary) / WEIGHTS, "a") as file:
            file["layout"] = json.dumps(weight_layout(network.model))
        note_digests(folder, ["normalisation.json"])
        write_digests(folder, {WEIGHTS: digest_of(Path(temporary) / WEIGHTS)})
        with atomic_path(folder / WEIGHTS) as path:
            os.replace(Path(temporary) / WEIGHTS, path)


def load_network(folder: str | Path) -> TrainedNetwork:
    """Load a trained network; what is none, not complete or of another architecture is refused by name."""
    folder = Path(folder)
    for name in ("settings.json", "normalisation.json", WEIGHTS):
        if not (folder / name).is_file():
            what = f"it has no {name}" if folder.is_dir() else "there is no such folder"
            raise StorageError(f"{folder}: no trained network, {what}")
    check_complete(folder)
    settings = validate(NetworkSettings, read_json(folder / "settings.json"), str(folder / "settings.json"))
    check_digest(folder / WEIGHTS)
    model = build_network(settings)
    _check_layout(folder / WEIGHTS, model)
    try:
        model.load_weights(folder / WEIGHTS)
    except (OSError, KeyError, ValueError) as error:
        raise StorageError(f"{folder / WEIGHTS}: the weights cannot be read ({error})") from None
    for weight in model.weights:
        if not bool(keras.ops.all(keras.ops.isfinite(weight))):
            raise StorageError(f"{folder / WEIGHTS}: {weight.path} has values that are not finite; the file is damaged")
    normalisation = read_normalisation(folder / "normalisation.json")
    return TrainedNetwork(model, settings, normalisation, folder, read_quantised(folder))


def take_weights(model: keras.Model, settings: NetworkSettings, folder: str | Path) -> None:
    """Give ``model``, the network of ``settings``, the weights of a trained one; heads that it lacks stay as they are.

    Where ``model`` sees channels that the trained network does not, their weights are zero: it begins with the same
    outputs.

    Raises
    ------
    StorageError
        If the trained network is of another architecture or input, or has channels or heads that ``model`` has not.
    """
    trained = load_network(folder)
    for name in SHARED_WITH_START:
        held, wanted = getattr(trained.settings, name), getattr(settings, name)
        if held != wanted:
            raise StorageError(f"{folder}: no start for this network, its {name} is {held}, not {wanted}")
    places = _places_of_channels(trained.settings.channels, settings.channels, folder)
    new = set(settings.heads.weights) - set(trained.settings.heads.weights)
    of_input, added = _weights_of_input(model), settings.channels.count + 1 - len(places)
    _check_layout(Path(folder) / WEIGHTS, model, new, dict.fromkeys(of_input, added))
    values = {weight.path: weight for weight in trained.model.weights}
    for weight in model.weights:
        if weight.path in of_input:
            weight.assign(_widened(keras.ops.convert_to_numpy(values[weight.path]), places, added))
        elif weight.path in values:
            weight.assign(values[weight.path])


def _places_of_channels(held: ChannelSettings, wanted: ChannelSettings, folder: str | Path) -> list[int]:
    """Where the density and the channels of a trained network are among those of another."""
    if foreign := [channel for channel in held.each if channel not in wanted.each]:
        raise StorageError(
            f"{folder}: no start for this network, {len(foreign)} of its channels {held.model_dump()} are not among "
            f"{wanted.model_dump()}"
        )
    return [0, *(1 + wanted.each.index(channel) for channel in held.each)]


def _weights_of_input(model: keras.Model) -> set[str]:
    """Kernels that see the input of the network, alone or in front of other tensors."""
    seen, names = {id(model.input)}, set()
    for layer in model.layers:
        if isinstance(layer, keras.layers.Concatenate) and layer.input[0] is model.input:
            seen.add(id(layer.output))
        elif isinstance(layer, keras.layers.Conv3D) and id(layer.input) in seen:
            names.add(layer.kernel.path)
    return names


def _widened(kernel: np.ndarray, places: list[int], added: int) -> np.ndarray:
    """A kernel whose first input channels are moved to ``places``, with zeros between; others follow them."""
    *sides, inputs, outputs = kernel.shape
    wide = np.zeros((*sides, inputs + added, outputs), kernel.dtype)
    wide[..., places, :] = kernel[..., : len(places), :]
    wide[..., len(places) + added :, :] = kernel[..., len(places) :, :]
    return wide


def _check_layout(
    path: Path, model: keras.Model, new_heads: Collection[str] = (), added: Mapping[str, int] | None = None
) -> None:
    """Refuse weights of other names or shapes, but for ``new_heads`` and input channels ``added`` to some kernels."""
    with open_hdf5(path) as file:
        if "layout" not in file:
            raise StorageError(f"{path}: no weights of a HaloNet network; the dataset 'layout' is missing")
        held = {name: tuple(shape) for name, shape in json.loads(file["layout"][()])}
    needed = {name: tuple(shape) for name, shape in weight_layout(model) if not name.startswith(tuple(new_heads))}
    for name, more in (added or {}).items():
        *sides, inputs, outputs = needed[name]
        needed[name] = (*sides, inputs - more, outputs)
    for name in [*needed, *held]:
        if held.get(name) != needed.get(name):
            raise StorageError(
                f"{path}: weights of another architecture. {name} has shape {held.get(name, 'none, it is absent')} in "
                f"the file and {needed.get(name, 'none, it is absent')} in the network of settings.json "
                f"({len(held)} and {len(needed)} weights in all)"
            )
