"""What the heads of a network say of every cell, beside its probability in the same file.

``centre_offset`` (N, N, N, 3) is the vector to the centre of the cell's halo, ``log_radius`` (N, N, N) the natural
logarithm of its Lagrangian radius, both in cells. They are float16: an offset below 16 cells is resolved to 1/128 of a
cell, a radius to 0.1%, far below any network's error.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from halonet.settings.heads import HEADS
from halonet.storage import CHUNK_CELLS, FieldHeader, StorageError, new_hdf5, open_hdf5, write_header

SHAPES = {name: head.shape for name, head in HEADS.items()}  # of a cell's value


@contextmanager
def file_with_heads(
    path: str | Path, names: list[str], cells: int, header: FieldHeader
) -> Iterator[tuple[h5py.Dataset, dict[str, h5py.Dataset]]]:
    """Datasets ``probability`` and, by their names, those of heads, to be filled; the file appears when all are."""
    side = min(CHUNK_CELLS, cells)
    values = sum(int(np.prod(SHAPES[name])) for name in names)
    with new_hdf5(path, cells**3 * (4 + 2 * values)) as file:
        probability = file.create_dataset("probability", (cells,) * 3, np.float32, chunks=(side,) * 3)
        heads = {}
        for name in names:
            shape = SHAPES[name]
            heads[name] = file.create_dataset(name, (cells,) * 3 + shape, np.float16, chunks=(side,) * 3 + shape)
        yield probability, heads
        write_header(file, header)


def read_heads(path: str | Path) -> dict[str, np.ndarray]:
    """Offsets (N, N, N, 3) and ln radii (N, N, N) of a file by their names, float16; one without them is refused."""
    fields = {}
    with open_hdf5(path) as file:
        for name, shape in SHAPES.items():
            if name not in file:
                raise StorageError(
                    f"{path}: no dataset {name!r}; votes need a network that was trained with the heads "
                    f"{' and '.join(SHAPES)}"
                )
            if file[name].shape != file["probability"].shape + shape:
                expected = file["probability"].shape + shape
                raise StorageError(f"{path}: {name} has shape {file[name].shape}; {expected} is needed")
            try:
                fields[name] = file[name][...]
            except OSError as error:
                raise StorageError(f"{path}: {name} cannot be read, the file is damaged ({error})") from None
            if not all(np.isfinite(plane).all() for plane in fields[name]):
                raise StorageError(f"{path}: {name} has values that are not finite")
    return fields
