"""Owners: the halo every Lagrangian cell of a box ends up in, where that is known cell by cell and not as a sphere.

The file holds ``owner`` (N, N, N), int32: the row of the halo in the catalogue of the same box, which is sorted by
mass, and -1 outside of all. It stands beside catalogue and mask.
"""

from pathlib import Path
from typing import Any

import numpy as np

from halonet.grid.shared_writing import write_through_first
from halonet.grid.slabs import Slabs
from halonet.storage import (
    CHUNK_CELLS,
    FieldHeader,
    StorageError,
    field_cells,
    new_shared_hdf5,
    open_hdf5,
    read_header,
    write_header,
)

NO_HALO = -1


def write_owners(path: str | Path, owners: np.ndarray, header: FieldHeader, slabs: Slabs | None = None) -> None:
    """Write the owner of every cell, int32 of shape (N / ranks, N, N) from each rank, atomically; collective.

    The bytes do not depend on the number of ranks.
    """
    owners, slabs = owners.astype(np.int32, copy=False), slabs or Slabs(len(owners))
    with new_shared_hdf5(path, slabs) as file:
        data, side = None, min(CHUNK_CELLS, slabs.cells)
        if file is not None:
            packing = {"chunks": (side,) * 3, "shuffle": True, "compression": "gzip", "compression_opts": 1}
            data = file.create_dataset("owner", (slabs.cells,) * 3, np.int32, **packing)
            write_header(file, header)
        write_through_first(data, owners, slabs, side)


def read_owners(path: str | Path, haloes: int, made_as: dict[str, Any] | None = None) -> np.ndarray:
    """Owner of every cell, int32 of shape (N, N, N).

    Parameters
    ----------
    haloes
        Number of haloes of the catalogue they are rows of; a row beyond it is refused.
    made_as
        Provenance of that catalogue; owners that were made otherwise are refused.
    """
    field_cells(path, "owner")
    try:
        with open_hdf5(path) as file:
            owners = file["owner"][...].astype(np.int32, copy=False)
    except OSError as error:
        raise StorageError(f"{path}: owner cannot be read, the file is damaged ({error})") from None
    if owners.min() < NO_HALO or owners.max() >= haloes:
        raise StorageError(
            f"{path}: owner runs from {owners.min()} to {owners.max()}; rows of a catalogue of {haloes} haloes are 0 "
            f"to {haloes - 1}, and {NO_HALO} outside of all"
        )
    if made_as is not None and read_header(path).provenance != made_as:
        raise StorageError(f"{path}: the owners are not those of this catalogue, which was made otherwise or anew")
    return owners
