"""What every artifact carries, and the digest of the code that made it.

A provenance record holds nothing that differs between two identical runs (no time, no host, no number of ranks), so
that the same settings, seed and code give the same bytes.
"""

import ast
import hashlib
import json
import os
import subprocess
import time
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import halonet
from halonet.checks.assumptions import assumptions

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
    memory = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "halonet" / "digests"
    note = memory / f"{hashlib.sha256(real.encode()).hexdigest()[:32]}.json"
    try:
        noted = json.loads(note.read_text())
        if noted["key"] == key:
            return noted["digest"]
    except (OSError, ValueError, TypeError, KeyError):
        pass  # not read yet, or damaged
    digest = _digest_of_content(path, known.st_size)
    # What changes within the resolution of its time would not be seen again.
    if time.time_ns() - max(known.st_mtime_ns, known.st_ctime_ns) > SETTLED_NS:
        _keep(note, json.dumps({"key": key, "digest": digest}))
    return digest


def _digest_of_content(path: str | Path, size: int) -> str:
    digest = hashlib.sha256(str(size).encode())
    with open(path, "rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()[:16]


def _keep(note: Path, text: str) -> None:
    """Write a note for later runs; where there is no room for it, they read the file again."""
    part = note.with_name(f".{note.name}.{os.getpid()}.part")
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text)
        os.replace(part, note)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def code_digest(*sources: str | Path) -> str:
    """Digest of Python files and of every module of this package they import, directly or not.

    Comments, layout and docstrings do not count; nothing is imported, so it costs milliseconds in a workflow that knows
    no TensorFlow.
    """
    names = {_name(path): digest for path, digest in code_of(*sources).items()}
    return hashlib.sha256(json.dumps(names, sort_keys=True).encode()).hexdigest()[:16]


def code_of(*sources: str | Path) -> dict[Path, str]:
    """Digests of Python files and of every module of this package they import, directly or not."""
    pending, digests = [Path(source).resolve() for source in sources], {}
    while pending:
        path = pending.pop()
        if path not in digests:
            digests[path], imported = _digest_of_file(path)
            pending.extend(imported)
    return digests


def _name(path: Path) -> str:
    return str(path.relative_to(PACKAGE)) if path.is_relative_to(PACKAGE) else path.name


@cache
def _digest_of_file(path: Path) -> tuple[str, tuple[Path, ...]]:
    tree = ast.parse(path.read_text(), str(path))
    imported = tuple(sorted({module for node in ast.walk(tree) for module in _imported_modules(node)}))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), imported


def _imported_modules(node: ast.AST) -> list[Path]:
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module:
        names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    else:
        return []
    paths = []
    for name in names:
        first, *rest = name.split(".")
        if first == "halonet":
            path = PACKAGE.joinpath(*rest)
            paths += [p for p in (path.with_suffix(".py"), path / "__init__.py") if rest and p.is_file()]
    return paths
