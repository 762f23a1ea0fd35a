"""The user's cache folder, so that what takes long is computed once; without room in it, it is each time."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any


def cache_file(kind: str, name: str) -> Path:
    """A file in the user's cache folder: ``$XDG_CACHE_HOME/halonet/<kind>/<name>``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "halonet" / kind / name


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
