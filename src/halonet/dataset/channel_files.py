"""Files of input channels, from which training reads its windows.

The dataset ``channels`` is float16 of shape (N, N, N, C) in chunks of all channels of a small cube: a random window
touches few chunks and needs all their channels. Its attribute ``settings`` says, as JSON, which channels these are;
the root attributes are those of a field file.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from halonet.provenance import provenance
from halonet.settings import ChannelSettings, SettingsError
from halonet.storage import FieldHeader, StorageError, new_hdf5, open_hdf5, read_header, write_header

CHANNEL_CHUNK_CELLS = 16


def channel_file(folder: str | Path, box: int) -> Path:
    """File of a box's channels below ``folder``."""
    return Path(folder) / f"{box:03d}.h5"


def write_channels(path: str | Path, channels: np.ndarray, settings: ChannelSettings, density: FieldHeader) -> None:
    """Write the channels of a box, shape (N, N, N, C), atomically; ``density`` is the header of its density."""
    record = provenance("channels", settings.model_dump(), density.seed) | {"density": density.provenance}
    side = min(CHANNEL_CHUNK_CELLS, len(channels))
    with new_hdf5(path) as file:
        data = file.create_dataset("channels", channels.shape, channels.dtype, chunks=(side,) * 3 + channels.shape[3:])
        for start in range(0, len(channels), side):
            data[start : start + side] = channels[start : start + side]
        data.attrs["settings"] = json.dumps(settings.model_dump())
        write_header(file, replace(density, provenance=record))


def check_channels(path: str | Path, settings: ChannelSettings, density: str | Path) -> None:
    """Refuse a file whose channels are not those of ``settings``, or not of the file ``density``."""
    with open_hdf5(path) as file, open_hdf5(density) as other:
        if "channels" not in file or "settings" not in file["channels"].attrs:
            raise StorageError(f"{path}: no channels; compute_channels.py writes them")
        found, held = file["channels"].shape, json.loads(file["channels"].attrs["settings"])
        expected = (*other["density"].shape, settings.count)
    if held != settings.model_dump() or found != expected:
        raise SettingsError(
            f"{path} holds the channels {held}, shape {found}; the network needs {settings.model_dump()}, shape "
            f"{expected}"
        )
    if read_header(path).provenance.get("density") != read_header(density).provenance:
        raise SettingsError(f"{path}: these are not the channels of {density}, which was made otherwise or anew")
