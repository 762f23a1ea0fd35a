"""Collapse tables that were solved before: for a small mock, to solve one takes longer than all the rest.

They are kept in the user's cache folder, by the numbers they are solved for and by the code that solves them.
"""

import hashlib
import json
from contextlib import suppress
from pathlib import Path

from halonet.code_digests import code_digest
from halonet.mpi import Communicator
from halonet.peak_patch import collapse
from halonet.peak_patch.collapse import (
    SOLVED_FOR,
    CollapseTable,
    read_collapse_table,
    solve_collapse_table,
    write_collapse_table,
)
from halonet.settings import CosmologySettings
from halonet.storage import StorageError
from halonet.user_cache import cache_file


def kept_collapse_table(
    cosmology: CosmologySettings, kind: str, communicator: Communicator | None = None
) -> CollapseTable:
    """Collapse table as ``solve_collapse_table`` solves it, or read if it was solved before; collective."""
    path, first = _file(cosmology, kind), communicator is None or communicator.rank == 0
    table = _read(path, cosmology, kind) if first else None
    if communicator is not None:
        table = communicator.bcast(table)
    if table is None:
        table = solve_collapse_table(cosmology, kind, communicator=communicator)
        if first:
            # Where there is no room for it, the next process solves it again.
            with suppress(OSError, StorageError):
                path.parent.mkdir(parents=True, exist_ok=True)
                write_collapse_table(path, table, {})
    return table


def _file(cosmology: CosmologySettings, kind: str) -> Path:
    key = [kind, *(getattr(cosmology, name) for name in SOLVED_FOR), code_digest(collapse.__file__)]
    return cache_file("collapse", f"{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]}.h5")


def _read(path: Path, cosmology: CosmologySettings, kind: str) -> CollapseTable | None:
    try:
        return read_collapse_table(path, cosmology, kind)
    except (OSError, StorageError):
        return None  # not solved yet, or damaged
