"""Digest of the code behind a script: it changes with what the code computes, and with nothing else.

Every Snakemake of a workflow asks for the digests of all its scripts, each job's own Snakemake too. To parse the whole
package takes a second; so what a file's text gives is noted in the user's cache folder.
"""

import ast
import hashlib
import json
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import halonet
from halonet.user_cache import cache_file, keep_note, read_note

PACKAGE = Path(halonet.__file__).parent
# What a text gives depends on the version of Python, and on how it is read here.
READER = f"{sys.version_info[:2]} {hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]}"
MOST_NOTED = 4000  # texts of files; the package has some 400


class Parsed(NamedTuple):
    """What a file's text says.

    Attributes
    ----------
    digest
        Of its code, without comments, layout and docstrings.
    imports
        Names of this package that it imports, of modules or of what is in them.
    """

    digest: str
    imports: list[str]


def code_digest(*sources: str | Path) -> str:
    """Digest of Python files and of every module of this package they import, directly or not.

    Comments, layout and docstrings do not count. Nothing is imported, so it costs milliseconds in a workflow that knows
    no TensorFlow.
    """
    names = {_name(path): digest for path, digest in code_of(*sources).items()}
    return hashlib.sha256(json.dumps(names, sort_keys=True).encode()).hexdigest()[:16]


def code_of(*sources: str | Path) -> dict[Path, str]:
    """Digests of Python files and of every module of this package they import, directly or not."""
    pending, digests = [Path(source).resolve() for source in sources], {}
    before = len(known := _noted())
    while pending:
        path = pending.pop()
        if path not in digests:
            parsed = _parsed(path)
            digests[path] = parsed.digest
            pending.extend(module for name in parsed.imports for module in _modules(name))
    if len(known) > before:
        keep_note(_note(), {"reader": READER, "files": dict(list(known.items())[-MOST_NOTED:])})
    return digests


def _name(path: Path) -> str:
    return str(path.relative_to(PACKAGE)) if path.is_relative_to(PACKAGE) else path.name


def _note() -> Path:
    return cache_file("code", f"{hashlib.sha256(str(PACKAGE).encode()).hexdigest()[:32]}.json")


@cache
def _noted() -> dict[str, list]:
    """Parsed texts by their digests, of this process and of earlier ones."""
    held = read_note(_note())
    return held.get("files", {}) if held.get("reader") == READER else {}


@cache
def _parsed(path: Path) -> Parsed:
    text, known = path.read_bytes(), _noted()
    key = hashlib.sha256(text).hexdigest()
    if key not in known:
        known[key] = list(_parse(text, path))
    return Parsed(*known[key])


def _parse(text: bytes, path: Path) -> Parsed:
    tree, imports = ast.parse(text, str(path)), set()
    for node in ast.walk(tree):
        imports.update(_imported(node))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:]
    return Parsed(hashlib.sha256(ast.dump(tree).encode()).hexdigest(), sorted(imports))


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module:
        names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    else:
        return []
    return [name for name in names if name.startswith("halonet.")]


@cache
def _modules(name: str) -> list[Path]:
    """Files of the module of a name, if it is one."""
    path = PACKAGE.joinpath(*name.split(".")[1:])
    return [file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()]
