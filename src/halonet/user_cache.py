"""The user's cache folder, so that what takes long is computed once; without room in it, it is each time."""

import atexit
import json
import os
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any


def cache_folder() -> Path:
    """The user's cache folder, ``$XDG_CACHE_HOME/halonet``; of a user without a home, one for temporary files."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "halonet"
    except RuntimeError:  # a container's user who stands in no table
        return Path(tempfile.gettempdir()) / f"halonet-{os.getuid()}"


def cache_file(kind: str, name: str) -> Path:
    """A file in the user's cache folder: ``$XDG_CACHE_HOME/halonet/<kind>/<name>``."""
    return cache_folder() / kind / name


@cache
def folder_for_others(kind: str) -> Path:
    """A folder in which a library may keep what it likes: of the user's cache, or, if nothing can be written there, of
    temporary files that go with the process.
    """
    folder = cache_folder() / kind
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        temporary = tempfile.TemporaryDirectory(prefix="halonet-")
        atexit.register(temporary.cleanup)
        return Path(temporary.name)


def read_note(note: Path) -> dict[str, Any]:
    """What a note holds; nothing if there is none, or if it is damaged."""
    try:
        held = json.loads(note.read_text())
    except (OSError, ValueError):
        return {}
    return held if isinstance(held, dict) else {}


def keep_note(note: Path, held: dict[str, Any]) -> None:
    """Write a note for later processes, whole or not at all."""
    part = note.with_name(f".{note.name}.{os.getpid()}.part")
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(held))
        os.replace(part, note)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)
