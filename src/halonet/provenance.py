"""What every artifact carries: how it was made, and the digests of a user's files.

A provenance record holds nothing that differs between two identical runs (no time, no host, no number of ranks), so
that the same settings, seed and code give the same bytes.
"""

import hashlib
import os
import subprocess
import time
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import halonet
from halonet.checks.assumptions import assumptions
from halonet.code_digests import code_digest as code_digest  # where it was until 0.1
from halonet.user_cache import cache_file, keep_note, read_note

PACKAGE = Path(halonet.__file__).parent
SMALL_BYTES = 16 * 2**20  # of files that are read again every time
BLOCK_BYTES = 2**20
SETTLED_NS = 2 * 10**9  # since the last change of a file, before its digest is kept
LIBRARIES = ("numpy", "scipy", "h5py", "numba", "camb", "keras", "tensorflow", "tensorflow-cpu", "openvino")


def provenance(stage: str, settings: dict[str, Any], seed: int | None = None) -> dict[str, Any]:
    """Record of how an artifact was made: stage, its settings, seed, versions and git commit."""
    record: dict[str, Any] = {
        "stage": stage,
        "settings": settings,
        "halonet": halonet.__version__,
        "git_commit": _git_commit(),
    }
    if seed is not None:
        record["seed"] = seed
    if assumed := assumptions():
        record["assumed"] = assumed
    record["libraries"] = {name: version for name in LIBRARIES if (version := _version(name))}
    return record


def with_assumptions(record: dict[str, Any]) -> dict[str, Any]:
    """A record with what has been assumed since it was made, too."""
    assumed = assumptions()
    return record | {"assumed": assumed} if assumed else record


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


@cache
def _git_commit() -> str | None:
    command = ["git", "-C", str(PACKAGE), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def file_digest(path: str | Path) -> str:
    """Digest of a user's file: its size and all of its content; no time, no name.

    A large file is read once: its digest is kept in the user's cache folder, by the file's path, size and times.
    """
    known = os.stat(path)
    if known.st_size <= SMALL_BYTES:
        return _digest_of_content(path, known.st_size)
    real = os.path.realpath(path)
    key = [real, known.st_size, known.st_mtime_ns, known.st_ctime_ns]
    note = cache_file("digests", f"{hashlib.sha256(real.encode()).hexdigest()[:32]}.json")
    noted = read_note(note)
    if noted.get("key") == key and "digest" in noted:
        return noted["digest"]
    digest = _digest_of_content(path, known.st_size)
    # What changes within the resolution of its time would not be seen again.
    if time.time_ns() - max(known.st_mtime_ns, known.st_ctime_ns) > SETTLED_NS:
        keep_note(note, {"key": key, "digest": digest})
    return digest


def _digest_of_content(path: str | Path, size: int) -> str:
    digest = hashlib.sha256(str(size).encode())
    with open(path, "rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()[:16]
