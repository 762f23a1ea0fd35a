"""A network's convolutions in whole numbers of eight bits: what they are, and the file that holds them.

Inputs x of a convolution become whole numbers q = round(x / step), from -zero to 255 - zero, with a step for each of
its channels; weights become whole numbers from -127 to 127 with a step for each channel of the output. Their products
are summed exactly. Processors do that two to four times as fast as the same in floating point. A convolution that does
not stand in the file is computed in floating point. :mod:`halonet.network.quantising` chooses the numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np

from halonet.digests import check_digest, digest_of, note_digests
from halonet.storage import StorageError, new_hdf5, open_hdf5

FILE = "int8.h5"  # in the folder of a network
LEVELS = 255  # of the inputs, from the least to the greatest
LARGEST = 127  # weight, and channel of the input
CHANNEL_STEPS = "channel_steps"
REMEDY = "make it again by workflow_scripts/quantise_network.py, or delete it and its line in digests.json"


@dataclass(frozen=True)
class QuantisedConvolution:
    """A convolution of C channels to F in whole numbers.

    Attributes
    ----------
    input_steps
        What a unit of each channel of the input is worth, float32 of shape (C,).
    zero
        The least whole number of an input is ``-zero``, the greatest ``255 - zero``.
    kernel
        Whole numbers, int8 of shape (F, C, side, side, side). Those of an input channel are for its units.
    output_steps
        What a unit of each sum is worth, float32 of shape (F,).
    bias
        Of the result, float32 of shape (F,); the mean error of the rest is taken off.
    """

    input_steps: np.ndarray
    zero: int
    kernel: np.ndarray
    output_steps: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class Quantised:
    """The convolutions of a network in whole numbers.

    Attributes
    ----------
    convolutions
        By the names of their layers.
    channel_steps
        What a unit of each channel beside the density is worth where it is kept as a whole number from -127 to 127,
        float32 of shape (channels,).
    """

    convolutions: Mapping[str, QuantisedConvolution] = field(default_factory=dict)
    channel_steps: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))


def write_quantised(folder: str | Path, quantised: Quantised) -> None:
    """Put them into the folder of their network, whose weights they belong to from now on."""
    folder, arrays = Path(folder), {CHANNEL_STEPS: quantised.channel_steps}
    for name, convolution in quantised.convolutions.items():
        arrays |= {f"{name}/{each.name}": np.asarray(getattr(convolution, each.name)) for each in fields(convolution)}
    with new_hdf5(folder / FILE) as file:
        file.attrs["weights"] = digest_of(folder / "model.weights.h5")
        for name, values in arrays.items():
            packed = {"compression": "gzip", "shuffle": True} if values.size > 1 else {}
            file.create_dataset(name, data=values, **packed)
    note_digests(folder, [FILE])


def read_quantised(folder: str | Path) -> Quantised | None:
    """Those of the network in ``folder``; None where it has none.

    Raises
    ------
    StorageError
        If the file is damaged, or belongs to other weights.
    """
    path = Path(folder) / FILE
    if not path.is_file():
        return None
    check_digest(path)
    with open_hdf5(path) as file:
        if file.attrs.get("weights") != digest_of(path.parent / "model.weights.h5"):
            raise StorageError(f"{path}: made of other weights than model.weights.h5 beside it; {REMEDY}")
        try:
            convolutions = {
                name: QuantisedConvolution(**{each.name: group[each.name][()] for each in fields(QuantisedConvolution)})
                for name, group in file.items()
                if name != CHANNEL_STEPS
            }
            return Quantised(convolutions, file[CHANNEL_STEPS][()])
        except (KeyError, AttributeError):
            raise StorageError(f"{path}: lacks a dataset of a convolution in eight bits; {REMEDY}") from None
