"""What every artifact carries, and the digest of the code that made it.

A provenance record holds nothing that differs between two identical runs (no time, no host, no number of ranks), so
that the same settings, seed and code give the same bytes.
"""

import ast
import hashlib
import json
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import halonet

PACKAGE = Path(halonet.__file__).parent
WHOLE_BYTES = 16 * 2**20  # files up to this size count to the last byte
SAMPLES, SAMPLE_BYTES = 64, 2**16  # of larger ones, by which 256 boxes of 512^3 cells are planned in seconds
LIBRARIES = ("numpy", "scipy", "h5py", "numba", "camb", "keras", "tensorflow", "tensorflow-cpu")


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
    """Digest of a user's file: its size and content, of a large file evenly spaced samples; no time, no name."""
    size = Path(path).stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with open(path, "rb") as file:
        if size <= WHOLE_BYTES:
            digest.update(file.read())
        else:
            for i in range(SAMPLES):
                file.seek(i * (size - SAMPLE_BYTES) // (SAMPLES - 1))
                digest.update(file.read(SAMPLE_BYTES))
    return digest.hexdigest()[:16]


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
